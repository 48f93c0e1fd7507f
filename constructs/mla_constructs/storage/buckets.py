"""Private buckets for data and for the record of who touched it."""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import acknowledge_wildcard
from mla_constructs.storage.empty_on_delete import empty_on_delete


class AccessLogBucket(s3.Bucket):
    """Receives access logs, of buckets or of load balancers, for 90 days; private, TLS-only.

    Encrypted with S3's own key: neither S3 nor Elastic Load Balancing delivers access logs to a
    bucket that defaults to SSE-KMS.

    Args:
        scope: Parent construct.
        id: Construct ID.
        removal_policy: DESTROY also empties the bucket.
        access_logs: Receives the access logs of this bucket, under the construct ID as prefix; None
            for the one in which they all end.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        removal_policy: RemovalPolicy,
        access_logs: s3.IBucket | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=True,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix=f"{id}/" if access_logs else None,
            lifecycle_rules=[_expiry(Duration.days(90))],
            removal_policy=removal_policy,
        )
        if removal_policy is RemovalPolicy.DESTROY:
            empty_on_delete(self)


class DataBucket(s3.Bucket):
    """Keeps data under a customer-managed key; private, TLS-only, versioned, access-logged.

    Args:
        scope: Parent construct.
        id: Construct ID.
        key: Encrypts the objects; the bucket key keeps the number of KMS requests low.
        access_logs: Receives the access logs, under the construct ID as prefix.
        removal_policy: DESTROY also empties the bucket.
        expire_after: How long objects are kept, None for as long as the bucket; overwritten and
            deleted versions go after 7 days.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        key: DataKey,
        access_logs: s3.IBucket,
        removal_policy: RemovalPolicy,
        expire_after: Duration | None,
    ) -> None:
        super().__init__(
            scope,
            id,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=True,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix=f"{id}/",
            lifecycle_rules=[_expiry(expire_after)],
            removal_policy=removal_policy,
        )
        self._key = key
        self._emptying = empty_on_delete(self) if removal_policy is RemovalPolicy.DESTROY else None

    def send_events(self) -> None:
        """Sends the bucket's events to EventBridge, such as "Object Created".

        CDK's own switch is a function with a wildcard role; this is the bucket's own property.

        Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html
        """
        bucket = self.node.default_child
        assert isinstance(bucket, s3.CfnBucket)  # noqa: S101 - what s3.Bucket consists of
        bucket.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                event_bridge_enabled=True
            )
        )

    def grant_read_below(self, role: iam.IRole, prefix: str) -> None:
        """Lets the role read the objects below a prefix."""
        self._grant_objects(role, prefix, "s3:GetObject")
        self._key.grant_via(role, "s3", "kms:Decrypt")

    def grant_write_below(self, role: iam.Role, prefix: str, *, in_parts: bool = True) -> None:
        """Lets the role write objects below a prefix.

        When the stack is deleted, the permission goes before the bucket is emptied.

        Args:
            role: Who writes.
            prefix: Without a slash at its end.
            in_parts: Also in several parts, as large objects are; False is for those that one
                request writes.
        """
        parts = ["s3:AbortMultipartUpload"] if in_parts else []
        self._grant_objects(role, prefix, "s3:PutObject", *parts)
        self._writer(role, in_parts=in_parts)

    def grant_write_keys(self, role: iam.Role, keys: Iterable[str]) -> None:
        """Lets the role write these objects, one request each; ends as `grant_write_below`."""
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:PutObject"], resources=[self.arn_for_objects(key) for key in keys]
            )
        )
        self._writer(role, in_parts=False)

    def _writer(self, role: iam.Role, *, in_parts: bool) -> None:
        """Lets the role use the key: what was uploaded in parts is decrypted to put it together.

        Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
        """
        parts = ["kms:Decrypt"] if in_parts else []
        self._key.grant_via(role, "s3", "kms:GenerateDataKey", *parts)
        if self._emptying:
            role.node.find_child("DefaultPolicy").node.add_dependency(self._emptying)

    def grant_list_below(self, role: iam.IRole, prefix: str) -> None:
        """Lets the role list the keys below a prefix."""
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[self.bucket_arn],
                conditions={"StringLike": {"s3:prefix": f"{prefix}/*"}},
            )
        )

    def _grant_objects(self, role: iam.IRole, prefix: str, *actions: str) -> None:
        objects = self.arn_for_objects(f"{prefix}/*")
        acknowledge_wildcard(
            role, objects, f"Which objects come to lie below {prefix}/ is not known beforehand."
        )
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=list(actions), resources=[objects])
        )


def _expiry(expire_after: Duration | None) -> s3.LifecycleRule:
    return s3.LifecycleRule(
        expiration=expire_after,
        noncurrent_version_expiration=Duration.days(7),
        abort_incomplete_multipart_upload_after=Duration.days(7),
    )
