"""Bring your own container: one image that trains and serves."""
