"""Every statement against the service authorization reference: what is granted can be used."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import pytest

from catalogue.template import Template
from study.iam import (
    Statement,
    as_list,
    device_statements,
    resource_statements,
    statements,
    trust_statements,
)
from study.sample import Sample
from tests.support.authorization import arn_formats, exists, fits_any, knows_key, narrowing_keys

NEVER_HELD = {
    # DescribeKey has no encryption context; the statement is that of CloudWatch Logs' guide.
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    ("kms:DescribeKey", "kms:EncryptionContext:aws:logs:arn"),
}
"""Action and key of a condition on it that AWS documents although the action lacks the key."""

NOT_NARROWED = {
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CloudFormation.html
    "cloudformation:ValidateTemplate",
}
"""Of everything, without the service's own key: it changes and reads nothing of the account, and
how the pipeline's action names the template is not documented."""

BY_GROUP = {"sagemaker:DeleteModelPackage", "sagemaker:ListModelPackages"}
"""Also granted on the group: the reference has ListModelPackages on packages alone and leaves
open what a call that names only their group is checked against."""


def identity_statements(template: Template) -> Iterator[tuple[str, Statement]]:
    return chain(statements(template), device_statements(template))


def all_statements(template: Template) -> Iterator[tuple[str, Statement]]:
    return chain(
        identity_statements(template), resource_statements(template), trust_statements(template)
    )


def actions(statement: Statement) -> list[str]:
    """Returns a statement's actions but for wildcards, which only guards of resources have."""
    return [action for action in as_list(statement["Action"]) if "*" not in action]


def test_every_action_exists(template: Template) -> None:
    for holder, statement in all_statements(template):
        assert [action for action in actions(statement) if not exists(action)] == [], holder


def test_all_resources_only_for_actions_that_know_none(template: Template) -> None:
    for holder, statement in identity_statements(template):
        if "*" in as_list(statement["Resource"]):
            assert [action for action in actions(statement) if arn_formats(action)] == [], holder


def test_all_resources_are_narrowed_where_the_service_has_a_key_for_it(template: Template) -> None:
    for holder, statement in identity_statements(template):
        if "*" in as_list(statement["Resource"]):
            used = {key for keys in statement.get("Condition", {}).values() for key in keys}
            for action in actions(statement):
                own = narrowing_keys(action)
                assert action in NOT_NARROWED or not own or used & own, (holder, action, own)


def test_every_action_is_granted_on_something_it_acts_on(template: Template) -> None:
    sample = Sample(template)
    for holder, statement in chain(identity_statements(template), resource_statements(template)):
        arns = sample.value(as_list(statement.get("Resource", "*")))
        if arns != ["*"]:
            for action in actions(statement):
                assert any(fits_any(arn, arn_formats(action)) for arn in arns), (holder, action)


def test_every_resource_is_one_of_an_action(template: Template) -> None:
    sample = Sample(template)
    for holder, statement in identity_statements(template):
        formats = set().union(*map(arn_formats, actions(statement)))
        for arn in sample.value(as_list(statement["Resource"])):
            if arn != "*" and not set(actions(statement)) >= BY_GROUP:
                assert fits_any(arn, formats), (holder, arn)


def test_every_condition_is_on_something_the_action_knows(template: Template) -> None:
    for holder, statement in all_statements(template):
        for keys in statement.get("Condition", {}).values():
            for action in actions(statement):
                unknown = [key for key in keys if not knows_key(action, key)]
                assert all((action, key) in NEVER_HELD for key in unknown), (holder, action, keys)


@pytest.mark.whole_catalogue
def test_what_is_excused_is_still_there(templates: dict[str, Template]) -> None:
    found = [s for template in templates.values() for _, s in all_statements(template)]
    for action, key in NEVER_HELD:
        assert any(action in actions(s) and key in str(s.get("Condition")) for s in found)
    assert any(set(actions(statement)) == BY_GROUP for statement in found)
    assert {action for statement in found for action in actions(statement)} >= NOT_NARROWED


@pytest.mark.parametrize(
    ("action", "arn", "fit"),
    [
        ("s3:ListBucket", "arn:aws:s3:::rows", True),
        ("s3:ListBucket", "arn:aws:s3:::rows/*", False),
        ("s3:GetObject", "arn:aws:s3:::rows", False),
        ("s3:GetObject", "arn:aws:s3:::rows/in/2026/*", True),
        ("s3:GetObject", "arn:aws:s3:::rows*", True),
        ("iam:PassRole", "arn:aws:iam::111122223333:role/path/Model", True),
        ("iam:PassRole", "arn:aws:iam:eu-west-1:111122223333:role/Model", False),
        ("sagemaker:InvokeEndpoint", "arn:aws:sagemaker:eu-west-1:1:endpoint-config/a", False),
        ("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:1:function:a:live", True),
        ("lambda:GetAlias", "arn:aws:lambda:eu-west-1:1:function:a:live", False),
        ("logs:PutLogEvents", "arn:aws:logs:eu-west-1:1:log-group:/aws/lambda/a:*", True),
        ("logs:PutLogEvents", "arn:aws:logs:eu-west-1:1:log-group:/aws/lambda/a", False),
        ("ecr:GetAuthorizationToken", "arn:aws:ecr:eu-west-1:1:repository/a", False),
    ],
)
def test_a_grant_that_never_matches_is_found(action: str, arn: str, fit: bool) -> None:
    assert fits_any(arn, arn_formats(action)) is fit


@pytest.mark.parametrize(
    ("action", "key", "known"),
    [
        ("s3:ListBucket", "s3:prefix", True),
        ("s3:GetObject", "s3:prefix", False),
        ("kms:Decrypt", "kms:ViaService", True),
        ("kms:Decrypt", "kms:EncryptionContext:aws:logs:arn", True),
        ("kms:DescribeKey", "kms:EncryptionContext:aws:logs:arn", False),
        ("sagemaker:InvokeEndpoint", "sagemaker:TargetModel", True),
        ("sagemaker:DescribeEndpoint", "sagemaker:TargetModel", False),
        ("acm:DeleteCertificate", "aws:ResourceTag/stack", True),
        ("acm:DeleteCertificate", "aws:RequestTag/stack", False),
        ("sqs:SendMessage", "aws:SourceArn", True),
    ],
)
def test_a_condition_that_never_holds_is_found(action: str, key: str, known: bool) -> None:
    assert knows_key(action, key) is known


@pytest.mark.parametrize("action", ["s3:GetObjects", "s3:getobject", "sagemake:InvokeEndpoint"])
def test_a_misspelt_action_is_found(action: str) -> None:
    assert not exists(action)
