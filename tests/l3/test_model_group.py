"""A model package group, and what empties it before its stack deletes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import RemovalPolicy
from aws_cdk import aws_iam as iam

from mla_constructs.orchestration.model_group import ModelGroup
from study.iam import as_list

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


def build(parts: Parts, removal_policy: RemovalPolicy) -> None:
    models = ModelGroup(
        parts.stack, "Models", description="Of tumors", removal_policy=removal_policy
    )
    registrar = iam.Role(
        parts.stack, "Registrar", assumed_by=iam.ServicePrincipal("states.amazonaws.com")
    )
    models.grant_registering(registrar)
    models.grant_describing(
        iam.Role(
            parts.stack, "Deployer", assumed_by=iam.ServicePrincipal("cloudformation.amazonaws.com")
        )
    )


@pytest.fixture(scope="module")
def resources(new_parts: type[Parts]) -> dict[str, Any]:
    parts = new_parts()
    build(parts, RemovalPolicy.DESTROY)
    return dict(parts.template.to_json()["Resources"])


def policy_of(resources: dict[str, Any], role: str) -> dict[str, Any]:
    (found,) = (
        resource for name, resource in resources.items() if name.startswith(f"{role}DefaultPolicy")
    )
    return dict(found)


def test_group_carries_the_stacks_name(resources: dict[str, Any]) -> None:
    (found,) = (r for r in resources.values() if r["Type"] == "AWS::SageMaker::ModelPackageGroup")
    assert found["Properties"]["ModelPackageGroupName"] == {"Ref": "AWS::StackName"}
    assert found["DeletionPolicy"] == "Delete"


def test_versions_are_deleted_before_the_group_and_after_the_right_to_register(
    resources: dict[str, Any],
) -> None:
    """Deletion runs against the dependencies."""
    ((emptying, resource),) = (
        found for found in resources.items() if found[1]["Type"] == "Custom::EmptyModelGroup"
    )
    (group_id,) = (
        name for name, r in resources.items() if r["Type"] == "AWS::SageMaker::ModelPackageGroup"
    )
    assert group_id in resource["DependsOn"]
    assert resource["Properties"]["GroupName"] == {"Ref": "AWS::StackName"}
    assert emptying in policy_of(resources, "Registrar")["DependsOn"]


@pytest.mark.parametrize(
    ("role", "actions", "on_group"),
    [
        ("Registrar", ["sagemaker:CreateModelPackage"], True),
        ("Deployer", ["sagemaker:DescribeModelPackage"], False),
        (
            "ModelGroupEmptierRole",
            ["sagemaker:DeleteModelPackage", "sagemaker:ListModelPackages"],
            True,
        ),
    ],
)
def test_roles_may_touch_versions_of_this_group_only(
    role: str, actions: list[str], on_group: bool, resources: dict[str, Any]
) -> None:
    statements = policy_of(resources, role)["Properties"]["PolicyDocument"]["Statement"]
    (granted,) = (found for found in statements if as_list(found["Action"]) == actions)
    ends = [resource["Fn::Join"][1][-2:] for resource in as_list(granted["Resource"])]
    group = [":model-package-group/", {"Ref": "AWS::StackName"}]
    versions = [{"Ref": "AWS::StackName"}, "/*"]
    assert ends == ([group, versions] if on_group else [versions])


def test_retained_group_keeps_its_versions(new_parts: type[Parts]) -> None:
    parts = new_parts()
    build(parts, RemovalPolicy.RETAIN)
    resources = parts.template.to_json()["Resources"]
    types = {resource["Type"] for resource in resources.values()}
    assert "Custom::EmptyModelGroup" not in types
    (found,) = (r for r in resources.values() if r["Type"] == "AWS::SageMaker::ModelPackageGroup")
    assert found["DeletionPolicy"] == "Retain"
