"""A training workflow in Amazon MWAA Serverless."""
