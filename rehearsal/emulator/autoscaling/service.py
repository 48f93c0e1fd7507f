"""Application Auto Scaling as one service, with its CloudFormation types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rehearsal.emulator import clock, host, host_cloudwatch, inventory, schemas
from rehearsal.emulator.api import Api
from rehearsal.emulator.autoscaling import dimensions
from rehearsal.emulator.autoscaling.policies import Policies
from rehearsal.emulator.autoscaling.records import IDENTITY, Place, Record, identity
from rehearsal.emulator.autoscaling.scaler import Scaler
from rehearsal.emulator.autoscaling.scheduled import ScheduledActions
from rehearsal.emulator.autoscaling.targets import Activities, Targets

Properties = dict[str, Any]

TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"


class _Alarms:
    """The account's alarms in CloudWatch."""

    put = staticmethod(host_cloudwatch.put_alarm)
    remove = staticmethod(host_cloudwatch.remove_alarm)
    all = staticmethod(host_cloudwatch.alarms)


class AutoScaling(Api):
    """Targets, policies, scheduled actions, and what acts on them."""

    service = "application-autoscaling"

    def __init__(self) -> None:
        super().__init__()
        place = Place(host.REGION, host.ACCOUNT, clock.now)
        activities = Activities(place)
        self.targets = Targets(dimensions.find, activities, place)
        self.policies = Policies(self.targets, _Alarms(), place)
        self.actions = ScheduledActions(self.targets, place)
        self.scaler = Scaler(self.targets, self.policies)
        self.parts: tuple[object, ...] = (activities, self.targets, self.policies, self.actions)

    def __getattr__(self, name: str) -> Callable[[Record], Record | None]:
        """An operation is a method of one of the parts."""
        for part in self.__dict__.get("parts", ()):
            if hasattr(part, name):
                return getattr(part, name)  # type: ignore[no-any-return]
        raise AttributeError(name)

    def register(self) -> None:
        """Adds the service and its resource types to the emulator."""
        host.add_service(
            "application-autoscaling", self.handle_request, targets=(f"{self.target}.",)
        )
        for collection, records in (
            ("targets", lambda: {"|".join(k): v for k, v in self.targets.records.items()}),
            ("policies", lambda: self.policies.records),
            ("actions", self.actions.by_arn),
        ):
            inventory.watch(f"application-autoscaling.{collection}", records)
        host.add_type(
            TARGET, host.ResourceType(self._create_target, self._update_target, self._delete_target)
        )
        host.add_type(
            POLICY, host.ResourceType(self._create_policy, self._update_policy, self._delete_policy)
        )

    def _create_target(
        self, logical_id: str, properties: Properties, stack: str
    ) -> tuple[str, Properties]:
        del logical_id, stack
        schemas.check(TARGET, properties)
        known = coerced(TARGET, properties)
        actions = known.pop("ScheduledActions", [])
        known.pop("Tags", None)
        self.call("RegisterScalableTarget", known)
        for action in actions:
            self._put_action(known, action)
        reference = schemas.reference(TARGET, known)
        return reference, {"Id": reference}

    def _update_target(
        self, physical_id: str, old: Properties, new: Properties, stack: str
    ) -> tuple[str, Properties]:
        if any(old.get(name) != new.get(name) for name in IDENTITY):
            created = self._create_target("", new, stack)
            self._delete_target(physical_id, old)
            return created
        # What the template no longer says is no longer so.
        for action in coerced(TARGET, old).get("ScheduledActions", []):
            kept = [a["ScheduledActionName"] for a in new.get("ScheduledActions", [])]
            if action["ScheduledActionName"] not in kept:
                about = identified(physical_id)
                name = action["ScheduledActionName"]
                self.call("DeleteScheduledAction", {**about, "ScheduledActionName": name})
        return self._create_target("", new, stack)

    def _put_action(self, target: Properties, action: Properties) -> None:
        about = {name: target[name] for name in IDENTITY}
        self.call("PutScheduledAction", {**about, **action})

    def _delete_target(self, physical_id: str, properties: Properties) -> None:
        del properties
        self.call("DeregisterScalableTarget", identified(physical_id))

    def _create_policy(
        self, logical_id: str, properties: Properties, stack: str
    ) -> tuple[str, Properties]:
        del logical_id, stack
        schemas.check(POLICY, properties)
        known = _policy(properties)
        created = self.call("PutScalingPolicy", known)
        return created["PolicyARN"], {
            "Arn": created["PolicyARN"],
            "ScalableDimension": known["ScalableDimension"],
        }

    def _update_policy(
        self, physical_id: str, old: Properties, new: Properties, stack: str
    ) -> tuple[str, Properties]:
        before, after = _policy(old), _policy(new)
        created = self._create_policy("", new, stack)
        if any(before[name] != after[name] for name in (*IDENTITY, "PolicyName")):
            self._delete_policy(physical_id, old)
        return created

    def _delete_policy(self, physical_id: str, properties: Properties) -> None:
        del properties
        policy = self.policies.records.get(physical_id)
        if policy is not None:  # its target took it along
            about = {name: policy[name] for name in (*IDENTITY, "PolicyName")}
            self.call("DeleteScalingPolicy", about)


def coerced(kind: str, properties: Properties) -> Properties:
    """Returns a copy of properties with numbers and truth values as such."""
    rules = schemas.schema(kind)
    return dict(schemas.coerced(properties, rules, rules))


def identified(reference: str) -> Record:
    """Returns the target that a Ref names: resource, dimension, namespace."""
    resource, dimension, namespace = reference.rsplit("|", 2)
    return identity((namespace, resource, dimension))


def _policy(properties: Properties) -> Record:
    """Returns the parameters of a policy; its target is named in one part or in three."""
    known = coerced(POLICY, properties)
    reference = known.pop("ScalingTargetId", None)
    known.pop("Arn", None)
    tracking = known.get("TargetTrackingScalingPolicyConfiguration", {})
    customized = tracking.get("CustomizedMetricSpecification")
    if customized and not customized.get("Metrics", True):
        del customized["Metrics"]
    return {**known, **(identified(reference) if reference else {})}
