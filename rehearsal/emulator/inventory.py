"""What there is in the emulated account, to see what a destroyed stack has left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rehearsal.emulator import host

HISTORY = {
    "cloudwatch_logs.log_records",  # of groups that are listed themselves
    "cloudformation.stack_events",
    "cloudtrail.events",
    "cloudwatch.alarm_history",
    "cloudwatch.metrics",
    "dynamodb.tags",  # of tables that are listed themselves, as the next
    "ec2.tags",
    "ecs.tags",
    "ecs.task_def_latest",  # a revision's number is never given again
    "eventbridge.events_log",
    "stepfunctions.executions",
    "sts.sessions",
}
"""Collections that remember what was: nothing in them exists."""

GONE: dict[str, Callable[[Any], bool]] = {
    "cloudformation.stacks": lambda stack: stack["StackStatus"] == "DELETE_COMPLETE",
    "ec2.nat_gateways": lambda gateway: gateway["State"] == "deleted",
    # AWS keeps them in this state, for reference: they cost nothing and run nothing.
    "ecs.clusters": lambda cluster: cluster["status"] == "INACTIVE",
    "ecs.services": lambda service: service["status"] == "INACTIVE",
    "ecs.task_defs": lambda definition: definition["status"] == "INACTIVE",
    "ecs.tasks": lambda task: task["lastStatus"] == "STOPPED",
    "iam.aws_managed_attachment_counts": lambda count: count == 0,
    "kms.keys": lambda key: key["KeyState"] == "PendingDeletion",
    # A deleted version's number is never given again: the layer's name is remembered for it.
    "lambda.layers": lambda layer: all(v.get("_deleted") for v in layer["versions"]),
}
"""Collections that go on listing what was deleted -> how to tell."""

_own: dict[str, Callable[[], Mapping[str, Any]]] = {}


def watch(collection: str, resources: Callable[[], Mapping[str, Any]]) -> None:
    """Counts a collection of ours in, such as "sagemaker.endpoints"."""
    _own[collection] = resources


def inventory() -> list[str]:
    """Returns every resource of every service as `service.collection: name`."""
    return sorted(
        f"{collection}: {name}"
        for collection, resources in _collections()
        for name, resource in _resources(resources)
        if not GONE.get(collection, lambda _: False)(resource)
    )


def _collections() -> Iterator[tuple[str, Any]]:
    for service, state in host.states():
        for name, resources in state.items():
            if f"{service}.{name}" not in HISTORY:
                yield f"{service}.{name}", resources
    for collection, own in _own.items():
        yield collection, own()


def _resources(collection: Any) -> Iterator[tuple[str, Any]]:
    # MiniStack scopes its collections by account and Region, in keys of several parts.
    scoped = getattr(collection, "_data", collection)
    if isinstance(scoped, Mapping):
        for key, resource in scoped.items():
            yield str(key[-1] if isinstance(key, tuple) else key), resource
