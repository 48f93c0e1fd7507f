"""Batch transform on a schedule."""
