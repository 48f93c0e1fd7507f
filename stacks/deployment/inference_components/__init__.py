"""Inference components."""
