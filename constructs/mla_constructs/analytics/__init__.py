"""Queries over what was recorded."""
