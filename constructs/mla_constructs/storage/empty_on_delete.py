"""Buckets that can be deleted with their stack."""

from __future__ import annotations

from aws_cdk import CustomResource
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from mla_constructs.custom_resources.function import ResourceFunction
from mla_constructs.security.findings import acknowledge_wildcard


def empty_on_delete(bucket: s3.Bucket) -> CustomResource:
    """Empties the bucket when it is deleted, after nobody can write to it any more.

    In place of `auto_delete_objects`, whose role has wildcard actions and whose log group outlives
    the stack: this role may list and delete the versions of these buckets and write to its own log
    group, nothing else. docs/decisions/0004-emptying-buckets.md has the comparison.

    The bucket's policy is made to depend on the custom resource, so that it is deleted first:
    without it S3 no longer delivers access logs into a bucket that has just been emptied.

    Returns:
        The resource whose deletion empties the bucket. What lets others write has to depend on it
        in the same way.
    """
    emptier = ResourceFunction.of(bucket, "BucketEmptier", task="empty_bucket")
    policy = iam.Policy(
        bucket,
        "EmptyPolicy",
        roles=[emptier.role],
        statements=[
            iam.PolicyStatement(actions=["s3:ListBucketVersions"], resources=[bucket.bucket_arn]),
            iam.PolicyStatement(
                actions=["s3:DeleteObject", "s3:DeleteObjectVersion"],
                resources=[bucket.arn_for_objects("*")],
            ),
        ],
    )
    acknowledge_wildcard(
        policy,
        bucket.arn_for_objects("*"),
        "Emptying this bucket means deleting every object in it.",
    )
    resource = emptier.resource(
        bucket, "Empty", "Custom::EmptyBucket", {"BucketName": bucket.bucket_name}
    )
    resource.node.add_dependency(policy)
    if bucket.policy:
        bucket.policy.node.add_dependency(resource)
    return resource
