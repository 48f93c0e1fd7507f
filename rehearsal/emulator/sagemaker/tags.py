"""Tags of SageMaker's resources."""

from __future__ import annotations

from collections.abc import Sequence

from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.sagemaker.records import Record, Table

LARGEST_NUMBER = 50


class Tags:
    """AddTags and its kin.

    Args:
        tables: Where tagged resources are kept, each record with its Tags.
    """

    def __init__(self, tables: Sequence[Table]) -> None:
        self.tables = tables

    def add_tags(self, request: Record) -> Record:
        """Adds tags, or overwrites those of the same key."""
        record = self._tagged(request["ResourceArn"])
        tags = {tag["Key"]: tag for tag in [*record.get("Tags", []), *request["Tags"]]}
        if len(tags) > LARGEST_NUMBER:
            raise ServiceError(
                "ValidationException", f"A resource has {LARGEST_NUMBER} tags at most."
            )
        record["Tags"] = list(tags.values())
        return {"Tags": record["Tags"]}

    def list_tags(self, request: Record) -> Record:
        """Returns a resource's tags."""
        return {"Tags": self._tagged(request["ResourceArn"]).get("Tags", [])}

    def delete_tags(self, request: Record) -> None:
        """Removes the tags of these keys."""
        record = self._tagged(request["ResourceArn"])
        gone = set(request["TagKeys"])
        record["Tags"] = [tag for tag in record.get("Tags", []) if tag["Key"] not in gone]

    def _tagged(self, arn: str) -> Record:
        kind, _, name = arn.split(":", 5)[-1].partition("/")
        for table in self.tables:
            if table.kind == kind:
                return table.get(name)
        raise ServiceError(
            "ValidationException", f"The rehearsal keeps no tags of resources such as {arn}."
        )
