"""The customer-managed key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import RemovalPolicy

from mla_constructs.security.data_key import DataKey

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


@pytest.fixture(scope="module")
def key(new_parts: type[Parts]) -> dict[str, Any]:
    """A key that is opened to a log group and to alarms, in the template."""
    parts = new_parts()
    parts.key.allow_log_group("/aws/vendedlogs/states/nightly")
    parts.key.allow_alarms()
    (found,) = parts.template.find_resources("AWS::KMS::Key").values()
    return dict(found)


def statement(key: dict[str, Any], service: str) -> dict[str, Any]:
    """Returns the one statement of the key policy for a service."""
    (found,) = (
        statement
        for statement in key["Properties"]["KeyPolicy"]["Statement"]
        if service in str(statement["Principal"].get("Service"))
    )
    return dict(found)


def test_key_rotates_and_is_customer_managed(key: dict[str, Any]) -> None:
    assert key["Properties"]["EnableKeyRotation"] is True
    assert key["Properties"]["PendingWindowInDays"] == 7


@pytest.mark.parametrize(
    ("policy", "expected"), [(RemovalPolicy.DESTROY, "Delete"), (RemovalPolicy.RETAIN, "Retain")]
)
def test_removal_is_as_given(policy: RemovalPolicy, expected: str, parts: Parts) -> None:
    DataKey(parts.stack, "Data", removal_policy=policy)
    parts.template.has_resource(
        "AWS::KMS::Key", {"DeletionPolicy": expected, "UpdateReplacePolicy": expected}
    )


def test_policies_of_the_account_decide_who_else_may_use_it(key: dict[str, Any]) -> None:
    first, *services = key["Properties"]["KeyPolicy"]["Statement"]
    assert first["Action"] == "kms:*"
    assert first["Principal"]["AWS"]["Fn::Join"][1][-2:] == [{"Ref": "AWS::AccountId"}, ":root"]
    assert [list(found["Principal"]) for found in services] == [["Service"], ["Service"]]


def test_nobody_is_let_in_without_being_asked_for(parts: Parts) -> None:
    assert parts.key
    (found,) = parts.template.find_resources("AWS::KMS::Key").values()
    assert len(found["Properties"]["KeyPolicy"]["Statement"]) == 1


def test_logs_may_use_it_for_this_log_group_only(key: dict[str, Any]) -> None:
    granted = statement(key, "logs.")
    (context,) = granted["Condition"].pop("ArnEquals").items()
    assert context[0] == "kms:EncryptionContext:aws:logs:arn"
    assert context[1]["Fn::Join"][1][-1] == ":log-group:/aws/vendedlogs/states/nightly"
    assert not granted["Condition"]
    assert set(granted["Action"]) == {
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:DescribeKey",
    }


def test_logs_are_the_ones_of_this_region(key: dict[str, Any]) -> None:
    assert statement(key, "logs.")["Principal"]["Service"] == {
        "Fn::Join": ["", ["logs.", {"Ref": "AWS::Region"}, ".", {"Ref": "AWS::URLSuffix"}]]
    }


def test_alarms_may_use_it_from_this_account_only(key: dict[str, Any]) -> None:
    granted = statement(key, "cloudwatch.amazonaws.com")
    assert granted["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert granted["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    source = granted["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Join"][1]
    assert source[-3:] == [":", {"Ref": "AWS::AccountId"}, ":alarm:*"]
