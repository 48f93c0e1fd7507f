"""Runtimes of Lambda."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from cfnlint.data import AdditionalSpecs
from cfnlint.helpers import load_resource

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule, has_come
from rules._world import World

RUNTIMES = load_resource(AdditionalSpecs, "LmbdRuntimeLifecycle.json")


class LambdaRuntime(MlRule):
    """A function runs on a runtime without updates."""

    id = "W9565"
    shortdesc = "A Lambda runtime still gets updates"
    description = (
        "A deprecated runtime gets no security updates, and later functions on it can neither be "
        "created nor changed. The dates come with cfn-lint."
    )
    source = docs("lambda/latest/api/API_CreateFunction.html", READ)
    tags = ("lifecycle", "lambda")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields functions on deprecated runtimes."""
        for function in world.of_type("AWS::Lambda::Function", "AWS::Serverless::Function"):
            runtime = function.get("Runtime")
            dates = RUNTIMES.get(runtime) if isinstance(runtime, str) else None
            if dates and has_come(date.fromisoformat(dates["deprecated"])):
                yield Finding(
                    function,
                    ("Runtime",),
                    f"{runtime} is deprecated since {dates['deprecated']}: "
                    f"use {dates['successor'] or 'a later one'}.",
                )
