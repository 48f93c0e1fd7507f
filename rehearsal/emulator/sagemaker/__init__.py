"""SageMaker: models, endpoints and jobs that really run, on this machine."""
