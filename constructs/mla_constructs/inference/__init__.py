"""Models, endpoints and batch inference."""
