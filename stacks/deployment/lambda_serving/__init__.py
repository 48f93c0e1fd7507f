"""A model in a Lambda function."""
