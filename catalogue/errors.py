"""Errors a user can mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UsageError(ValueError):
    """Unusable input: one sentence with the value received and the fix.

    Command lines print the sentence and exit with code 2, without a traceback.
    """


def unknown(kind: str, received: str, known: Iterable[str]) -> UsageError:
    """Returns the error for a name that is not among the known ones, with the nearest one."""
    names = sorted(known)
    nearest = difflib.get_close_matches(received, names, n=1, cutoff=0.5)
    fix = f"did you mean {nearest[0]!r}?" if nearest else f"choose from {', '.join(names)}."
    return UsageError(f"There is no {kind} {received!r}: {fix}")
