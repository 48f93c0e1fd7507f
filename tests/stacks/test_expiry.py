"""`-c expire_after_hours` on every architecture: through the gates, and nothing else changes."""

from __future__ import annotations

import copy
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aws_cdk import App

from catalogue.compliance import WAIVED, WAIVED_PACKS
from catalogue.discover import Architecture, select
from catalogue.errors import UsageError
from catalogue.template import Template
from rules._apply import check
from stacks.context import Context
from study.assembly import load, synthesize
from study.evaluation import Policies
from study.validation import findings
from tests.stacks import test_decisions as decisions
from tests.stacks import test_permissions as permissions
from tests.stacks import test_traits as traits
from tests.stacks.test_synthesis import REGIONS
from tests.support.expiring import expiring

HOURS = 8
SAMPLE = ("realtime_endpoint", "cicd_pipeline", "eks_serving")
"""Different in structure: resources alone, a stack that a pipeline makes, stacks of CDK's own."""

FROM_TEMPLATE: dict[str, Callable[[Template], Any]] = {
    "template": lambda template: template,
    "resources": lambda template: template.resources,
    "policies": Policies,
}


def demands(*modules: ModuleType) -> list[Callable[..., None]]:
    """Returns the tests of other modules that ask for nothing but a template."""
    found = [function for module in modules for function in vars(module).values()]
    return [
        function
        for function in found
        if inspect.isfunction(function)
        and function.__name__.startswith("test_")
        and (asked := set(inspect.signature(function).parameters))
        and asked <= FROM_TEMPLATE.keys()
    ]


@pytest.mark.parametrize("hours", ["0", "08", "8761", "1.5", "", " 8", 8.5, True, -1, [8]])
def test_hours_are_whole_and_within_a_year(hours: object) -> None:
    sentence = f"expire_after_hours is {hours!r}: give whole hours, from 1 to 8760."
    with pytest.raises(UsageError, match=re.escape(sentence)):
        Context.of(App(context={"expire_after_hours": hours}).node)


@pytest.mark.parametrize("hours", ["1", "8760", 1, 8760])
def test_hours_are_text_on_the_command_line_and_a_number_in_a_file(hours: str | int) -> None:
    context = Context.of(App(context={"expire_after_hours": hours}).node)
    assert context.expire_after_hours == int(hours)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, architectures: list[Architecture]) -> Path:
    """The catalogue's assembly with the option; a finding of a gate would have failed it."""
    folder = tmp_path_factory.mktemp("expiring")
    slugs = [a.slug for a in architectures]
    synthesize(slugs, folder, context={"expire_after_hours": str(HOURS)})
    return folder


@pytest.fixture(scope="module")
def expired(folder: Path, architectures: list[Architecture]) -> Mapping[str, Template]:
    return {template.name: template for template in load(architectures, folder)}


def without_tags(resource: dict[str, Any]) -> dict[str, Any]:
    """Returns a resource as it is in any stack."""
    properties = resource.get("Properties", {})
    return {
        **{name: value for name, value in resource.items() if name != "Metadata"},
        "Properties": {name: value for name, value in properties.items() if name != "Tags"},
    }


def test_same_resources_are_added_and_nothing_else_changes(
    architecture: Architecture, template: Template, expired: Mapping[str, Template]
) -> None:
    document = copy.deepcopy(expired[architecture.slug].document)
    added = {
        name: without_tags(document["Resources"].pop(name))
        for name in document["Resources"].keys() - template.document["Resources"].keys()
    }
    alone = expiring(HOURS).document["Resources"]
    assert added == {name: without_tags(resource) for name, resource in alone.items()}

    (schedule,) = (n for n, r in added.items() if r["Type"] == "AWS::Scheduler::Schedule")
    for name, resource in document["Resources"].items():
        resource["DependsOn"].remove(schedule)  # fails where it is missing
        if not resource["DependsOn"] and "DependsOn" not in template.document["Resources"][name]:
            del resource["DependsOn"]
    output = document["Outputs"].pop("Expires")
    assert output["Description"]
    assert document == template.document


@pytest.mark.whole_catalogue
@pytest.mark.parametrize("slug", SAMPLE)
@pytest.mark.parametrize(
    "demand", demands(traits, permissions, decisions), ids=lambda demand: demand.__name__
)
def test_what_every_template_has_to_be(
    slug: str, demand: Callable[..., None], expired: Mapping[str, Template]
) -> None:
    template = expired[slug]
    demand(**{name: FROM_TEMPLATE[name](template) for name in inspect.signature(demand).parameters})


def test_demands_are_found() -> None:
    assert len(demands(traits)) >= 10
    assert len(demands(permissions)) >= 5
    assert len(demands(decisions)) >= 5


@pytest.mark.whole_catalogue
@pytest.mark.parametrize("slug", SAMPLE)
def test_rule_pack_finds_nothing(slug: str, folder: Path) -> None:
    file = folder / f"{slug.replace('_', '-')}.template.json"
    assert [(m.rule.id, m.message) for m in check(file)] == []


def test_cfn_lint_finds_nothing(tmp_path: Path) -> None:
    file = tmp_path / "expiry.template.json"
    file.write_text(json.dumps(expiring(HOURS).document))
    process = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), "--regions", *REGIONS, "--", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stdout) == (0, "")


def test_data_stays_when_the_stack_goes_if_asked(tmp_path: Path) -> None:
    """Both options together: the expiry leaves nothing, what holds data stays."""
    (architecture,) = select(["realtime_endpoint"])
    context = {"expire_after_hours": str(HOURS), "retain_data": "true"}
    synthesize([architecture.slug], tmp_path, reports=True, context=context)
    (template,) = load([architecture], tmp_path)
    stays = {
        name: resource["Type"]
        for name, resource in template.resources.items()
        if resource.get("DeletionPolicy") == "Retain"
    }
    assert {"AWS::S3::Bucket", "AWS::KMS::Key"} <= set(stays.values())
    assert not [name for name in stays if name.startswith("Expiry")]
    assert {f.rule for f in findings(tmp_path) if f.pack in WAIVED_PACKS} <= WAIVED.keys()
    assert [f for f in findings(tmp_path) if f.pack not in WAIVED_PACKS] == []


def test_cdk_deploys_under_a_service_role(architecture: Architecture, assembly: Path) -> None:
    """Without one a stack could not delete itself: the expiry refuses it."""
    manifest = json.loads((assembly / "manifest.json").read_text())
    properties = manifest["artifacts"][architecture.stack_id]["properties"]
    assert "cfn-exec-role" in properties["cloudFormationExecutionRoleArn"]
