"""Rules about what is closed, and versions that have ended."""
