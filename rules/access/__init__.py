"""Rules about what roles may do."""
