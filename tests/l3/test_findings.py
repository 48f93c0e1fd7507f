"""Acknowledged findings, as cdk-nag itself sees them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from aws_cdk import App, Aws, Fn, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template
from cdk_nag import AwsSolutionsChecks

from mla_constructs.security.findings import (
    acknowledge,
    acknowledge_managed_policy,
    acknowledge_wildcard,
    add_managed_policy,
    silence,
)


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    app = App(outdir=str(tmp_path))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return Stack(app, "Test")


def reader(stack: Stack, *resources: str) -> iam.Role:
    role = iam.Role(stack, "Reader", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    role.add_to_policy(iam.PolicyStatement(actions=["s3:GetObject"], resources=list(resources)))
    return role


def findings(stack: Stack) -> set[str]:
    """Returns what the synthesis still finds fault with, by the names in its report."""
    app = stack.node.root
    assert isinstance(app, App)
    with suppress(RuntimeError):  # what it raises for findings, once the report is written
        app.synth()
    report = json.loads((Path(app.outdir) / "validation-report.json").read_text())
    return {
        violation["ruleName"]
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        if re.search("IAM[45]", violation["ruleName"])
    }


RESOURCES: dict[str, Callable[[Stack], str]] = {
    "all": lambda _: "*",
    "literal": lambda _: "arn:aws:s3:::data/*",
    "Ref": lambda _: f"arn:{Aws.PARTITION}:s3:::{Aws.REGION}-data/*",
    "GetAtt": lambda stack: s3.Bucket(stack, "Data").arn_for_objects("*"),
    "several": lambda _: "arn:aws:sagemaker:*:*:transform-job/*",
}


@pytest.mark.parametrize("make", RESOURCES.values(), ids=RESOURCES)
def test_wildcard_is_found_until_it_is_acknowledged(
    make: Callable[[Stack], str], stack: Stack
) -> None:
    reader(stack, make(stack))
    assert len(findings(stack)) == 1


@pytest.mark.parametrize("make", RESOURCES.values(), ids=RESOURCES)
def test_acknowledged_wildcard_is_accepted(make: Callable[[Stack], str], stack: Stack) -> None:
    resource = make(stack)
    acknowledge_wildcard(reader(stack, resource), resource, "Object keys are not known before.")
    assert findings(stack) == set()


def test_one_acknowledgement_leaves_the_other_wildcards(stack: Stack) -> None:
    role = reader(stack, "arn:aws:s3:::data/*", "arn:aws:s3:::other/*")
    acknowledge_wildcard(role, "arn:aws:s3:::data/*", "Object keys are not known before.")
    assert findings(stack) == {"AwsSolutions-IAM5[Resource::arn:aws:s3:::other/*]"}


def test_acknowledgement_holds_for_its_construct_only(stack: Stack) -> None:
    reader(stack, "*")
    other = iam.Role(stack, "Other", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    acknowledge_wildcard(other, "*", "It is another role.")
    assert findings(stack) == {"AwsSolutions-IAM5[Resource::*]"}


def test_any_rule_is_acknowledged_by_its_name(stack: Stack) -> None:
    role = reader(stack, "*")
    acknowledge(role, "AwsSolutions-IAM5[Resource::*]", "The action knows no resource types.")
    assert findings(stack) == set()


def test_resource_that_cannot_be_named_raises(stack: Stack) -> None:
    """Named wrongly it would acknowledge nothing, and nobody would see why."""
    resource = Fn.select(0, Fn.split(",", Fn.ref("AWS::StackName")))
    with pytest.raises(TypeError, match=r"cannot name .*Fn::Select.* as cdk-nag does"):
        acknowledge_wildcard(reader(stack, resource), resource, "It has no name.")


def test_managed_policy_is_found_until_it_is_acknowledged(stack: Stack) -> None:
    service = iam.ServicePrincipal("ec2.amazonaws.com")
    name = "AmazonEKSWorkerNodeMinimalPolicy"
    role = iam.Role(stack, "Nodes", assumed_by=service)
    role.add_managed_policy(iam.ManagedPolicy.from_aws_managed_policy_name(name))
    (found,) = findings(stack)
    assert name in found

    acknowledge_managed_policy(role, name, "EKS asks for it.")

    assert findings(stack) == set()


def test_managed_policy_is_added_with_its_reason(stack: Stack) -> None:
    role = iam.Role(stack, "Lambda", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    add_managed_policy(role, "service-role/AWSLambdaVPCAccessExecutionRole", "Lambda asks for it.")
    assert findings(stack) == set()
    (resource,) = Template.from_stack(stack).find_resources("AWS::IAM::Role").values()
    assert len(resource["Properties"]["ManagedPolicyArns"]) == 1


def test_silenced_rule_says_why_beside_the_resource() -> None:
    stack = Stack()
    silence(s3.CfnBucket(stack, "Bucket"), "I9527", "Nothing is asked of it.")
    Template.from_stack(stack).has_resource(
        "AWS::S3::Bucket",
        {
            "Metadata": {
                "cfn-lint": {
                    "config": {"ignore_checks": ["I9527"]},
                    "reason": "Nothing is asked of it.",
                }
            }
        },
    )
