"""Rehearsals: an architecture deployed into an emulated AWS on this machine, and used for real."""
