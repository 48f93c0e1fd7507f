"""Builds the reference architectures: all of them, or with `-c stack=<slug>,<slug>` only those."""

import sys
from typing import Any

from aws_cdk import App

from catalogue.discover import discover, select
from catalogue.errors import UsageError
from mla_constructs.errors import InvalidArgument
from stacks.context import Context
from stacks.gates import add_gates
from stacks.load import stack_class


def build(**options: Any) -> App:
    """Returns an app with the selected stacks; options are those of aws_cdk.App."""
    app = App(**options)
    context = Context.of(app.node)
    add_gates(app, reports=context.packs)
    for architecture in select(context.stacks) if context.stacks else discover().values():
        stack_class(architecture)(app, architecture.stack_id)
    return app


if __name__ == "__main__":
    try:
        build().synth()
    except (UsageError, InvalidArgument) as error:
        sys.exit(f"error: {error}")
