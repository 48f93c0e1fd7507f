"""What trains: schedules that start it, pipelines, running jobs, and the registry's groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.aws import Account
from sandbox.leftovers.listed import Listed, wait_until_gone
from sandbox.leftovers.model import Cost, Leftover
from sandbox.leftovers.owners import GENERATED
from sandbox.leftovers.survey import Survey, tags_of


class ScheduleGroups(Listed):
    """Groups of EventBridge Scheduler; a schedule itself has no tags."""

    kind = "schedules"
    covers = ("scheduler:schedule-group",)
    service = "scheduler"
    listing = ("list_schedule_groups", "ScheduleGroups")
    id = "Name"
    since = "CreationDate"
    deletion = ("delete_schedule_group", "Name")
    removal = "delete"

    def counts(self, item: Mapping[str, Any]) -> bool:
        """Returns whether it is not gone already."""
        return bool(item["State"] == "ACTIVE")

    def tags(self, survey: Survey, item: Mapping[str, Any]) -> Mapping[str, str]:
        """Returns its tags, as the service knows them."""
        return tags_of(survey.look("scheduler", "list_tags_for_resource", ResourceArn=item["Arn"]))


class Pipelines(Listed):
    """SageMaker pipelines, with whatever they execute."""

    kind = "pipeline"
    covers = ("sagemaker:pipeline",)
    service = "sagemaker"
    listing = ("list_pipelines", "PipelineSummaries")
    id = "PipelineName"
    arn = "PipelineArn"
    deletion = ("delete_pipeline", "PipelineName")
    removal = "stop, delete"

    def remove(self, account: Account, leftover: Leftover) -> None:
        """Stops its executions and deletes it: SageMaker deletes none that runs."""
        for execution in self._running(account, leftover):
            if execution["PipelineExecutionStatus"] == "Executing":
                account.ask(
                    "sagemaker",
                    "stop_pipeline_execution",
                    PipelineExecutionArn=execution["PipelineExecutionArn"],
                )
        wait_until_gone(
            lambda: self._running(account, leftover), f"an execution of {leftover.name}"
        )
        super().remove(account, leftover)

    def _running(self, account: Account, leftover: Leftover) -> list[dict[str, Any]]:
        executions = account.pages(
            "sagemaker",
            "list_pipeline_executions",
            "PipelineExecutionSummaries",
            PipelineName=leftover.id,
        )
        return [
            execution
            for execution in executions
            if execution["PipelineExecutionStatus"] in ("Executing", "Stopping")
        ]


class Jobs:
    """Running jobs of one kind, known by the role or the model that they have of their stack.

    Jobs that ended are records without a price, which SageMaker keeps.

    Args:
        kind: "training", "processing" or "transform".
    """

    def __init__(self, kind: str) -> None:
        self.kind = f"{kind} job"
        self.covers = (f"sagemaker:{kind}-job",)
        self._kind = kind
        self._name = f"{kind.title()}JobName"

    def find(self, survey: Survey) -> Iterator[Leftover]:
        """Yields the jobs in progress whose stack lives no more."""
        running = survey.list(
            "sagemaker",
            f"list_{self._kind}_jobs",
            f"{self._kind.title()}JobSummaries",
            StatusEquals="InProgress",
        )
        for job in running:
            name = job[self._name]
            details = survey.look("sagemaker", f"describe_{self._kind}_job", **{self._name: name})
            role = details.get("RoleArn", "").rpartition("/")[2]
            owner = survey.owners.of_name(role, [GENERATED], "its role's name")
            owner = owner or survey.owners.of_name(
                details.get("ModelName", ""), [GENERATED], "its model's name"
            )
            if owner := survey.left(owner):
                yield Leftover(
                    kind=self.kind,
                    name=name,
                    id=name,
                    stack=owner.stack,
                    reason=owner.reason,
                    cost=Cost.HOUR,
                    removal="stop",
                    since=job.get("CreationTime"),
                )

    def remove(self, account: Account, leftover: Leftover) -> None:
        """Stops it."""
        account.ask("sagemaker", f"stop_{self._kind}_job", **{self._name: leftover.id})


class ModelGroups(Listed):
    """Model package groups, with their versions."""

    kind = "model package group"
    covers = ("sagemaker:model-package-group", "sagemaker:model-package")
    service = "sagemaker"
    listing = ("list_model_package_groups", "ModelPackageGroupSummaryList")
    id = "ModelPackageGroupName"
    arn = "ModelPackageGroupArn"
    deletion = ("delete_model_package_group", "ModelPackageGroupName")
    removal = "empty, delete"

    def remove(self, account: Account, leftover: Leftover) -> None:
        """Deletes its versions and it: SageMaker deletes empty groups only."""
        versions = account.pages(
            "sagemaker",
            "list_model_packages",
            "ModelPackageSummaryList",
            ModelPackageGroupName=leftover.id,
        )
        for version in versions:
            account.ask(
                "sagemaker", "delete_model_package", ModelPackageName=version["ModelPackageArn"]
            )
        super().remove(account, leftover)
