"""Templates as they were last accepted: `pytest --accept` writes them."""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from catalogue.discover import Architecture, discover
from catalogue.template import Template

SNAPSHOTS = Path(__file__).parent.parent / "snapshots"
HASH = "<content-hash>"
KEPT = ("Description", "Mappings", "Conditions", "Resources", "Outputs")


def normalised(value: Any) -> Any:
    """Returns a template's value without what changes while the architecture stays the same."""
    match value:
        case dict():
            kept = {name: normalised(item) for name, item in value.items() if name != "Metadata"}
            resources = kept.get("Resource")
            # CDK sorts a statement's resources: by the hash, if they are uploaded files.
            if isinstance(resources, list) and all(HASH in json.dumps(item) for item in resources):
                kept["Resource"] = sorted(resources, key=json.dumps)
            return kept
        case list():
            return [normalised(item) for item in value]
        case str():
            return re.sub(r"[0-9a-f]{64}", HASH, value)
    return value


def snapshot_of(template: Template) -> str:
    kept = {name: template.document[name] for name in KEPT if name in template.document}
    return json.dumps(normalised(kept), indent=1, sort_keys=True) + "\n"


def test_template_is_the_accepted_one(
    architecture: Architecture, template: Template, request: pytest.FixtureRequest
) -> None:
    file = SNAPSHOTS / f"{architecture.slug}.json"
    current = snapshot_of(template)
    if request.config.getoption("--accept"):
        file.write_text(current)
    accepted = file.read_text() if file.exists() else ""
    difference = "\n".join(
        difflib.unified_diff(
            accepted.splitlines(), current.splitlines(), "accepted", "now", lineterm="", n=2
        )
    )
    assert not difference, f"accept it with `pytest --accept`:\n{difference}"


def test_every_snapshot_has_an_architecture() -> None:
    assert {file.stem for file in SNAPSHOTS.glob("*.json")} == discover().keys()


def test_normalising_hides_content_hashes_and_nothing_else() -> None:
    key = "a" * 64
    assert normalised({"S3Key": f"{key}.zip", "Metadata": {}, "Timeout": 900}) == {
        "S3Key": "<content-hash>.zip",
        "Timeout": 900,
    }


def resources(*names: str) -> Any:
    return normalised({"Resource": list(names)})


def test_order_of_hashed_resources_is_hidden_and_no_other() -> None:
    low, high = ("0" * 64, "f" * 64)
    assert resources(f"{low}.zip", f"{high}.csv") == resources(f"{low}.csv", f"{high}.zip")
    assert resources("b", "a") == {"Resource": ["b", "a"]}
    assert resources(f"{low}.zip", "a") == {"Resource": ["<content-hash>.zip", "a"]}
    # The containers of an inference pipeline, for one: their order is what they do.
    assert normalised([f"{low}.zip", f"{high}.csv"]) == ["<content-hash>.zip", "<content-hash>.csv"]
