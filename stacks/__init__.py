"""The reference architectures: one folder `<domain>/<slug>/` each, found by its facts.py."""
