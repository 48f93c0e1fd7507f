"""What an endpoint captured, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Aws, Fn
from aws_cdk import aws_glue as glue
from aws_cdk import aws_s3 as s3
from constructs import Construct

from mla_constructs.errors import InvalidArgument, require_between

_SIDE = "struct<observedcontenttype:string,mode:string,data:string,encoding:string>"

COLUMNS = {
    "capturedata": f"struct<endpointinput:{_SIDE},endpointoutput:{_SIDE}>",
    "eventmetadata": "struct<eventid:string,inferenceid:string,inferencetime:string>",
    "eventversion": "string",
}
"""A captured line; names in lower case, as the SerDe reads them."""

TABLE = "captured"


class CapturedData(Construct):
    """A Glue database with one table over an endpoint's captured JSON lines.

    The columns are those of a captured line; `variant` and `hour` (such as 2026/11/22/20, UTC) are
    partitions that Athena derives from the path, so that nothing has to be crawled or added.

    Args:
        scope: Parent construct.
        id: Construct ID.
        bucket: Where the data is captured.
        prefix: Below which key, without a slash at the end.
        endpoint_name: Name of the endpoint.
        variant_names: The variants, shadow variants included.
        days: How far back the partitions reach, 1 to 3650 days: as long as the data is kept.

    Attributes:
        database: Name of the database; the stack's, with underscores.
        table: Name of the table.

    Raises:
        InvalidArgument: There is no variant, or the number of days is out of range.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        bucket: s3.IBucket,
        prefix: str,
        endpoint_name: str,
        variant_names: Sequence[str],
        days: int,
    ) -> None:
        super().__init__(scope, id)
        if not variant_names:
            raise InvalidArgument("variant_names is empty: name the variants that are captured.")
        require_between("days", days, 1, 3650)
        self.database = Fn.join("_", Fn.split("-", Aws.STACK_NAME))
        self.table = TABLE
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Aws.ACCOUNT_ID,
            database_input=glue.CfnDatabase.DatabaseInputProperty(name=self.database),
        )
        root = f"{bucket.s3_url_for_object(prefix)}/{endpoint_name}"
        table = glue.CfnTable(
            self,
            "Table",
            catalog_id=Aws.ACCOUNT_ID,
            database_name=self.database,
            table_input=glue.CfnTable.TableInputProperty(
                name=TABLE,
                table_type="EXTERNAL_TABLE",
                partition_keys=[_column("variant", "string"), _column("hour", "string")],
                parameters={
                    "classification": "json",
                    "projection.enabled": "true",
                    "projection.variant.type": "enum",
                    "projection.variant.values": ",".join(variant_names),
                    "projection.hour.type": "date",
                    "projection.hour.format": "yyyy/MM/dd/HH",
                    "projection.hour.range": f"NOW-{days}DAYS,NOW",
                    "projection.hour.interval": "1",
                    "projection.hour.interval.unit": "HOURS",
                    "storage.location.template": f"{root}/${{variant}}/${{hour}}/",
                },
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    location=f"{root}/",
                    columns=[_column(name, type_) for name, type_ in COLUMNS.items()],
                    input_format="org.apache.hadoop.mapred.TextInputFormat",
                    output_format="org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                    serde_info=glue.CfnTable.SerdeInfoProperty(
                        serialization_library="org.openx.data.jsonserde.JsonSerDe"
                    ),
                ),
            ),
        )
        table.node.add_dependency(database)


def _column(name: str, type_: str) -> glue.CfnTable.ColumnProperty:
    return glue.CfnTable.ColumnProperty(name=name, type=type_)
