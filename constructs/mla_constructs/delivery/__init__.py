"""Builds and pipelines."""
