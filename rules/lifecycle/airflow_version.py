"""Versions of managed Airflow."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._world import World

ENDED = {"1.10.12", "2.0.2", "2.2.2", "2.4.3", "2.5.1", "2.6.3"}


class AirflowVersion(MlRule):
    """An environment asks for a version of Airflow that MWAA no longer creates."""

    id = "E9566"
    shortdesc = "MWAA still creates an Airflow version"
    description = "On an ended version MWAA creates no environment, and gives no support."
    source = docs("mwaa/latest/userguide/airflow-versions.html", READ)
    tags = ("lifecycle", "mwaa")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields environments on ended versions."""
        for environment in world.of_type("AWS::MWAA::Environment"):
            version = environment.get("AirflowVersion")
            if isinstance(version, str) and version in ENDED:
                yield Finding(
                    environment,
                    ("AirflowVersion",),
                    f"MWAA creates no environment of Airflow {version} any more: use 2.11.2 or "
                    "3.3.1.",
                )
