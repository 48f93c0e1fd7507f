"""One inference component: its copies, and where they run."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil

from rehearsal.emulator import clock, cloudwatch
from rehearsal.emulator.sagemaker.containers import ContainerError
from rehearsal.emulator.sagemaker.endpoint import Endpoint
from rehearsal.emulator.sagemaker.fleets import LEAST_OUTSTANDING, Copy, Instance, Variant
from rehearsal.emulator.sagemaker.placement import bounds, emptiest, fits
from rehearsal.emulator.sagemaker.records import Record

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
HUNDRED = 100


@dataclass
class Component:
    """A component and its copies; whoever changes it holds its endpoint.

    Attributes:
        record: What DescribeInferenceComponent tells whatever runs.
        endpoint: On whose instances it runs.
        variant: Which of them.
        container: The definition of its copies' container.
        desired: Copies that it should have.
        copies: Copies that run.
        waiting: Whether an update waits for time to pass.
    """

    record: Record
    endpoint: Endpoint
    variant: Variant
    container: Record
    desired: int
    copies: list[Copy] = field(default_factory=list)
    waiting: bool = False

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.record["InferenceComponentName"])

    @property
    def arn(self) -> str:
        """Its ARN."""
        return str(self.record["InferenceComponentArn"])

    @property
    def needs(self) -> Record:
        """What each copy reserves."""
        return dict(self.record["Specification"]["ComputeResourceRequirements"])

    def status(self, status: str, reason: str = "") -> None:
        """Moves it into a status."""
        self.record["InferenceComponentStatus"] = status
        self.record["LastModifiedTime"] = clock.now()
        self.record.pop("FailureReason", None)
        if reason:
            self.record["FailureReason"] = reason[:1024]

    def settle(self, reason: str) -> None:
        """Ends a change that failed: with what runs, if something does."""
        self.desired = len(self.copies)
        self._release()
        self.status("InService" if self.copies else "Failed", reason)

    def place(self) -> None:
        """Starts or stops copies until there are as many as desired.

        Raises:
            ContainerError: One does not start, or there is no room for it.
        """
        while len(self.copies) > self.desired:
            self._end(self.copies[-1])
        started: list[Copy] = []
        try:
            for _ in range(self.desired - len(self.copies)):
                started.append(self._start(self.container))
            for copy in started:
                copy.wait_until_healthy()
        except BaseException:
            for copy in started:
                self._end(copy)
            raise
        self.copies.extend(started)
        self._release()
        self.status("InService")

    def replace(self, specification: Record, container: Record, config: Record) -> None:
        """Replaces copies batch by batch; the old ones stay if the new ones do not start.

        Raises:
            ContainerError: A new copy does not start, or an alarm went off.
        """
        before = self.record["Specification"], self.container
        old, new = list(self.copies), list[Copy]()
        policy = config.get("RollingUpdatePolicy", {})
        batch = _batch(policy.get("MaximumBatchSize"), max(len(old), 1))
        self.record["Specification"], self.container = specification, container
        try:
            while len(new) < self.desired:
                for _ in range(min(batch, self.desired - len(new))):
                    copy = self._start(container)
                    new.append(copy)
                    copy.wait_until_healthy()
                    self.copies.append(copy)
                self._bake(policy.get("WaitIntervalInSeconds", 0), config)
                for copy in old[:batch]:
                    self._end(copy)
                del old[:batch]
        except BaseException:
            self.record["Specification"], self.container = before
            for copy in new:
                self._end(copy)
            self.place()
            raise
        self.place()

    def described(self) -> Record:
        """Returns it as DescribeInferenceComponent has it."""
        told = {key: value for key, value in self.record.items() if key != "Tags"}
        specification = dict(told["Specification"])
        if "Container" in specification:
            container = dict(specification["Container"])
            image = container.pop("Image", "")
            container["DeployedImage"] = {
                "SpecifiedImage": image,
                "ResolvedImage": image,
                "ResolutionTime": self.record["CreationTime"],
            }
            specification["Container"] = container
        counts = {"DesiredCopyCount": self.desired, "CurrentCopyCount": len(self.copies)}
        return {**told, "Specification": specification, "RuntimeConfig": counts}

    def next_copy(self) -> Copy | None:
        """Returns the copy that gets the next request, None if there is none."""
        running = list(self.copies)
        if not running:
            return None
        strategy = self.variant.settings.get("RoutingConfig", {}).get("RoutingStrategy")
        if strategy != LEAST_OUTSTANDING:
            return random.choice(running)  # noqa: S311
        return min(running, key=lambda copy: copy.in_flight)

    def stop(self) -> None:
        """Stops all copies, and the instances that nobody needs any more."""
        self.desired = 0
        while self.copies:
            self._end(self.copies[-1])
        self._release()

    def _start(self, container: Record) -> Copy:
        """Starts a copy where there is room, on a new instance if there must be one."""
        instances = self.variant.instances
        room = [each for each in emptiest(instances) if fits(each, self.variant, self.needs)]
        if room:
            instance = room[0]
        elif len(instances) < bounds(self.variant)[1] and fits(
            Instance([]), self.variant, self.needs
        ):
            instance = self.variant.launch(self.endpoint.arn)
            instances.append(instance)
            self.variant.desired = len(instances)
        else:
            raise ContainerError(
                f"Not enough hardware resources are available on {len(instances)} instances of "
                f"{self.variant.name} for a copy that needs {self.needs}."
            )
        model = {
            "ExecutionRoleArn": self.variant.model["ExecutionRoleArn"],
            "PrimaryContainer": container,
        }
        kind = self.variant.settings["InstanceType"]
        copy = Copy.launch(model, self.arn, kind)
        copy.needs, copy.host = self.needs, instance
        instance.copies.append(copy)
        return copy

    def _end(self, copy: Copy) -> None:
        if copy in self.copies:
            self.copies.remove(copy)
        if copy.host and copy in copy.host.copies:
            copy.host.copies.remove(copy)
        copy.stop()

    def _release(self) -> None:
        """Gives the instances without copies back, as far as the variant may shrink."""
        least, instances = bounds(self.variant)[0], self.variant.instances
        for instance in [each for each in instances if not each.copies]:
            if len(instances) > least:
                instances.remove(instance)
        self.variant.desired = len(instances)

    def _bake(self, seconds: float, config: Record) -> None:
        """Watches the alarms for some time of the rehearsal's clock."""
        alarms = config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
        names = [alarm["AlarmName"] for alarm in alarms]
        end = clock.now() + timedelta(seconds=seconds)
        with clock.keeping_pace() as pause:
            while clock.now() < end:
                off = [k for k, state in cloudwatch.alarm_states(names).items() if state == "ALARM"]
                if off:
                    raise ContainerError(f"Alarms of the update are in ALARM state: {off}.")
                self.waiting = True
                pause(LOOK_SECONDS)
            self.waiting = False


def _batch(size: Record | None, total: int) -> int:
    if size is None:
        return total
    if size["Type"] == "COPY_COUNT":
        return int(size["Value"])
    return max(1, ceil(total * int(size["Value"]) / HUNDRED))
