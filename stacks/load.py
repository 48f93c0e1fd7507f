"""From an architecture's folder to its stack class."""

from __future__ import annotations

from importlib import import_module

from catalogue.discover import Architecture
from catalogue.errors import UsageError
from stacks.reference_stack import ReferenceStack


def stack_class(architecture: Architecture) -> type[ReferenceStack]:
    """Returns the class in the architecture's stack.py, such as RealtimeEndpointStack.

    Raises:
        UsageError: stack.py has no such class.
    """
    module = import_module(f"{architecture.module}.stack")
    found = getattr(module, architecture.stack_class, None)
    if not (isinstance(found, type) and issubclass(found, ReferenceStack)):
        raise UsageError(
            f"{architecture.module}.stack has no {architecture.stack_class}: "
            "define it as a subclass of ReferenceStack."
        )
    return found
