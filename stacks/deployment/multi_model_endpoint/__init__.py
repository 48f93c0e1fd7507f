"""Multi-model endpoint."""
