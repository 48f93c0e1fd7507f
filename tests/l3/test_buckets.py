"""Private buckets for data and for the record of who touched it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam

from mla_constructs.storage.buckets import AccessLogBucket, DataBucket

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


class Buckets:
    """A data bucket, and the bucket for its access logs, in a stack of their own."""

    def __init__(self, parts: Parts, removal_policy: RemovalPolicy) -> None:
        self.parts = parts
        self.logs = AccessLogBucket(parts.stack, "AccessLogs", removal_policy=removal_policy)
        self.data = DataBucket(
            parts.stack,
            "Data",
            key=parts.key,
            access_logs=self.logs,
            removal_policy=removal_policy,
            expire_after=Duration.days(30),
        )
        self.role = iam.Role(
            parts.stack, "Reader", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com")
        )

    def resource(self, of: str) -> dict[str, Any]:
        """Returns the bucket, "logs" or "data", in the template."""
        name = self.parts.resolve(getattr(self, of).bucket_name)["Ref"]
        return dict(self.parts.template.to_json()["Resources"][name])

    def policy(self, of: str) -> list[dict[str, Any]]:
        """Returns the statements of the bucket's policy."""
        (found,) = self.parts.template.find_resources(
            "AWS::S3::BucketPolicy",
            {"Properties": {"Bucket": self.parts.resolve(getattr(self, of).bucket_name)}},
        ).values()
        return list(found["Properties"]["PolicyDocument"]["Statement"])

    def granted(self) -> list[dict[str, Any]]:
        """Returns the statements of the role's policy."""
        (found,) = self.parts.template.find_resources(
            "AWS::IAM::Policy",
            {"Properties": {"Roles": [self.parts.resolve(self.role.role_name)]}},
        ).values()
        return list(found["Properties"]["PolicyDocument"]["Statement"])


@pytest.fixture(scope="module")
def built(new_parts: type[Parts]) -> Buckets:
    return Buckets(new_parts(), RemovalPolicy.DESTROY)


@pytest.fixture(scope="module")
def retained(new_parts: type[Parts]) -> Buckets:
    return Buckets(new_parts(), RemovalPolicy.RETAIN)


@pytest.fixture
def fresh(parts: Parts) -> Buckets:
    return Buckets(parts, RemovalPolicy.RETAIN)


both = pytest.mark.parametrize("of", ["logs", "data"])


@both
@pytest.mark.parametrize(
    "condition",
    [
        pytest.param({"Bool": {"aws:SecureTransport": "false"}}, id="no TLS"),
        pytest.param({"NumericLessThan": {"s3:TlsVersion": 1.2}}, id="old TLS"),
    ],
)
def test_whoever_comes_without_current_tls_is_denied(
    of: str, condition: dict[str, Any], built: Buckets
) -> None:
    (denied,) = (found for found in built.policy(of) if found.get("Condition") == condition)
    arn = built.parts.resolve(getattr(built, of).bucket_arn)
    assert denied["Effect"] == "Deny"
    assert (denied["Action"], denied["Principal"]) == ("s3:*", {"AWS": "*"})
    assert denied["Resource"] == [arn, {"Fn::Join": ["", [arn, "/*"]]}]


@both
def test_bucket_is_private_and_versioned(of: str, built: Buckets) -> None:
    properties = built.resource(of)["Properties"]
    assert properties["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    assert properties["OwnershipControls"] == {
        "Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]
    }
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "BucketName" not in properties


@pytest.mark.parametrize(("of", "days"), [("logs", 90), ("data", 30)])
def test_objects_expire_and_old_versions_go_after_a_week(
    of: str, days: int, built: Buckets
) -> None:
    assert built.resource(of)["Properties"]["LifecycleConfiguration"] == {
        "Rules": [
            {
                "Status": "Enabled",
                "ExpirationInDays": days,
                "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
            }
        ]
    }


def encryption(bucket: dict[str, Any]) -> dict[str, Any]:
    (rule,) = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    return dict(rule)


def test_data_is_encrypted_with_the_key_and_a_bucket_key(built: Buckets) -> None:
    assert encryption(built.resource("data")) == {
        "BucketKeyEnabled": True,
        "ServerSideEncryptionByDefault": {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": built.parts.resolve(built.parts.key.key_arn),
        },
    }


def test_access_logs_are_encrypted_with_the_key_of_s3(built: Buckets) -> None:
    """Into a bucket that defaults to SSE-KMS S3 delivers no access logs."""
    assert encryption(built.resource("logs")) == {
        "ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}
    }


def test_data_bucket_is_logged_under_its_construct_id(built: Buckets) -> None:
    assert built.resource("data")["Properties"]["LoggingConfiguration"] == {
        "DestinationBucketName": built.parts.resolve(built.logs.bucket_name),
        "LogFilePrefix": "Data/",
    }


def test_only_log_delivery_for_the_data_bucket_may_write_access_logs(built: Buckets) -> None:
    (allowed,) = (found for found in built.policy("logs") if found["Effect"] == "Allow")
    assert allowed["Principal"] == {"Service": "logging.s3.amazonaws.com"}
    assert allowed["Action"] == "s3:PutObject"
    assert allowed["Condition"] == {
        "ArnLike": {"aws:SourceArn": built.parts.resolve(built.data.bucket_arn)},
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
    }


def test_data_bucket_itself_allows_nobody(built: Buckets) -> None:
    assert {found["Effect"] for found in built.policy("data")} == {"Deny"}


@both
def test_destroyed_bucket_is_emptied_first(of: str, built: Buckets) -> None:
    assert built.resource(of)["DeletionPolicy"] == "Delete"
    built.parts.template.has_resource_properties(
        "Custom::EmptyBucket",
        {"BucketName": built.parts.resolve(getattr(built, of).bucket_name)},
    )


@both
def test_retained_bucket_stays(of: str, retained: Buckets) -> None:
    bucket = retained.resource(of)
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")


@pytest.mark.parametrize(
    "type_", ["Custom::EmptyBucket", "AWS::Lambda::Function", "AWS::IAM::Policy"]
)
def test_nothing_can_empty_a_retained_bucket(type_: str, retained: Buckets) -> None:
    retained.parts.template.resource_count_is(type_, 0)


def below(buckets: Buckets, prefix: str) -> dict[str, Any]:
    return {"Fn::Join": ["", [buckets.parts.resolve(buckets.data.bucket_arn), f"/{prefix}/*"]]}


S3 = {"Fn::Join": ["", ["s3.", {"Ref": "AWS::Region"}, ".", {"Ref": "AWS::URLSuffix"}]]}
THROUGH_S3 = {"StringEquals": {"kms:ViaService": S3}}


def test_reading_is_granted_below_the_prefix(fresh: Buckets) -> None:
    fresh.data.grant_read_below(fresh.role, "input")
    assert fresh.granted() == [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": below(fresh, "input")},
        {
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": fresh.parts.resolve(fresh.parts.key.key_arn),
            "Condition": THROUGH_S3,
        },
    ]


def test_writing_is_granted_below_the_prefix_in_several_parts(fresh: Buckets) -> None:
    fresh.data.grant_write_below(fresh.role, "output")
    assert fresh.granted() == [
        {
            "Effect": "Allow",
            "Action": ["s3:AbortMultipartUpload", "s3:PutObject"],
            "Resource": below(fresh, "output"),
        },
        {
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": fresh.parts.resolve(fresh.parts.key.key_arn),
            "Condition": THROUGH_S3,
        },
    ]


def test_listing_is_granted_below_the_prefix(fresh: Buckets) -> None:
    fresh.data.grant_list_below(fresh.role, "input")
    assert fresh.granted() == [
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": fresh.parts.resolve(fresh.data.bucket_arn),
            "Condition": {"StringLike": {"s3:prefix": "input/*"}},
        }
    ]


def test_bucket_sends_events_if_asked_and_needs_no_function_for_it(parts: Parts) -> None:
    buckets = Buckets(parts, RemovalPolicy.RETAIN)
    buckets.data.send_events()
    assert buckets.resource("data")["Properties"]["NotificationConfiguration"] == {
        "EventBridgeConfiguration": {"EventBridgeEnabled": True}
    }
    assert not parts.template.find_resources("AWS::Lambda::Function")


def test_bucket_of_a_load_balancers_logs_is_logged_in_turn(parts: Parts) -> None:
    last = AccessLogBucket(parts.stack, "AccessLogs", removal_policy=RemovalPolicy.DESTROY)
    AccessLogBucket(parts.stack, "Requests", removal_policy=RemovalPolicy.DESTROY, access_logs=last)
    logged = [
        found["Properties"]["LoggingConfiguration"]
        for found in parts.template.find_resources("AWS::S3::Bucket").values()
        if "LoggingConfiguration" in found["Properties"]
    ]
    assert logged == [
        {
            "DestinationBucketName": parts.resolve(last.bucket_name),
            "LogFilePrefix": "Requests/",
        }
    ]
