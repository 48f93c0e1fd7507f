"""Objects that lie in a bucket of the stack under the keys their readers expect."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_iam as iam
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.custom_resources.function import ResourceFunction
from mla_constructs.errors import InvalidArgument
from mla_constructs.storage.buckets import DataBucket


class PlacedObjects(Construct):
    """Copies files of the project into a bucket when the stack is deployed.

    An asset's key is a content hash in the bootstrap bucket. Whoever reads a prefix or a fixed
    name (a multi-model endpoint, an Airflow scheduler, a script beside another) needs a copy.
    A key that is dropped later stays until its bucket goes.

    In place of CDK's BucketDeployment, whose role has wildcard actions and a managed policy: this
    one may read these assets and write these keys.

    Args:
        scope: Parent construct.
        id: Construct ID.
        bucket: Receives the objects.
        objects: Key in the bucket -> file, of at most 5 GB.

    Raises:
        InvalidArgument: There are no objects, or a key begins with a slash.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
    """

    def __init__(
        self, scope: Construct, id: str, *, bucket: DataBucket, objects: Mapping[str, Asset]
    ) -> None:
        super().__init__(scope, id)
        if not objects:
            raise InvalidArgument("objects is empty: name a key and the asset to be placed there.")
        for key in objects:
            if key.startswith("/"):
                raise InvalidArgument(f"The key is {key!r}: begin it without a slash.")
        self._bucket = bucket
        placer = ResourceFunction.of(self, "ObjectPlacer", task="place_objects")
        placer.role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:GetObject"],
                resources=[
                    asset.bucket.arn_for_objects(asset.s3_object_key) for asset in objects.values()
                ],
            )
        )
        bucket.grant_write_keys(placer.role, objects)
        resource = placer.resource(
            self,
            "Resource",
            "Custom::PlacedObjects",
            {
                "BucketName": bucket.bucket_name,
                "Objects": [
                    {
                        "Key": key,
                        "SourceBucket": asset.s3_bucket_name,
                        "SourceKey": asset.s3_object_key,
                    }
                    for key, asset in objects.items()
                ],
            },
        )
        resource.node.add_dependency(placer.role)

    def url(self, key: str) -> str:
        """Returns the s3:// address of a key; its reader has to depend on this construct."""
        return self._bucket.s3_url_for_object(key)
