"""Reusable building blocks of the reference architectures, by capability."""
