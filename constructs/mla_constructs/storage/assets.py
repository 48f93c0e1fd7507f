"""Files that the deployment uploads, as a job or a workflow sees them."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk.aws_s3_assets import Asset


def grant_finding(asset: Asset, role: iam.IRole) -> None:
    """Lets the role find this one object: a job lists a prefix, be it a whole key."""
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["s3:ListBucket"],
            resources=[asset.bucket.bucket_arn],
            conditions={"StringEquals": {"s3:prefix": asset.s3_object_key}},
        )
    )
