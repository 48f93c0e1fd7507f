"""Multi-container endpoint."""
