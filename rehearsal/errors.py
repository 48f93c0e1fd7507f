"""How a rehearsal ends when it does not go well."""

from __future__ import annotations


class RehearsalError(Exception):
    """A step failed; the text says which and why, for people."""
