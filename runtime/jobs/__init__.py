"""Code that runs in SageMaker's processing and training jobs."""
