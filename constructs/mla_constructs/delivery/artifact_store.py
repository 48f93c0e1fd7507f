"""Where a pipeline's actions hand over what they make."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from mla_constructs.errors import InvalidArgument
from mla_constructs.security.data_key import DataKey
from mla_constructs.storage.buckets import DataBucket

KEPT_OF_PIPELINE = 20
KEPT_OF_ARTIFACT = 10


class ArtifactStore(DataBucket):
    """A bucket in which CodePipeline keeps each artifact below <pipeline>/<artifact>/.

    Names are cut, the pipeline's after 20 characters and the artifact's after 10. A pipeline is
    called <ID>-<stack>, and IDs and artifacts have short names: so a role is held to the artifacts
    that its action reads and writes, and what builds a feature cannot touch a release.

    Args:
        scope: Parent construct.
        id: Construct ID.
        key: Encrypts the artifacts.
        access_logs: Receives the access logs.
        removal_policy: DESTROY also empties the bucket.
        expire_after: How long artifacts are kept: no longer can a stage be rolled back to them.

    Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        key: DataKey,
        access_logs: s3.IBucket,
        removal_policy: RemovalPolicy,
        expire_after: Duration,
    ) -> None:
        super().__init__(
            scope,
            id,
            key=key,
            access_logs=access_logs,
            removal_policy=removal_policy,
            expire_after=expire_after,
        )
        self.key = key

    def grant_reading(self, role: iam.Role, pipeline: str, *artifacts: str) -> None:
        """Lets the role read these artifacts of the pipeline with this ID."""
        self._grant_bucket(role)
        for artifact in artifacts:
            prefix = _prefix(pipeline, artifact)
            self.grant_read_below(role, prefix)
            self._grant_objects(role, prefix, "s3:GetObjectVersion")

    def grant_writing(self, role: iam.Role, pipeline: str, *artifacts: str) -> None:
        """Lets the role write these artifacts of the pipeline with this ID."""
        self._grant_bucket(role)
        for artifact in artifacts:
            self.grant_write_below(role, _prefix(pipeline, artifact))

    def grant_versioning(self, role: iam.Role) -> None:
        """Lets the role see that the bucket is versioned, as pipelines ask for and builds do not.

        Source: https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
        """
        role.add_to_policy(
            iam.PolicyStatement(actions=["s3:GetBucketVersioning"], resources=[self.bucket_arn])
        )

    def _grant_bucket(self, role: iam.Role) -> None:
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:GetBucketAcl", "s3:GetBucketLocation"], resources=[self.bucket_arn]
            )
        )


def _prefix(pipeline: str, artifact: str) -> str:
    for kind, name, kept in (
        ("pipeline", pipeline, KEPT_OF_PIPELINE - 1),
        ("artifact", artifact, KEPT_OF_ARTIFACT),
    ):
        if not name.isalnum() or len(name) > kept:
            raise InvalidArgument(
                f"The {kind} is called {name!r}: use up to {kept} letters and digits, what "
                "CodePipeline keeps of it in an object's key."
            )
    return f"{pipeline}-*/{artifact}"
