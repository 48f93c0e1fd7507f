"""What `mla compare` is asked to lay side by side."""

from __future__ import annotations

from collections.abc import Sequence

from catalogue.discover import Architecture, discover, select
from catalogue.errors import UsageError, unknown
from catalogue.model import Option


def several(slugs: Sequence[str]) -> list[Architecture]:
    """Returns the named architectures, at least two.

    Raises:
        UsageError: There are fewer, or one of them does not exist.
    """
    architectures = select(dict.fromkeys(slugs))
    if len(architectures) > 1:
        return architectures
    if not architectures:
        raise UsageError("Nothing to compare: name two architectures, or a --question.")
    (one,) = architectures
    raise UsageError(f"{_alone(one)}: name two architectures or more{_or_option(one)}.")


def answers(question: str) -> list[Architecture]:
    """Returns the architectures that answer a question: two or more, or one that has a choice.

    Raises:
        UsageError: Nobody asks it, or it has one answer only and that leaves nothing to choose.
    """
    known = discover().values()
    found = [architecture for architecture in known if architecture.facts.question == question]
    if not found:
        raise unknown("question", question, {a.facts.question for a in known})
    if len(found) == 1 and not choices(found[0]):
        raise UsageError(
            f"{_alone(found[0])}, the only answer to {question!r}: see `mla show {found[0].slug}`."
        )
    return found


def choices(architecture: Architecture) -> list[Option]:
    """Returns the options of an architecture that have values to choose from."""
    return [option for option in architecture.facts.options if option.values]


def chosen_option(slugs: Sequence[str], name: str) -> tuple[Architecture, Option]:
    """Returns an architecture and the option of it whose values are compared.

    Raises:
        UsageError: There is not one architecture, or it has no such option, or one without values.
    """
    if len(slugs) != 1:
        raise UsageError(f"--option {name} with {len(slugs)} architectures: name exactly one.")
    (architecture,) = select(slugs)
    options = {option.name: option for option in choices(architecture)}
    if name not in options:
        raise (
            unknown(f"option of {architecture.slug}", name, options)
            if options
            else UsageError(f"{architecture.slug} has no option to choose from, so no {name!r}.")
        )
    return architecture, options[name]


def pairs(texts: Sequence[str]) -> dict[str, str]:
    """Returns options by name, from texts such as "name=value".

    Raises:
        UsageError: A text is not of that form.
    """
    split = [text.partition("=") for text in texts]
    for text, (name, _, value) in zip(texts, split, strict=True):
        if not (name and value):
            raise UsageError(f"-c {text!r} chooses nothing: write it as -c name=value.")
    return {name: value for name, _, value in split}


def _alone(architecture: Architecture) -> str:
    return f"{architecture.slug!r} alone cannot be compared"


def _or_option(architecture: Architecture) -> str:
    names = [f"--option {option.name}" for option in choices(architecture)]
    return f", or lay its own choices side by side by {' or '.join(names)}" if names else ""
