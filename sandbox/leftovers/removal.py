"""Deletes what is left, finder by finder, after another look at each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sandbox.aws import Unseen
from sandbox.leftovers.model import Finder, Leftover, StillThere
from sandbox.leftovers.survey import Found, Survey, search


@dataclass(frozen=True)
class Step:
    """What became of a leftover.

    Attributes:
        leftover: Which one.
        outcome: In words.
        failed: Whether it is there still.
    """

    leftover: Leftover
    outcome: str
    failed: bool = False


def removable(found: Found) -> list[Leftover]:
    """Returns what can be deleted: not what goes by itself, nor what is left to people."""
    return [
        leftover
        for _, leftovers in found
        for leftover in leftovers
        if not (leftover.by_hand or leftover.ends)
    ]


def remove(found: Found, look_again: Callable[[], Survey]) -> Iterator[Step]:
    """Deletes what was found, in the finders' order; a failure does not keep the others.

    Before each finder's turn the account is looked at anew: what is not there any more, has lost
    what it was recognised by, or belongs to a stack that was deployed meanwhile is not touched.

    Args:
        found: What was shown and confirmed.
        look_again: Returns a new survey.

    Yields:
        What became of each that can be deleted.
    """
    for finder, leftovers in found:
        confirmed = removable([(finder, leftovers)])
        if confirmed:
            yield from _turn(finder, confirmed, look_again())


def _turn(finder: Finder, confirmed: list[Leftover], survey: Survey) -> Iterator[Step]:
    try:
        still = {leftover.identity for _, now in search(survey, [finder]) for leftover in now}
    except Unseen as unseen:
        survey.unseen.append(str(unseen))
    if survey.unseen:
        for leftover in confirmed:
            yield Step(leftover, f"not touched: {survey.unseen[0]}", failed=True)
        return
    for leftover in confirmed:
        if leftover.identity not in still:
            yield Step(leftover, "gone, or not left over any more")
            continue
        try:
            finder.remove(survey.account, leftover)
        except (Unseen, StillThere) as failure:
            yield Step(leftover, f"not deleted: {failure}", failed=True)
        else:
            yield Step(leftover, "done")
