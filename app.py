"""Builds the reference architectures: all of them, or with `-c stack=<slug>,<slug>` only those."""

import json
import sys
from pathlib import Path
from typing import Any

from aws_cdk import App

from catalogue.discover import discover, select
from catalogue.errors import UsageError
from mla_constructs.errors import InvalidArgument
from stacks.context import Context
from stacks.gates import add_gates
from stacks.load import stack_class

FLAGS = json.loads(Path(__file__).with_name("cdk.json").read_text(encoding="utf-8"))["context"]


def build(context: dict[str, Any] | None = None, **options: Any) -> App:
    """Returns an app with the selected stacks, with or without the cdk command line around it."""
    app = App(context={**FLAGS, **(context or {})}, **options)
    settings = Context.of(app.node)
    add_gates(app, reports=settings.packs)
    for architecture in select(settings.stacks) if settings.stacks else discover().values():
        stack = stack_class(architecture)(app, architecture.stack_id)
        if settings.expire_after_hours:
            stack.expire_after(settings.expire_after_hours)
    return app


if __name__ == "__main__":
    try:
        build().synth()
    except (UsageError, InvalidArgument) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except RuntimeError as error:
        if "ValidationFailed" not in str(error):
            raise
        sys.exit(f"error: {str(error).removeprefix('ValidationFailed: ')}")
