"""Training workflows: what they ask of SageMaker, and who asks."""
