"""An object that the deployment writes, because it holds values known only then."""

from __future__ import annotations

from constructs import Construct

from mla_constructs.custom_resources.function import ResourceFunction
from mla_constructs.storage.buckets import DataBucket


class WrittenObject(Construct):
    """Writes a document to a key of a bucket when the stack is deployed, and again when it changes.

    An asset is fixed at synthesis: it cannot hold the name of a bucket or the ARN of a role.

    Args:
        scope: Parent construct.
        id: Construct ID.
        bucket: Where it is written; it is emptied, or kept, with what lies in it.
        key: The object's key, "folder/name".
        document: The content, JSON that may hold tokens.

    Attributes:
        key: As given.
        version_id: Version of the object; another document has another one, so that whoever refers
            to it takes part in the update.
    """

    def __init__(
        self, scope: Construct, id: str, *, bucket: DataBucket, key: str, document: str
    ) -> None:
        super().__init__(scope, id)
        self.key = key
        writer = ResourceFunction.of(self, "ObjectWriter", task="write_object")
        bucket.grant_write_keys(writer.role, [key])
        resource = writer.resource(
            self,
            "Resource",
            "Custom::WrittenObject",
            {"BucketName": bucket.bucket_name, "Key": key, "Document": document},
        )
        resource.node.add_dependency(writer.role)
        self.version_id = resource.get_att_string("VersionId")
