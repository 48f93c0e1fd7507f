"""Why a job fails, as its FailureReason has it."""

from __future__ import annotations


class JobFailedError(Exception):
    """A job cannot go on; the text is the service's reason."""
