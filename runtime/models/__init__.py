"""Trained models that the architectures serve."""
