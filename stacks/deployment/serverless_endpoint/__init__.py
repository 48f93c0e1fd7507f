"""Serverless endpoint."""
