"""Our own code under its roles: run as deployed, with what it calls written down."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from runtime.functions.custom_resources.handlers import (
    build_image,
    certificate,
    cloudformation,
    delete_stack,
    empty_bucket,
    empty_model_group,
    expiry,
    place_objects,
    write_object,
)
from tests.support.needs.calls import of_call
from tests.support.needs.deployed import MANAGED, Ask, Deployed, Evidence, Need, arn

HANDLERS = {
    "Custom::BuiltImage": build_image,
    "Custom::DeliveredStack": delete_stack,
    "Custom::EmptyBucket": empty_bucket,
    "Custom::EmptyModelGroup": empty_model_group,
    "Custom::Expiry": expiry,
    "Custom::PlacedObjects": place_objects,
    "Custom::SelfSignedCertificate": certificate,
    "Custom::WrittenObject": write_object,
}
"""Type of custom resource -> module of its handler."""

LAMBDA_LOGS = MANAGED + "AWSLambdaBasicExecutionRole"
LAMBDA_TRACES = MANAGED + "AWSXRayDaemonWriteAccess"

Call = tuple[str, str, dict[str, Any]]


def functions(deployed: Deployed) -> Iterator[Need]:
    """Yields what the handlers of custom resources call, from creation to deletion."""
    for name, handler, (service, operation, parameters) in handled(deployed):
        properties = deployed.template.resources[name]["Properties"]
        function = properties["ServiceToken"].strip("<>").removesuffix(".Arn")
        role = deployed.role(deployed.template.resources[function]["Properties"]["Role"])
        for ask in of_call(deployed, service, operation, parameters):
            yield Need(role, ask, Evidence.RECORDED, f"{handler}: {operation} for {name}")


def handled(deployed: Deployed) -> Iterator[tuple[str, str, Call]]:
    """Yields custom resource, name of its handler, and a call that it makes for the resource."""
    for name, resource in deployed.template.resources.items():
        if handler := HANDLERS.get(resource["Type"]):
            given = deployed.value(resource["Properties"])
            if isinstance(given.get("Document"), dict):  # made readable, and a text again
                given["Document"] = json.dumps(given["Document"])
            for call in _calls(handler, given, deployed.value("<AWS::StackId>")):
                yield name, handler.__name__.rsplit(".", maxsplit=1)[-1], call


def logs(deployed: Deployed) -> Iterator[Need]:
    """Yields what Lambda does under every function's role: it logs, and sends traces."""
    for _, function in deployed.template.of_type("AWS::Lambda::Function"):
        role = deployed.role(function["Role"])
        if group := function.get("LoggingConfig", {}).get("LogGroup"):
            for ask in deployed.log(deployed.value(group), "CreateLogStream", "PutLogEvents"):
                yield Need(role, ask, Evidence.SERVICE, LAMBDA_LOGS)
        if function.get("TracingConfig", {}).get("Mode") == "Active":
            for action in ("xray:PutTelemetryRecords", "xray:PutTraceSegments"):
                yield Need(role, Ask(action, "*"), Evidence.SERVICE, LAMBDA_TRACES)


def _calls(handler: Any, properties: dict[str, Any], stack_id: str) -> list[Call]:
    """Returns the calls of a handler over the life of its resource."""
    with recorded(_Aws()) as calls, pytest.MonkeyPatch.context() as patch:
        patch.setattr(cloudformation, "_answer", _succeeded)
        for request in ("Create", "Update", "Delete"):
            handler.handler(
                {
                    "RequestType": request,
                    "StackId": stack_id,
                    "RequestId": "b8d1c7a4-19d5-4d4a-a5c8-2f6a5f8a7d11",
                    "LogicalResourceId": "Resource",
                    "PhysicalResourceId": arn("acm", "certificate/1"),
                    "ResourceProperties": properties,
                },
                SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000),
            )
    return calls


def _succeeded(_: Any, status: str, reason: str, __: Any) -> None:
    assert status == "SUCCESS", reason


@contextmanager
def recorded(aws: Any) -> Iterator[list[Call]]:
    """Writes down every call of botocore, which AWS answers by a method called as the operation."""
    calls: list[Call] = []

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        calls.append((client.meta.service_model.signing_name, operation, parameters))
        answer: Callable[..., dict[str, Any]] = getattr(aws, operation, lambda **_: {})
        return answer(**parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boto3, "DEFAULT_SESSION", _session())
        patch.setattr(BaseClient, "_make_api_call", call)
        yield calls


@cache
def _session() -> boto3.Session:
    """One for all: what it has read of botocore's models is not read again."""
    return boto3.Session(
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106 - nobody's
        region_name="eu-west-1",
    )


class _Aws:
    """Answers that take a handler through all that it does."""

    def __init__(self) -> None:
        self._pages = itertools.count()
        self._looks = itertools.count()

    def BatchGetBuilds(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        exported = {"IMAGE_DIGEST": "sha256:0b1d", "CERTIFICATE_ARN": arn("acm", "certificate/1")}
        variables = [{"name": name, "value": value} for name, value in exported.items()]
        build = {"buildStatus": "SUCCEEDED", "exportedEnvironmentVariables": variables}
        return {"builds": [{**build, "logs": {}}]}

    def DescribeStacks(self, StackName: str) -> dict[str, Any]:  # noqa: N802, N803
        stack = {
            "StackId": arn("cloudformation", f"stack/{StackName.split('/')[-2:][0]}/1"),
            "StackStatus": "DELETE_COMPLETE" if next(self._looks) else "CREATE_COMPLETE",
            "CreationTime": datetime.now(UTC),
            "RoleARN": "arn:aws:iam::111122223333:role/cdk-hnb659fds-cfn-exec-role",
        }
        return {"Stacks": [stack]}

    def ListModelPackages(self, ModelPackageGroupName: str, **_: Any) -> dict[str, Any]:  # noqa: N802, N803
        own = arn("sagemaker", f"model-package/{ModelPackageGroupName}/1")
        return {"ModelPackageSummaryList": [{"ModelPackageArn": own}]}

    def ListObjectVersions(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        first = next(self._pages) == 0
        return {"Versions": [{"Key": "a", "VersionId": "1"}] if first else []}

    def PutObject(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        return {"VersionId": "1"}

    def StartBuild(self, projectName: str, **_: Any) -> dict[str, Any]:  # noqa: N802, N803
        return {"build": {"id": f"{projectName}:1"}}
