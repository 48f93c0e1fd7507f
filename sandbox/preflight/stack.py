"""What already bears the stack's name, or the names of what it would create."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from sandbox.aws import Account, Unseen
from sandbox.preflight.findings import Finding, ok, problem, unseen
from sandbox.preflight.subject import Subject

ABOUT = "stack"


BLOCKED = {
    "CREATE_FAILED": ("it has to be deleted first", "delete-stack"),
    "DELETE_FAILED": ("it has to be deleted first", "delete-stack"),
    "ROLLBACK_FAILED": ("it has to be deleted first", "delete-stack"),
    "UPDATE_ROLLBACK_FAILED": ("no update starts from there", "continue-update-rollback"),
}
"""State from which nothing can be deployed -> why, and the command that leads out of it.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""
FAILED = "ROLLBACK_COMPLETE"
"""A deployment that failed and left nothing but this state; `cdk deploy` deletes it first."""
GONE = {"DELETE_COMPLETE", "REVIEW_IN_PROGRESS", FAILED}
"""States of a stack without resources."""


def stack(account: Account, name: str) -> tuple[bool, Finding]:
    """Returns whether the stack has resources, and what there is to say of its state."""
    try:
        answer = account.ask("cloudformation", "describe_stacks", StackName=name)
    except Unseen as error:
        if error.code == "ValidationError":
            return False, ok(ABOUT, f"{name} is not there yet")
        return False, unseen(ABOUT, error)
    status = answer["Stacks"][0]["StackStatus"]
    return status not in GONE, _state(
        name, status, f"--stack-name {name} --region {account.region}"
    )


def _state(name: str, status: str, region: str) -> Finding:
    named = f"--stack-name {name} --region {region}"
    events = f"aws cloudformation describe-stack-events {named} --max-items 20"
    if status in BLOCKED:
        why, command = BLOCKED[status]
        return problem(
            ABOUT, f"{name} is in {status}: {why}", f"aws cloudformation {command} {named}"
        )
    if status.endswith("_IN_PROGRESS") and status not in GONE:
        return problem(ABOUT, f"{name} is in {status}: wait for its end", events)
    if status == FAILED:
        text = f"{name} is in {status}: it failed before; cdk deploy deletes it first"
        return replace(ok(ABOUT, text), fix=events)
    if status in GONE:
        return ok(ABOUT, f"{name} is not there yet ({status})")
    return ok(ABOUT, f"{name} is there, in {status}: deploying updates it")


@dataclass(frozen=True)
class LookUp:
    """How to see whether something has a name already.

    Attributes:
        property: The resource's property that holds the name.
        service: Whom to ask.
        operation: What to ask for.
        argument: The argument that takes the name.
        found: The answer's list in which the name is looked for; empty if an answer is enough.
        key: The name of what is in that list.
        several: Whether the argument takes several names.
    """

    property: str
    service: str
    operation: str
    argument: str
    found: str = ""
    key: str = "name"
    several: bool = False

    def taken(self, account: Account, name: str) -> bool:
        """Returns whether something bears the name.

        Raises:
            Unseen: The account did not say.
        """
        argument: Any = [name] if self.several else name
        try:
            answer = account.ask(self.service, self.operation, **{self.argument: argument})
        except Unseen as error:
            if error.code in ABSENT or ABSENT_TEXT.search(str(error)):
                return False
            raise
        return not self.found or any(each[self.key] == name for each in answer[self.found])


ABSENT = {
    "PipelineNotFoundException",
    "RepositoryDoesNotExistException",
    "ResourceNotFound",
    "ResourceNotFoundException",
}
"""Error codes that mean the name is free."""
ABSENT_TEXT = re.compile(r"not find|not found|not exist")
"""SageMaker and Athena say it in the text of a general error."""

LOOK_UPS = {
    "AWS::Athena::WorkGroup": LookUp("Name", "athena", "get_work_group", "WorkGroup"),
    "AWS::CodeBuild::Project": LookUp(
        "Name", "codebuild", "batch_get_projects", "names", found="projects", several=True
    ),
    "AWS::CodeCommit::Repository": LookUp(
        "RepositoryName", "codecommit", "get_repository", "repositoryName"
    ),
    "AWS::CodePipeline::Pipeline": LookUp("Name", "codepipeline", "get_pipeline", "name"),
    "AWS::ECS::Cluster": LookUp(
        "ClusterName",
        "ecs",
        "describe_clusters",
        "clusters",
        found="clusters",
        key="clusterName",
        several=True,
    ),
    "AWS::EKS::Cluster": LookUp("Name", "eks", "describe_cluster", "name"),
    "AWS::Events::Rule": LookUp("Name", "events", "describe_rule", "Name"),
    "AWS::Logs::LogGroup": LookUp(
        "LogGroupName",
        "logs",
        "describe_log_groups",
        "logGroupNamePrefix",
        found="logGroups",
        key="logGroupName",
    ),
    "AWS::SageMaker::Endpoint": LookUp(
        "EndpointName", "sagemaker", "describe_endpoint", "EndpointName"
    ),
    "AWS::SageMaker::ModelPackageGroup": LookUp(
        "ModelPackageGroupName",
        "sagemaker",
        "describe_model_package_group",
        "ModelPackageGroupName",
    ),
    "AWS::SageMaker::Pipeline": LookUp(
        "PipelineName", "sagemaker", "describe_pipeline", "PipelineName"
    ),
    "AWS::Scheduler::ScheduleGroup": LookUp("Name", "scheduler", "get_schedule_group", "Name"),
}
"""Resource type -> how to see whether its name is taken."""


def names(subject: Subject) -> Iterator[Finding]:
    """The names that the template gives, unless the stack that bears them stands already."""
    if subject.deployed:
        return
    wanted = [
        (resource_type, subject.placed(properties[look_up.property]))
        for resource_type, look_up in LOOK_UPS.items()
        for _, properties in subject.template.of_type(resource_type)
        if isinstance(properties.get(look_up.property), str)
    ]
    known = [(kind, name) for kind, name in wanted if "<" not in name]
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = list(pool.map(lambda each: _taken(subject.account, *each), known))
    free = [name for (_, name), taken in zip(known, found, strict=True) if taken is False]
    for (resource_type, name), taken in zip(known, found, strict=True):
        if isinstance(taken, Unseen):
            yield unseen(f"name: {name}", taken)
        elif taken:
            fix = f"Delete it, or move on from it: `mla leftovers --region {subject.region}`."
            yield problem(f"name: {name}", f"an {resource_type} has it already", fix)
    if free:
        yield ok("names", f"{len(free)} of {len(known)} that the template gives are free")


def _taken(account: Account, resource_type: str, name: str) -> bool | Unseen:
    try:
        return LOOK_UPS[resource_type].taken(account, name)
    except Unseen as error:
        return error
