"""What containers write, in CloudWatch Logs, by their execution role.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from botocore.exceptions import ClientError

from rehearsal.emulator import clock, session
from rehearsal.emulator.host import NotAssumableError
from rehearsal.emulator.sagemaker.component import Component
from rehearsal.emulator.sagemaker.containers import PRINCIPAL, Container
from rehearsal.emulator.sagemaker.endpoint import Endpoint
from rehearsal.emulator.sagemaker.fleets import Instance, Variant

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""Real seconds between two looks at what containers write."""


def group(endpoint_name: str) -> str:
    """Returns the name of an endpoint's log group."""
    return f"/aws/sagemaker/Endpoints/{endpoint_name}"


class ContainerLogs:
    """Sends what containers write to CloudWatch Logs, a moment after they wrote it."""

    def __init__(self) -> None:
        self._created: set[str] = set()
        self._refused: set[str] = set()
        self._sending = threading.Lock()

    def send(self, endpoint: Endpoint) -> None:
        """Sends what all containers of an endpoint have written since the last time."""
        with self._sending:
            for variant in endpoint.variants:
                for instance in list(variant.instances):
                    for number, container in enumerate(instance.containers):
                        lines = container.new_output()
                        if lines:
                            stream = _stream(variant, instance, container, number)
                            self._put(variant, endpoint.arn, group(endpoint.name), stream, lines)

    def send_component(self, component: Component) -> None:
        """Sends what the copies of an inference component have written since the last time."""
        name, variant = component.name, component.variant
        with self._sending:
            for copy in list(component.copies):
                for container in copy.containers:
                    lines = container.new_output()
                    if lines:
                        stream = f"{variant.name}/{copy.id}"
                        where = f"/aws/sagemaker/InferenceComponents/{name}"
                        self._put(variant, component.arn, where, stream, lines)

    def _put(
        self, variant: Variant, source_arn: str, group_: str, stream: str, lines: list[str]
    ) -> None:
        role = variant.model["ExecutionRoleArn"]
        now = int(clock.now().timestamp() * 1000)
        events = [{"timestamp": now, "message": line} for line in lines]
        where: dict[str, Any] = {"logGroupName": group_, "logStreamName": stream}
        try:
            logs = session.as_role("logs", role, principal=PRINCIPAL, source_arn=source_arn)
            if stream not in self._created:
                _create(logs, where)
                self._created.add(stream)
            logs.put_log_events(**where, logEvents=events)
        except (ClientError, NotAssumableError) as error:
            # As in AWS: the endpoint serves on, its logs are missing.
            if stream not in self._refused:
                log.warning("no logs of %s %s: %s", source_arn, stream, error)
                self._refused.add(stream)


def _create(logs: Any, where: dict[str, Any]) -> None:
    try:
        logs.create_log_stream(**where)
    except logs.exceptions.ResourceNotFoundException:
        logs.create_log_group(logGroupName=where["logGroupName"])
        logs.create_log_stream(**where)


def _stream(variant: Variant, instance: Instance, container: Container, number: int) -> str:
    stream = f"{variant.name}/{instance.id}"
    if len(instance.containers) == 1:
        return stream
    return f"{stream}/{container.definition.get('ContainerHostname', f'container-{number + 1}')}"


def keep_sending(logs: ContainerLogs, endpoints: dict[str, Endpoint]) -> None:
    """Sends logs until the process ends."""
    while True:
        time.sleep(LOOK_SECONDS)
        for endpoint in list(endpoints.values()):
            if endpoint.record["EndpointStatus"] != "Deleting":
                logs.send(endpoint)
