"""What empties the buckets just before their stack deletes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration, RemovalPolicy

from mla_constructs.storage.buckets import AccessLogBucket, DataBucket

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


@pytest.fixture(scope="module")
def built(new_parts: type[Parts]) -> Parts:
    """A stack with two buckets to be emptied."""
    parts = new_parts()
    logs = AccessLogBucket(parts.stack, "AccessLogs", removal_policy=RemovalPolicy.DESTROY)
    DataBucket(
        parts.stack,
        "Data",
        key=parts.key,
        access_logs=logs,
        removal_policy=RemovalPolicy.DESTROY,
        expire_after=Duration.days(30),
    )
    return parts


@pytest.fixture(scope="module")
def resources(built: Parts) -> dict[str, Any]:
    return dict(built.template.to_json()["Resources"])


def of_type(resources: dict[str, Any], type_: str) -> dict[str, Any]:
    return {name: found for name, found in resources.items() if found["Type"] == type_}


def emptier_of(resources: dict[str, Any], bucket: str) -> tuple[str, dict[str, Any]]:
    """Returns the custom resource that empties the bucket, with its logical ID."""
    (found,) = (
        (name, resource)
        for name, resource in of_type(resources, "Custom::EmptyBucket").items()
        if resource["Properties"]["BucketName"] == {"Ref": bucket}
    )
    return found


@pytest.fixture(scope="module", params=["AccessLogs", "Data"])
def bucket(request: pytest.FixtureRequest, resources: dict[str, Any]) -> str:
    """Logical ID of each of the buckets."""
    (found,) = (
        name for name in of_type(resources, "AWS::S3::Bucket") if name.startswith(request.param)
    )
    return str(found)


def test_one_function_empties_all_buckets_of_the_stack(resources: dict[str, Any]) -> None:
    (function,) = of_type(resources, "AWS::Lambda::Function")
    emptiers = of_type(resources, "Custom::EmptyBucket").values()
    assert len(emptiers) == 2
    for emptier in emptiers:
        assert emptier["Properties"]["ServiceToken"] == {"Fn::GetAtt": [function, "Arn"]}


def test_bucket_policy_goes_before_the_bucket_is_emptied(
    bucket: str, resources: dict[str, Any]
) -> None:
    """Deletion runs against the dependencies: afterwards nobody can deliver logs any more."""
    emptier, _ = emptier_of(resources, bucket)
    (policy,) = (
        found
        for found in of_type(resources, "AWS::S3::BucketPolicy").values()
        if found["Properties"]["Bucket"] == {"Ref": bucket}
    )
    assert policy["DependsOn"] == [emptier]


def test_right_to_empty_goes_after_the_bucket_was_emptied(
    bucket: str, resources: dict[str, Any]
) -> None:
    _, emptier = emptier_of(resources, bucket)
    (policy,) = emptier["DependsOn"]
    assert resources[policy]["Type"] == "AWS::IAM::Policy"
    assert bucket in json.dumps(resources[policy])


def test_role_may_list_and_delete_the_versions_of_these_buckets(
    bucket: str, resources: dict[str, Any]
) -> None:
    (policy,) = emptier_of(resources, bucket)[1]["DependsOn"]
    (role,) = of_type(resources, "AWS::IAM::Role")
    arn = {"Fn::GetAtt": [bucket, "Arn"]}
    assert resources[policy]["Properties"]["Roles"] == [{"Ref": role}]
    assert resources[policy]["Properties"]["PolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Action": "s3:ListBucketVersions", "Resource": arn},
        {
            "Effect": "Allow",
            "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
            "Resource": {"Fn::Join": ["", [arn, "/*"]]},
        },
    ]


def test_beyond_that_the_role_may_write_its_own_log(resources: dict[str, Any]) -> None:
    emptiers = of_type(resources, "Custom::EmptyBucket").values()
    of_buckets = {name for emptier in emptiers for name in emptier["DependsOn"]}
    (name,) = set(of_type(resources, "AWS::IAM::Policy")) - of_buckets
    (log_group,) = of_type(resources, "AWS::Logs::LogGroup")
    assert resources[name]["Properties"]["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": {"Fn::GetAtt": [log_group, "Arn"]},
        }
    ]
    (role,) = of_type(resources, "AWS::IAM::Role").values()
    assert "ManagedPolicyArns" not in role["Properties"]


def test_function_runs_the_handler_as_long_as_lambda_allows(resources: dict[str, Any]) -> None:
    (function,) = of_type(resources, "AWS::Lambda::Function").values()
    properties = function["Properties"]
    assert (properties["Handler"], properties["Timeout"]) == (
        "handlers.empty_bucket.handler",
        900,
    )
    assert properties["Architectures"] == ["arm64"]


def test_function_logs_into_a_group_that_goes_with_the_stack(resources: dict[str, Any]) -> None:
    ((name, log_group),) = of_type(resources, "AWS::Logs::LogGroup").items()
    (function,) = of_type(resources, "AWS::Lambda::Function").values()
    assert function["Properties"]["LoggingConfig"] == {"LogGroup": {"Ref": name}}
    assert log_group["Properties"]["RetentionInDays"] == 7
    assert log_group["DeletionPolicy"] == "Delete"
