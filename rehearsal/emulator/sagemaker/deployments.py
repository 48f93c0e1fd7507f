"""Deployments of an endpoint: how a new fleet takes the traffic over, and how it gives it back.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from rehearsal.emulator import clock, cloudwatch, host
from rehearsal.emulator.host import NotAssumableError
from rehearsal.emulator.sagemaker.acting import Acting, NotAllowedError
from rehearsal.emulator.sagemaker.containers import PRINCIPAL, ContainerError
from rehearsal.emulator.sagemaker.endpoint import Endpoint
from rehearsal.emulator.sagemaker.fleets import Fleet, Variant
from rehearsal.emulator.sagemaker.records import Record

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""Real seconds between two looks at the alarms while no time is skipped."""

HUNDRED = 100
LONGEST_SECONDS = 28_800


class RollbackError(Exception):
    """The deployment must not go on; the text says why."""


class Deployment:
    """One update of an endpoint to a new fleet.

    Args:
        endpoint: What is updated; its fleet serves until the new one has taken over.
        incoming: The new fleet, of which nothing runs yet.
        config: The DeploymentConfig; an empty one shifts all traffic at once, unwatched.
        before_stop: Called with the endpoint before instances of it stop.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        incoming: Fleet,
        config: Record,
        before_stop: Callable[[Endpoint], None],
    ) -> None:
        self.before_stop = before_stop
        self.endpoint = endpoint
        self.incoming = incoming
        self.rolling = config.get("RollingUpdatePolicy")
        self.policy = config.get("BlueGreenUpdatePolicy", {})
        self.alarms = [
            alarm["AlarmName"]
            for alarm in config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
        ]
        timeout = (self.rolling or self.policy).get("MaximumExecutionTimeoutInSeconds")
        self.before = sum(variant.desired for variant in endpoint.fleet or ())
        self.deadline = clock.now() + timedelta(seconds=timeout or LONGEST_SECONDS)

    def run(self) -> None:
        """Updates the endpoint, or leaves it as it was."""
        with clock.keeping_pace() as pause:
            try:
                if self.rolling:
                    self._replace_in_batches(pause)
                else:
                    self._shift(pause)
            except (RollbackError, ContainerError) as error:
                log.info("%s rolls back: %s", self.endpoint.arn, error)
                self._roll_back(str(error), pause)
                return
        self._finish()

    def _shift(self, pause: Callable[[float], None]) -> None:
        """Blue/green: a second fleet gets the traffic in one step or several."""
        self._start(self.incoming)
        routing = self.policy.get("TrafficRoutingConfiguration", {})
        steps = list(shares(routing, self._instances()))
        for share in steps:
            self.incoming.enter("ActivatingTraffic")
            self.incoming.share = share
            last = share == steps[-1]
            seconds = (
                self.policy.get("TerminationWaitInSeconds", 0)
                if last
                else routing["WaitIntervalInSeconds"]
            )
            self._bake(seconds, pause)

    def _replace_in_batches(self, pause: Callable[[float], None]) -> None:
        """Rolling: so many new instances, so many old ones fewer, until all are new."""
        assert self.rolling is not None  # noqa: S101 - whoever calls has looked
        (old,), (new,) = self._pair()
        total = new.desired
        batch = instances(self.rolling["MaximumBatchSize"], total)
        new.desired = 0
        while new.desired < total:
            new.desired = min(total, new.desired + batch)
            self._start(self.incoming)
            self.incoming.enter("ActivatingTraffic")
            self.incoming.share = new.desired / total
            self._bake(self.rolling["WaitIntervalInSeconds"], pause)
            old.desired = max(0, min(old.desired, total - new.desired))
            self.before_stop(self.endpoint)
            old.fill(self.endpoint.arn)

    def _start(self, fleet: Fleet) -> None:
        fleet.enter("Creating")
        require_topics(fleet, self.endpoint.arn)
        fleet.fill(self.endpoint.arn)
        fleet.enter(None)

    def _bake(self, seconds: float, pause: Callable[[float], None]) -> None:
        """Watches the alarms for some time of the rehearsal's clock.

        Raises:
            RollbackError: One goes off, cannot be seen, or the deployment takes too long.
        """
        self.incoming.enter("Baking")
        end = clock.now() + timedelta(seconds=seconds)
        while (now := clock.now()) < end:
            self._look(now)
            self._wait(pause)
        self._look(clock.now())
        self.incoming.enter(None)

    def _wait(self, pause: Callable[[float], None]) -> None:
        self.endpoint.waiting = True
        try:
            pause(LOOK_SECONDS)
        finally:
            self.endpoint.waiting = False

    def _look(self, now: datetime) -> None:
        if now > self.deadline:
            raise RollbackError("The deployment exceeded its MaximumExecutionTimeoutInSeconds.")
        if not self.alarms:
            return
        self._require_sight()
        states = cloudwatch.alarm_states(self.alarms)
        off = [name for name, state in states.items() if state == "ALARM"]
        missing = sorted(set(self.alarms) - set(states))
        if off or missing:
            what = f"in ALARM state: {off}" if off else f"not found: {missing}"
            raise RollbackError(f"One or more CloudWatch alarms of the deployment are {what}.")

    def _require_sight(self) -> None:
        """Asks IAM whether the execution role may see each alarm, which MiniStack does not tell."""
        role = next(iter(self.incoming)).model["ExecutionRoleArn"]
        try:
            session = host.role_credentials(role, service=PRINCIPAL, source_arn=self.endpoint.arn)
        except NotAssumableError as error:
            raise RollbackError(str(error)) from None
        for name in self.alarms:
            arn = f"arn:aws:cloudwatch:{host.REGION}:{host.ACCOUNT}:alarm:{name}"
            key = session["aws_access_key_id"]
            denied = host.denial(key, "cloudwatch:DescribeAlarms", arn)
            if denied:
                raise RollbackError(f"The alarms of the deployment cannot be read: {denied}")

    def _finish(self) -> None:
        self.before_stop(self.endpoint)
        before, self.endpoint.fleet = self.endpoint.fleet, self.incoming
        self.endpoint.incoming = None
        self.incoming.share = 0.0
        if before:
            before.enter("Deleting")
            before.stop()
        self.endpoint.status("InService")

    def _roll_back(self, reason: str, pause: Callable[[float], None]) -> None:
        fleet = self.endpoint.fleet
        if fleet is None:
            self._drop_incoming()
            self.endpoint.status("Failed", reason)
            return
        self.endpoint.status("RollingBack", reason)
        try:
            if self.rolling:
                self._put_back(pause)
        except ContainerError as error:
            self.endpoint.status("UpdateRollbackFailed", f"{reason} The rollback failed: {error}")
            return
        self.incoming.share = 0.0
        self._drop_incoming()
        self.endpoint.status("InService", reason)

    def _drop_incoming(self) -> None:
        self.before_stop(self.endpoint)
        self.incoming.enter("Deleting")
        self.endpoint.incoming = None
        self.incoming.stop()

    def _put_back(self, pause: Callable[[float], None]) -> None:
        """Gives the old fleet of a rolling update its instances back, in batches if so asked."""
        assert self.rolling is not None  # noqa: S101 - whoever calls has looked
        (old,), (new,) = self._pair()
        total = self.before
        whole = {"Type": "CAPACITY_PERCENT", "Value": HUNDRED}
        batch = instances(self.rolling.get("RollbackMaximumBatchSize", whole), total)
        while old.desired < total:
            old.desired = min(total, old.desired + batch)
            old.fill(self.endpoint.arn)
            self.incoming.share = 1 - old.desired / total
            new.desired = total - old.desired
            new.fill(self.endpoint.arn)
            if old.desired < total:
                self._wait(pause)

    def _pair(self) -> tuple[list[Variant], list[Variant]]:
        assert self.endpoint.fleet is not None  # noqa: S101 - an update has one
        return list(self.endpoint.fleet.variants.values()), list(self.incoming.variants.values())

    def _instances(self) -> int:
        return max(variant.desired for variant in self.incoming.variants.values())


def require_topics(fleet: Fleet, endpoint_arn: str) -> None:
    """Looks whether the execution role can publish to the topics of an asynchronous endpoint.

    Raises:
        ContainerError: It cannot, in the service's words.

    Source: https://github.com/aws/amazon-sagemaker-examples/issues/4461
    """
    output = fleet.config.get("AsyncInferenceConfig", {}).get("OutputConfig", {})
    role = next(iter(fleet)).model["ExecutionRoleArn"]
    for topic in output.get("NotificationConfig", {}).values():
        try:
            Acting(role, endpoint_arn).require("sns:Publish", topic)
        except NotAllowedError:
            raise ContainerError(
                f"The provided role {role} is invalid. Please ensure the role exists, that its "
                'trust relationship policy allows the action "sts:AssumeRole" for the service '
                f'principal "{PRINCIPAL}", and has "sns:Publish" permissions for topic "{topic}".'
            ) from None


def shares(routing: dict[str, Any], total: int) -> Iterator[float]:
    """Yields the shares of the traffic that a new fleet of so many instances gets, step by step."""
    if routing.get("Type") == "CANARY":
        yield min(1.0, instances(routing["CanarySize"], total) / total)
    elif routing.get("Type") == "LINEAR":
        step = instances(routing["LinearStepSize"], total)
        yield from (n / total for n in range(step, total, step))
    yield 1.0


def instances(size: dict[str, Any], total: int) -> int:
    """Returns how many of so many instances a CapacitySize is, at least one."""
    if size["Type"] == "INSTANCE_COUNT":
        return int(size["Value"])
    return max(1, ceil(total * int(size["Value"]) / HUNDRED))
