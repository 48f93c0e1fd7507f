"""What makes it a delivery that can be trusted with production."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app import build
from catalogue.discover import discover
from catalogue.template import Template
from mla_constructs.errors import InvalidArgument
from study.assembly import load
from study.iam import as_list, statements


@pytest.fixture
def template(templates: Mapping[str, Template]) -> Template:
    return templates["cicd_pipeline"]


def pipeline(template: Template, name: str) -> dict[str, Any]:
    (found,) = (
        properties
        for _, properties in template.of_type("AWS::CodePipeline::Pipeline")
        if properties["Name"].startswith(f"{name}-")
    )
    return found


@pytest.fixture
def stages(template: Template) -> dict[str, dict[str, Any]]:
    return {stage["Name"]: stage for stage in pipeline(template, "Delivery")["Stages"]}


def actions(stage: dict[str, Any]) -> list[str]:
    return [action["Name"] for action in sorted(stage["Actions"], key=lambda a: a["RunOrder"])]


def allowed(template: Template, role: str) -> set[str]:
    return {
        action
        for name, statement in statements(template)
        if name.startswith(role)
        for action in as_list(statement["Action"])
    }


def test_production_comes_after_checks_staging_its_test_and_approval(
    stages: dict[str, dict[str, Any]],
) -> None:
    assert {name: actions(stage) for name, stage in stages.items()} == {
        "Source": ["Source"],
        "Verify": ["Verify"],
        "Staging": ["PublishModel", "Deploy", "IntegrationTest", "Remove"],
        "Approval": ["Approve"],
        "Production": ["Deploy", "IntegrationTest"],
    }
    assert list(stages) == ["Source", "Verify", "Staging", "Approval", "Production"]


def test_feature_is_verified_and_not_deployed(template: Template) -> None:
    verification = pipeline(template, "Verification")
    assert [stage["Name"] for stage in verification["Stages"]] == ["Source", "Verify"]


def test_only_main_is_approved_and_deployed(stages: dict[str, dict[str, Any]]) -> None:
    for name, stage in stages.items():
        if name not in ("Approval", "Production"):
            assert "BeforeEntry" not in stage, name
            continue
        (condition,) = stage["BeforeEntry"]["Conditions"]
        (rule,) = condition["Rules"]
        assert condition["Result"] == "SKIP"
        assert rule["RuleTypeId"]["Provider"] == "VariableCheck"
        assert rule["Configuration"] == {
            "Variable": "#{variables.branch}",
            "Operator": "EQ",
            "Value": "main",
        }


def test_production_goes_back_by_itself(stages: dict[str, dict[str, Any]]) -> None:
    assert stages["Production"]["OnFailure"] == {"Result": "ROLLBACK"}


def test_failed_staging_is_replaced_and_failed_production_is_not(
    stages: dict[str, dict[str, Any]],
) -> None:
    for name, mode in (("Staging", "REPLACE_ON_FAILURE"), ("Production", "CREATE_UPDATE")):
        (deploy,) = (a for a in stages[name]["Actions"] if a["Name"] == "Deploy")
        assert deploy["Configuration"]["ActionMode"] == mode


def test_executions_wait_for_each_other(template: Template) -> None:
    """In PARALLEL mode CodeCommit would take the head of main in place of what was pushed."""
    for name in ("Verification", "Delivery"):
        assert pipeline(template, name)["ExecutionMode"] == "QUEUED"


@pytest.mark.parametrize(
    ("branch", "started"),
    [
        ("feature/onnx", ["Verification"]),
        ("develop", ["Delivery"]),
        ("release/1.2", ["Delivery"]),
        ("hotfix/latency", ["Delivery"]),
        ("main", ["Delivery"]),
        ("experiment", []),
        ("developer", []),
        ("maintenance", []),
    ],
)
def test_push_starts_what_gitflow_says(branch: str, started: list[str], template: Template) -> None:
    def matches(pattern: str | dict[str, str]) -> bool:
        if isinstance(pattern, str):
            return pattern == branch
        return bool(re.fullmatch(re.escape(pattern["wildcard"]).replace(r"\*", ".*"), branch))

    found = [
        rule["Targets"][0]["Arn"].removesuffix("-<AWS::StackName>").rsplit(":", 1)[1]
        for _, rule in template.of_type("AWS::Events::Rule")
        if any(map(matches, rule["EventPattern"]["detail"]["referenceName"]))
    ]
    assert found == started


def test_event_starts_its_own_commit_under_its_own_branch(template: Template) -> None:
    for _, rule in template.of_type("AWS::Events::Rule"):
        transformer = rule["Targets"][0]["InputTransformer"]
        event = {"detail-commitId": '"c0ffee"', "detail-referenceName": '"release/1.2"'}
        assert transformer["InputPathsMap"] == {
            "detail-commitId": "$.detail.commitId",
            "detail-referenceName": "$.detail.referenceName",
        }
        written = transformer["InputTemplate"]
        for name, value in event.items():
            written = written.replace(f"<{name}>", value)
        assert json.loads(written) == {
            "sourceRevisions": [
                {"actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": "c0ffee"}
            ],
            "variables": [{"name": "branch", "value": "release/1.2"}],
        }


def test_source_is_not_polled_as_well(stages: dict[str, dict[str, Any]]) -> None:
    (action,) = stages["Source"]["Actions"]
    assert action["Configuration"]["PollForSourceChanges"] == "false"


def test_repository_has_a_first_commit_on_main(template: Template) -> None:
    code = template.only("AWS::CodeCommit::Repository")["Code"]
    assert code["BranchName"] == "main"
    assert code["S3"]["Key"].endswith(".zip")


def test_commit_cannot_widen_what_is_allowed(template: Template) -> None:
    """CloudFormation acts on a repository's template under a role that creates none."""
    for role in ("StagingDeploymentRole", "ProductionDeploymentRole"):
        actions = allowed(template, role)
        assert {a for a in actions if a.startswith("iam:")} == {"iam:PassRole"}
        assert {a.split(":")[0] for a in actions} == {"sagemaker", "iam", "kms", "cloudwatch"}


def test_deployment_role_passes_the_model_its_role_and_no_other(template: Template) -> None:
    for role, statement in statements(template):
        if "iam:PassRole" in as_list(statement["Action"]):
            assert "Role" in statement["Resource"]
            assert statement["Resource"].count("<") == 1, role
            assert statement["Condition"]["StringEquals"]["iam:PassedToService"], role


def test_staging_cannot_touch_production(template: Template) -> None:
    for role, statement in statements(template):
        if role.startswith(("Staging", "DeliveryStagingRole")):
            assert "production" not in str(statement["Resource"]).lower(), role


def test_builds_deploy_nothing(template: Template) -> None:
    for role in ("VerificationBuildRole", "DeliveryBuildRole"):
        assert {a.split(":")[0] for a in allowed(template, role)} == {"logs", "kms", "s3"}
    test = {a for a in allowed(template, "IntegrationTestRole") if a.startswith("sagemaker")}
    assert test == {"sagemaker:InvokeEndpoint"}


def test_build_of_a_feature_cannot_touch_a_release(template: Template) -> None:
    for role, statement in statements(template):
        if role.startswith("Verification"):
            for resource in as_list(statement["Resource"]):
                assert "Delivery" not in resource, (role, resource)
                assert "/*/" not in resource, (role, resource)


def test_verification_cannot_publish_a_model(template: Template) -> None:
    writers = {
        role.split("Role")[0]
        for role, statement in statements(template)
        if "s3:PutObject" in as_list(statement["Action"])
        and any("/models/*" in resource for resource in as_list(statement["Resource"]))
    }
    assert writers == {"DeliveryStaging"}


def test_delivered_stacks_go_after_the_pipeline_and_before_their_roles(template: Template) -> None:
    (delivery,) = (
        resource
        for name, resource in template.resources.items()
        if name.startswith("Delivery") and resource["Type"] == "AWS::CodePipeline::Pipeline"
    )
    removals = {
        name: resource
        for name, resource in template.resources.items()
        if resource["Type"] == "Custom::DeliveredStack"
    }
    assert len(removals) == 2
    assert set(removals) <= set(delivery["DependsOn"])
    for name, resource in removals.items():
        environment = "Staging" if name.startswith("Staging") else "Production"
        needed = " ".join(resource["DependsOn"])
        for part in ("DeploymentRoleDefaultPolicy", "ExecutionRole", "Logs"):
            assert f"{environment}{part}" in needed, name


def with_repository(outdir: Path, **context: str) -> Template:
    architecture = discover()["cicd_pipeline"]
    build({"stack": "cicd_pipeline", **context}, outdir=str(outdir)).synth()
    return load([architecture], outdir)[0]


def test_connected_repository_brings_triggers_in_place_of_rules(tmp_path: Path) -> None:
    template = with_repository(tmp_path, repository="owner/name")
    assert not list(template.of_type("AWS::Events::Rule"))
    assert template.only("AWS::CodeConnections::Connection")["ProviderType"] == "GitHub"
    (trigger,) = pipeline(template, "Delivery")["Triggers"]
    assert trigger["GitConfiguration"]["Push"] == [
        {"Branches": {"Includes": ["develop", "release/**", "hotfix/**", "main"]}}
    ]
    verification = pipeline(template, "Verification")
    assert verification["ExecutionMode"] == "PARALLEL"
    (trigger,) = verification["Triggers"]
    assert trigger["GitConfiguration"]["PullRequest"] == [
        {"Events": ["OPEN", "UPDATED"], "Branches": {"Includes": ["develop", "main"]}}
    ]
    for stage in pipeline(template, "Delivery")["Stages"]:
        for condition in stage.get("BeforeEntry", {}).get("Conditions", []):
            variable = condition["Rules"][0]["Configuration"]["Variable"]
            assert variable == "#{SourceVariables.BranchName}"


def test_connection_of_ones_own_is_used(tmp_path: Path) -> None:
    arn = "arn:aws:codeconnections:eu-west-1:123456789012:connection/8d0e2c5b-6f1e"
    template = with_repository(tmp_path, repository="owner/name", connection_arn=arn)
    assert not list(template.of_type("AWS::CodeConnections::Connection"))
    source = pipeline(template, "Delivery")["Stages"][0]["Actions"][0]
    assert source["Configuration"]["ConnectionArn"] == arn


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"repository": "name"}, "repository is 'name'"),
        ({"repository": "owner/name/"}, "repository is 'owner/name/'"),
        ({"repository": "owner/name", "connection_arn": "mine"}, "connection_arn is 'mine'"),
    ],
)
def test_bad_repository_is_refused(context: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=message):
        with_repository(tmp_path, **context)
