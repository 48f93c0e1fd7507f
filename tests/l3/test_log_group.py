"""Log groups that exist before whoever writes to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs

from mla_constructs.observability.log_group import EncryptedLogGroup

if TYPE_CHECKING:
    from tests.l3.conftest import Parts

NAME = "/aws/vendedlogs/states/nightly"


@pytest.fixture(scope="module")
def built(new_parts: type[Parts]) -> Parts:
    parts = new_parts()
    log_group = EncryptedLogGroup(
        parts.stack,
        "Logs",
        name=NAME,
        key=parts.key,
        retention=logs.RetentionDays.TWO_WEEKS,
        removal_policy=RemovalPolicy.DESTROY,
    )
    writer = iam.ServicePrincipal("sagemaker.amazonaws.com")
    log_group.grant_writing(iam.Role(parts.stack, "Writer", assumed_by=writer))
    return parts


def test_log_group_has_its_name_a_key_and_an_end(built: Parts) -> None:
    built.template.has_resource(
        "AWS::Logs::LogGroup",
        {
            "Properties": {
                "LogGroupName": NAME,
                "KmsKeyId": built.resolve(built.key.key_arn),
                "RetentionInDays": 14,
            },
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
        },
    )


def test_key_is_opened_for_this_log_group(built: Parts) -> None:
    (key,) = built.template.find_resources("AWS::KMS::Key").values()
    conditions = [
        condition["kms:EncryptionContext:aws:logs:arn"]["Fn::Join"][1][-1]
        for statement in key["Properties"]["KeyPolicy"]["Statement"]
        for condition in statement.get("Condition", {}).values()
    ]
    assert conditions == [f":log-group:{NAME}"]


def test_log_group_outlives_its_stack_if_told_to(parts: Parts) -> None:
    EncryptedLogGroup(
        parts.stack,
        "Logs",
        name=NAME,
        key=parts.key,
        retention=logs.RetentionDays.ONE_DAY,
        removal_policy=RemovalPolicy.RETAIN,
    )
    parts.template.has_resource("AWS::Logs::LogGroup", {"DeletionPolicy": "Retain"})


def test_writer_may_write_here_and_use_the_key_through_logs(built: Parts) -> None:
    (log_group,) = built.template.find_resources("AWS::Logs::LogGroup")
    (policy,) = built.template.find_resources("AWS::IAM::Policy").values()
    service: dict[str, Any] = {
        "Fn::Join": ["", ["logs.", {"Ref": "AWS::Region"}, ".", {"Ref": "AWS::URLSuffix"}]]
    }
    assert policy["Properties"]["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Action": [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ],
            "Resource": {"Fn::GetAtt": [log_group, "Arn"]},
        },
        {
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": built.resolve(built.key.key_arn),
            "Condition": {"StringEquals": {"kms:ViaService": service}},
        },
    ]
