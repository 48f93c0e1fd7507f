"""Where queries run and what they may cost."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Aws
from aws_cdk import aws_athena as athena
from aws_cdk import aws_s3 as s3
from constructs import Construct

from mla_constructs.errors import require_between
from mla_constructs.security.data_key import DataKey

MEGABYTE = 1_000_000


class QueryWorkgroup(Construct):
    """An Athena workgroup that dictates where results go, under which key, and how much is read.

    Args:
        scope: Parent construct.
        id: Construct ID.
        key: Encrypts the results.
        bucket: Receives the results.
        prefix: Below which key, without a slash at the end.
        scan_limit_mb: A query that reads more is cancelled; at least 10 MB.

    Attributes:
        name: Name of the workgroup, which is the stack's.

    Raises:
        InvalidArgument: The limit is below what Athena accepts.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/
    aws-resource-athena-workgroup.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        key: DataKey,
        bucket: s3.IBucket,
        prefix: str,
        scan_limit_mb: int,
    ) -> None:
        super().__init__(scope, id)
        require_between("scan_limit_mb", scan_limit_mb, 10, 7_000_000_000, unit="MB")
        workgroup = athena.CfnWorkGroup(
            self,
            "Resource",
            name=Aws.STACK_NAME,
            recursive_delete_option=True,
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                bytes_scanned_cutoff_per_query=scan_limit_mb * MEGABYTE,
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=f"{bucket.s3_url_for_object(prefix)}/",
                    encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                        encryption_option="SSE_KMS", kms_key=key.key_arn
                    ),
                ),
            ),
        )
        self.name = workgroup.name
        self._workgroup = workgroup

    def save(self, id: str, *, query: Path, database: str, meaning: str) -> athena.CfnNamedQuery:
        """Saves a query, ready to be run.

        Args:
            id: Construct ID.
            query: File with the SQL; its name becomes the query's.
            database: Name of the database in which its tables are.
            meaning: What its answer says.
        """
        saved = athena.CfnNamedQuery(
            self,
            id,
            name=query.stem,
            description=meaning,
            database=database,
            work_group=self.name,
            query_string=query.read_text(encoding="utf-8"),
        )
        saved.node.add_dependency(self._workgroup)
        return saved
