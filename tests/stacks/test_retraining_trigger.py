"""What makes it retraining that starts for a reason, once, and deploys what was approved."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from catalogue.template import Template
from runtime import deployments
from study.iam import as_list, statements

ENDPOINT = deployments.REGISTERED_MODEL / "endpoint.yml"


@pytest.fixture
def template(templates: Mapping[str, Template]) -> Template:
    return templates["retraining_trigger"]


def rule(template: Template, name: str) -> dict[str, Any]:
    (found,) = (
        properties
        for _, properties in template.of_type("AWS::Events::Rule")
        if properties.get("Name", "").endswith(f"-{name}")
    )
    return found


def started_with(rule: dict[str, Any], event: dict[str, Any]) -> Any:
    """What a rule passes on of an event."""
    (target,) = rule["Targets"]
    text = target["InputTransformer"]["InputTemplate"]
    for name, path in target["InputTransformer"]["InputPathsMap"].items():
        value: Any = event
        for part in path.removeprefix("$.").split("."):
            value = value[part]
        # A value is quoted unless it stands inside of a text.
        text = text.replace(f":<{name}>", f":{json.dumps(value)}").replace(f"<{name}>", value)
    return json.loads(text)


@pytest.fixture
def machine(template: Template) -> str:
    ((name, _),) = template.of_type("AWS::StepFunctions::StateMachine")
    return f"<{name}>"


def test_schedule_data_and_drift_all_go_through_the_gate(template: Template, machine: str) -> None:
    assert template.only("AWS::Scheduler::Schedule")["Target"]["Arn"] == machine
    for name in ("NewData", "Drifted"):
        (target,) = rule(template, name)["Targets"]
        assert target["Arn"] == machine, name
    starters = {
        role
        for role, statement in statements(template)
        if "sagemaker:StartPipelineExecution" in as_list(statement["Action"])
    }
    assert {role[:4] for role in starters} == {"Gate"}, "only the gate starts runs"


def test_new_data_below_raw_is_a_reason_and_what_runs_write_is_none(template: Template) -> None:
    new_data = rule(template, "NewData")
    detail = new_data["EventPattern"]["detail"]
    assert detail["object"]["key"] == [{"prefix": "raw/"}]
    (bucket,) = detail["bucket"]["name"]
    notified = template.resources[bucket.strip("<>")]["Properties"]["NotificationConfiguration"]
    assert notified == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    event = {"detail": {"object": {"key": "raw/2026-11-22.csv"}}}
    assert started_with(new_data, event) == {"Reason": "new data: raw/2026-11-22.csv"}


def test_first_data_is_there_before_the_rule(template: Template) -> None:
    (name,) = (
        name
        for name, resource in template.resources.items()
        if resource["Type"] == "Custom::PlacedObjects"
    )
    (new_data,) = (
        resource
        for resource in template.resources.values()
        if resource["Properties"].get("Name", "").endswith("-NewData")
    )
    assert name in new_data["DependsOn"]


def test_drift_is_a_reason_on_the_way_into_the_alarm(template: Template) -> None:
    drifted = rule(template, "Drifted")
    assert drifted["EventPattern"]["detail"] == {"state": {"value": ["ALARM"]}}
    (alarm,) = drifted["EventPattern"]["resources"]
    metric = template.resources[alarm.strip("<>").removesuffix(".Arn")]["Properties"]
    assert (metric["MetricName"], metric["Threshold"]) == ("FeatureDrift", 0.2)
    event = {"detail": {"state": {"reason": "Threshold Crossed: 0.3"}}}
    assert started_with(drifted, event) == {"Reason": "drift: Threshold Crossed: 0.3"}


def test_run_sees_all_data_and_no_cached_result_of_before_it(template: Template) -> None:
    states = template.only("AWS::StepFunctions::StateMachine")["DefinitionString"]["States"]
    (parameter,) = states["Start"]["Arguments"]["PipelineParameters"]
    assert parameter["Name"] == "InputDataUri"
    assert parameter["Value"].endswith("/raw/")
    body = template.only("AWS::SageMaker::Pipeline")["PipelineDefinition"]["PipelineDefinitionBody"]
    definition = body if isinstance(body, dict) else json.loads(body)
    ages = {s["CacheConfig"]["ExpireAfter"] for s in definition["Steps"] if "CacheConfig" in s}
    assert ages == {"PT1M"}
    assert states["Gather"]["Seconds"] > 60


def test_registered_version_waits_for_a_person(template: Template) -> None:
    body = template.only("AWS::SageMaker::Pipeline")["PipelineDefinition"]["PipelineDefinitionBody"]
    assert "PendingManualApproval" in str(body)


def test_approval_and_nothing_else_delivers_that_version(template: Template) -> None:
    approved = rule(template, "Approved")
    detail = approved["EventPattern"]["detail"]
    assert detail["ModelApprovalStatus"] == ["Approved"]
    assert detail["UpdatedModelPackageFields"] == ["ModelApprovalStatus"]
    assert detail["ModelPackageGroupName"] == ["<AWS::StackName>"]
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/retraining-trigger/3"
    assert started_with(approved, {"detail": {"ModelPackageArn": arn}}) == {
        "variables": [{"name": "version", "value": arn}]
    }
    (deploy,) = production(template)["Actions"]
    overrides = json.loads(deploy["Configuration"]["ParameterOverrides"])
    assert overrides["ModelPackageArn"] == "#{variables.version}"


def production(template: Template) -> dict[str, Any]:
    stages = template.only("AWS::CodePipeline::Pipeline")["Stages"]
    (stage,) = (stage for stage in stages if stage["Name"] == "Production")
    return dict(stage)


def test_pipelines_own_first_execution_deploys_nothing(template: Template) -> None:
    (variable,) = template.only("AWS::CodePipeline::Pipeline")["Variables"]
    (condition,) = production(template)["BeforeEntry"]["Conditions"]
    (found,) = condition["Rules"]
    assert condition["Result"] == "SKIP"
    assert found["Configuration"] == {
        "Variable": "#{variables.version}",
        "Operator": "NE",
        "Value": variable["DefaultValue"],
    }


def test_failed_delivery_goes_back_to_the_last_version(template: Template) -> None:
    assert production(template)["OnFailure"] == {"Result": "ROLLBACK"}


def test_undelivered_events_are_kept_and_heard_of(template: Template) -> None:
    for name in ("NewData", "Drifted", "Approved"):
        (target,) = rule(template, name)["Targets"]
        assert target["DeadLetterConfig"]["Arn"].startswith("<Undelivered"), name


def test_each_rule_may_start_its_one_target(template: Template) -> None:
    actions = {
        role[: role.index("Role")]: as_list(statement["Action"])
        for role, statement in statements(template)
        if role.startswith(("NewData", "Drifted", "Approved"))
    }
    assert actions == {
        "NewData": ["states:StartExecution"],
        "Drifted": ["states:StartExecution"],
        "Approved": ["codepipeline:StartPipelineExecution"],
    }


# The template that is deployed.


def test_template_of_the_endpoint_passes_cfn_lint() -> None:
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--template", str(ENDPOINT)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout


def test_template_takes_the_parameters_that_the_pipeline_gives(template: Template) -> None:
    (deploy,) = production(template)["Actions"]
    given = json.loads(deploy["Configuration"]["ParameterOverrides"]).keys()
    declared = re.findall(r"^  (\w+):$", ENDPOINT.read_text().split("\nResources:")[0], re.M)
    assert set(declared) == given


def test_template_creates_no_role_and_tries_a_canary() -> None:
    text = ENDPOINT.read_text()
    assert "AWS::IAM" not in text
    assert re.search(r"Type: CANARY", text)
    assert int(re.search(r"InitialInstanceCount: (\d+)", text)[1]) >= 2  # type: ignore[index]


@pytest.mark.parametrize(
    ("arn", "accepted"),
    [
        ("arn:aws:sagemaker:us-east-1:123456789012:model-package/group/3", True),
        ("none", False),
        ("arn:aws:sagemaker:us-east-1:123456789012:model-package-group/group", False),
        ("arn:aws:sagemaker:us-east-1:123456789012:model-package/group/3; drop", False),
    ],
)
def test_only_a_version_is_accepted(arn: str, accepted: bool) -> None:
    pattern = re.search(r"AllowedPattern: (.*)", ENDPOINT.read_text())
    assert pattern
    assert bool(re.fullmatch(pattern[1], arn)) == accepted
