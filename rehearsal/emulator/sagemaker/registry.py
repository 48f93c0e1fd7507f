"""The model registry: groups, their versions, and who approved them."""

from __future__ import annotations

from rehearsal.emulator import clock, host_events
from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.sagemaker.records import Record, Table, arn

GROUP = ("ModelPackageGroupName", "ModelPackageGroupArn", "CreationTime", "ModelPackageGroupStatus")
VERSION = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "ModelPackageStatus",
    "ModelApprovalStatus",
)
CHANGEABLE = (
    "ModelApprovalStatus",
    "ApprovalDescription",
    "CustomerMetadataProperties",
    "ModelLifeCycle",
)


class ModelRegistry:
    """CreateModelPackageGroup, CreateModelPackage and their kin: versions in groups."""

    def __init__(self) -> None:
        self.groups = Table("model-package-group")
        self.versions = Table("model-package")
        self._numbers: dict[str, int] = {}
        self._tokens: dict[str, str] = {}

    def create_model_package_group(self, request: Record) -> Record:
        """Keeps an empty group."""
        name = request["ModelPackageGroupName"]
        group_arn = arn("model-package-group", name)
        self.groups.add(
            name,
            {**request, "ModelPackageGroupArn": group_arn, "ModelPackageGroupStatus": "Completed"},
        )
        return {"ModelPackageGroupArn": group_arn}

    def describe_model_package_group(self, request: Record) -> Record:
        """Returns a group."""
        found = self.groups.get(_name(request["ModelPackageGroupName"]))
        return {**found, "CreatedBy": {}}

    def list_model_package_groups(self, request: Record) -> Record:
        """Returns all groups, newest first."""
        del request
        return {"ModelPackageGroupSummaryList": _summaries(self.groups, GROUP)}

    def delete_model_package_group(self, request: Record) -> None:
        """Forgets a group without versions."""
        name = _name(request["ModelPackageGroupName"])
        self.groups.get(name)
        if self._of_group(name):
            raise ServiceError(
                "ConflictException",
                f"Model Package Group {arn('model-package-group', name)} cannot be deleted because "
                "it still contains Model Packages.",
            )
        self.groups.remove(name)

    def create_model_package(self, request: Record) -> Record:
        """Adds a version to a group; the same token adds it once."""
        if "ModelPackageGroupName" not in request or "InferenceSpecification" not in request:
            raise ServiceError(
                "ValidationException",
                "The rehearsal registers versions of groups with InferenceSpecification only.",
            )
        group = self.groups.get(_name(request["ModelPackageGroupName"]))["ModelPackageGroupName"]
        if "Tags" in request:
            raise ServiceError(
                "ValidationException",
                "Tags cannot be given to a versioned model package: its group has them.",
            )
        token = request.get("ClientToken")
        if token and token in self._tokens:
            return {"ModelPackageArn": self._tokens[token]}
        number = self._numbers[group] = self._numbers.get(group, 0) + 1
        version_arn = arn("model-package", f"{group}/{number}")
        kept = {key: value for key, value in request.items() if key != "ClientToken"}
        record = self.versions.add(
            f"{group}/{number}",
            {
                "ModelApprovalStatus": "PendingManualApproval",
                **kept,
                "ModelPackageGroupName": group,
                "ModelPackageVersion": number,
                "ModelPackageArn": version_arn,
                "ModelPackageStatus": "Completed",
                "ModelPackageStatusDetails": {"ValidationStatuses": []},
            },
        )
        if token:
            self._tokens[token] = version_arn
        _publish(record)
        return {"ModelPackageArn": version_arn}

    def describe_model_package(self, request: Record) -> Record:
        """Returns a version."""
        return self.version(request["ModelPackageName"])

    def update_model_package(self, request: Record) -> Record:
        """Changes what a version's life cycle is about, such as its approval."""
        record = self.version(request["ModelPackageArn"])
        other = sorted(set(request) - {"ModelPackageArn", *CHANGEABLE})
        if other:
            raise ServiceError(
                "ValidationException", f"The rehearsal does not update {', '.join(other)}."
            )
        changed = [name for name in CHANGEABLE if name in request]
        record.update({name: request[name] for name in changed})
        record["LastModifiedTime"] = clock.now()
        _publish(record, changed)
        return {"ModelPackageArn": record["ModelPackageArn"]}

    def list_model_packages(self, request: Record) -> Record:
        """Returns the versions of a group, newest first."""
        group = request.get("ModelPackageGroupName")
        if group is None:
            return {"ModelPackageSummaryList": []}  # all of them are versions
        name = _name(group)
        self.groups.get(name)
        status = request.get("ModelApprovalStatus")
        found = [v for v in self._of_group(name) if status in (None, v["ModelApprovalStatus"])]
        if request.get("SortOrder") != "Ascending":
            found.reverse()
        chosen = found[: request.get("MaxResults", 100)]
        return {
            "ModelPackageSummaryList": [
                {key: record[key] for key in VERSION if key in record} for record in chosen
            ]
        }

    def delete_model_package(self, request: Record) -> None:
        """Forgets a version; its number is not given again."""
        record = self.version(request["ModelPackageName"])
        self.versions.remove(f"{record['ModelPackageGroupName']}/{record['ModelPackageVersion']}")

    def version(self, name: str) -> Record:
        """Returns a version by its ARN.

        Raises:
            ServiceError: There is none.
        """
        key = name.partition(":model-package/")[2] or name
        if key not in self.versions:
            raise ServiceError("ValidationException", f"ModelPackage {name} does not exist.")
        return self.versions.get(key)

    def _of_group(self, name: str) -> list[Record]:
        lower = name.lower()
        return [v for v in self.versions if v["ModelPackageGroupName"].lower() == lower]


def _publish(record: Record, changed: list[str] | None = None) -> None:
    detail = {key: record[key] for key in VERSION if key in record}
    if changed is not None:
        detail["UpdatedModelPackageFields"] = changed
    host_events.publish(
        "aws.sagemaker",
        "SageMaker Model Package State Change",
        detail,
        [record["ModelPackageArn"]],
    )


def _name(name_or_arn: str) -> str:
    return name_or_arn.rpartition("/")[2]


def _summaries(table: Table, keys: tuple[str, ...]) -> list[Record]:
    return [{key: record[key] for key in keys} for record in reversed(list(table))]
