"""Synthesis as such: the same bytes anywhere, alone, in any region, and for keeps if asked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from app import build
from catalogue.discover import ROOT, Architecture, discover
from catalogue.errors import UsageError
from catalogue.template import Template
from tests.conftest import Variants

SOURCES = ("catalogue", "constructs", "runtime", "stacks", "app.py", "cdk.json")
REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2", "sa-east-1")


@cache
def without_network() -> list[str]:
    """The prefix that takes a command's network away, empty where the system does not allow it."""
    prefix = ["unshare", "--map-root-user", "--net"]
    if shutil.which(prefix[0]) is None:
        return []
    probe = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    return [] if probe.returncode else [str(shutil.which(prefix[0])), *prefix[1:]]


def run_app(
    outdir: Path, context: dict[str, object], *, root: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Runs app.py with Python, Node and the context: no network, no credentials, no Docker."""
    home = {name: os.environ[name] for name in ("HOME", "XDG_CACHE_HOME") if name in os.environ}
    return subprocess.run(
        [*without_network(), sys.executable, str(root / "app.py")],
        cwd=root,
        env={
            **home,
            "PATH": str(Path(sys.executable).parent),
            "PYTHONPATH": os.pathsep.join([str(root), str(root / "constructs")]),
            "CDK_OUTDIR": str(outdir),
            "CDK_CONTEXT_JSON": json.dumps(context),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def templates_and_assets(assembly: Path) -> dict[str, bytes]:
    files = {file.name: file.read_bytes() for file in assembly.glob("*.template.json")}
    return files | {file.name: b"" for file in assembly.glob("asset.*")}


@pytest.mark.whole_catalogue
def test_another_folder_gives_the_same_bytes(assembly: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    for name in SOURCES:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, copy / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, copy / name)

    process = run_app(tmp_path / "out", {}, root=copy)

    assert process.returncode == 0, process.stderr
    assert templates_and_assets(tmp_path / "out") == templates_and_assets(assembly)


@pytest.mark.whole_catalogue
def test_one_architecture_alone_is_the_same(assembly: Path, tmp_path: Path) -> None:
    process = run_app(tmp_path, {"stack": "batch-transform"})
    assert process.returncode == 0, process.stderr
    (template,) = tmp_path.glob("*.template.json")
    assert template.read_bytes() == (assembly / template.name).read_bytes()


@pytest.mark.whole_catalogue
def test_data_outlives_the_stack_if_asked(tmp_path: Path) -> None:
    process = run_app(tmp_path, {"retain_data": "true"})
    assert process.returncode == 0, process.stderr
    for architecture in discover().values():
        file = tmp_path / f"{architecture.stack_id}.template.json"
        resources = Template(json.loads(file.read_text()), architecture.slug).resources
        data = {"AWS::S3::Bucket", "AWS::KMS::Key", "AWS::Logs::LogGroup"}
        for name, resource in resources.items():
            # Logs under no key are those of deployments and hold no data.
            deployment = resource["Type"].endswith("LogGroup") and (
                "KmsKeyId" not in resource["Properties"]
            )
            if resource["Type"] in data and not deployment:
                assert resource["DeletionPolicy"] == "Retain", name
        assert "Custom::EmptyBucket" not in {r["Type"] for r in resources.values()}


def test_every_option_gives_a_template_that_passes_the_gates(
    architecture: Architecture, variants: Variants
) -> None:
    for context, template in variants(architecture).items():
        for limit in architecture.facts.limits:
            for setting in template.values(limit.setting) if limit.setting else []:
                assert not limit.violation(setting), (context, limit.name)


def test_unknown_value_of_an_option_is_refused(architecture: Architecture) -> None:
    for option in architecture.facts.options:
        if option.values:
            with pytest.raises(UsageError, match=f"{option.name} is 'none such': choose from"):
                build({"stack": architecture.slug, option.name: "none such"})


@pytest.fixture(scope="module")
def lint(assembly: Path) -> dict[str, list[str]]:
    """What cfn-lint says to each template, in several regions."""
    files = sorted(map(str, assembly.glob("*.template.json")))
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--format", "json"]
    process = subprocess.run(
        [*command, "--regions", *REGIONS, "--template", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, list[str]] = {Path(file).name: [] for file in files}
    for item in json.loads(process.stdout or "null"):
        found[Path(item["Filename"]).name].append(f"{item['Rule']['Id']} {item['Message']}")
    return found


def test_cfn_lint_finds_nothing(architecture: Architecture, lint: dict[str, list[str]]) -> None:
    missing = {f"does not exist in '{name}'" for name in architecture.facts.availability.not_in}
    found = lint[f"{architecture.stack_id}.template.json"]
    assert [item for item in found if not item.endswith(tuple(missing))] == []
    for name in missing:
        assert any(item.endswith(name) for item in found), f"{name}: it does now"
