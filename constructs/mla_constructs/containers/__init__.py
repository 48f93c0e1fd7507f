"""Container images: those that SageMaker provides and those built in the account."""
