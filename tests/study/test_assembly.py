"""Which templates are read from disk, and which are synthesized first."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from catalogue.discover import discover
from catalogue.errors import UsageError
from study import assembly as assemblies

LATER = 4_000_000_000.0
"""A time in the future: newer than every source file."""


@pytest.fixture
def folders(tmp_path: Path, assembly: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A fresh cdk.out with two templates, an empty cache, and a record of what is synthesized."""
    cdk_out, cache = tmp_path / "cdk.out", tmp_path / "cache"
    cdk_out.mkdir()
    for name in ("realtime-endpoint", "async-endpoint"):
        copy = shutil.copy(assembly / f"{name}.template.json", cdk_out)
        os.utime(copy, (LATER, LATER))
    calls: list[list[str]] = []

    def synthesize(slugs: Iterable[str], outdir: Path) -> None:
        calls.append(list(slugs))
        outdir.mkdir(exist_ok=True)
        for slug in calls[-1]:
            name = slug.replace("_", "-")
            os.utime(shutil.copy(assembly / f"{name}.template.json", outdir), (LATER, LATER))

    monkeypatch.setattr(assemblies, "CDK_OUT", cdk_out)
    monkeypatch.setattr(assemblies, "CACHE", cache)
    monkeypatch.setattr(assemblies, "synthesize", synthesize)
    return calls


def load(*slugs: str) -> list[str]:
    return [template.name for template in assemblies.load([discover()[slug] for slug in slugs])]


def test_fresh_templates_are_only_read(folders: list[list[str]]) -> None:
    assert load("async_endpoint", "realtime_endpoint") == ["async_endpoint", "realtime_endpoint"]
    assert folders == []


def test_only_what_is_missing_is_synthesized_and_then_kept(folders: list[list[str]]) -> None:
    load("realtime_endpoint", "batch_transform", "serverless_endpoint")
    load("batch_transform")
    assert folders == [["batch_transform", "serverless_endpoint"]]


def test_stale_template_is_synthesized_beside_cdk_out(folders: list[list[str]]) -> None:
    old = assemblies.CDK_OUT / "async-endpoint.template.json"
    os.utime(old, (0, 0))
    load("async_endpoint", "realtime_endpoint")
    assert folders == [["async_endpoint"]]
    assert old.stat().st_mtime == 0, "cdk.out belongs to the cdk command line"


def test_named_assembly_is_never_completed(folders: list[list[str]]) -> None:
    with pytest.raises(UsageError, match="run `make synth`"):
        assemblies.load([discover()["batch_transform"]], assemblies.CDK_OUT)
    assert folders == []


def test_failed_synthesis_passes_on_the_sentence_of_the_app(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^Synthesis failed: There is no architecture 'x'"):
        assemblies.synthesize(["x"], tmp_path)
