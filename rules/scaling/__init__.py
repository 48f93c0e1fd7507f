"""Rules about the automatic scaling of endpoints."""
