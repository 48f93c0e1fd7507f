"""One training workflow in SageMaker Pipelines."""
