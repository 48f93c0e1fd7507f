"""A model behind a load balancer on Fargate."""
