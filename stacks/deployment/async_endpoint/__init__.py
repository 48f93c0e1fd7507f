"""Asynchronous endpoint that scales to zero."""
