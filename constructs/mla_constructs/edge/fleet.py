"""Devices that run the same components: who they are, what they may do, what they get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import ArnFormat, Aws, Duration, Stack
from aws_cdk import aws_greengrassv2 as greengrass
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot
from constructs import Construct

from mla_constructs.edge.component import Component
from mla_constructs.errors import require_between


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """How a deployment reaches the devices of a group, and when it stops.

    Attributes:
        base_per_minute: Devices told in the first minutes, 1 to 1000 a minute.
        factor: By which that rate grows, 1 to 5.
        grow_after_succeeded: Devices that have to succeed before it grows, at least 1.
        maximum_per_minute: Devices told a minute at most, 1 to 1000.
        abort_percentage: Share of failed devices that cancels the rest, 1 to 100 %.
        abort_after: Devices that have to have ended before that share counts, at least 1.
        device_timeout: After which a device that has begun counts as timed out, 1 minute to 7 days.

    Source: https://docs.aws.amazon.com/greengrass/v2/APIReference/
    API_DeploymentIoTJobConfiguration.html
    """

    base_per_minute: int
    factor: float
    grow_after_succeeded: int
    maximum_per_minute: int
    abort_percentage: float
    abort_after: int
    device_timeout: Duration

    def check(self) -> None:
        """Raises InvalidArgument for what CreateDeployment would reject."""
        require_between("base_per_minute", self.base_per_minute, 1, 1000)
        require_between("factor", self.factor, 1, 5)
        require_between("grow_after_succeeded", self.grow_after_succeeded, 1, 2**31 - 1)
        require_between("maximum_per_minute", self.maximum_per_minute, 1, 1000)
        require_between("abort_percentage", self.abort_percentage, 1, 100, unit="%")
        require_between("abort_after", self.abort_after, 1, 2**31 - 1)
        require_between(
            "device_timeout", self.device_timeout.to_minutes(), 1, 10_080, unit="minutes"
        )


class Fleet(Construct):
    """A thing group, and what the devices in it may do: fetch, connect, report.

    The thing names begin with the stack's name and a hyphen: thing policy variables do not work for
    Greengrass core devices, so the prefix is what limits a certificate. A device's certificate and
    thing are made by whoever provisions it, and put into the group.

    Args:
        scope: Parent construct.
        id: Construct ID.
        credential_duration: How long credentials are good that a device gets for its certificate,
            15 minutes to 12 hours.

    Attributes:
        group: The thing group.
        role: What a device may do in AWS: the token exchange role.
        role_alias: The name under which a device asks for that role.
        policy: What a device's certificate may do; attach it to each.
        topic: In front of the fleet's own MQTT topics; "+" below it stands for the thing's name.

    Raises:
        InvalidArgument: The duration is out of range.

    Source: https://docs.aws.amazon.com/greengrass/v2/developerguide/device-auth.html
    """

    def __init__(self, scope: Construct, id: str, *, credential_duration: Duration) -> None:
        super().__init__(scope, id)
        require_between(
            "credential_duration", credential_duration.to_seconds(), 900, 43_200, unit="s"
        )
        self.topic = Stack.of(self).stack_name
        self.group = iot.CfnThingGroup(self, "Group", thing_group_name=Aws.STACK_NAME)
        self.role = iam.Role(
            self,
            "Role",
            description="Devices of the fleet, for their certificate",
            assumed_by=iam.ServicePrincipal(
                "credentials.iot.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": Stack.of(self).account},
                    "ArnLike": {"aws:SourceArn": self._iot("rolealias", Aws.STACK_NAME)},
                },
            ),
        )
        self.role_alias = iot.CfnRoleAlias(
            self,
            "RoleAlias",
            role_alias=Aws.STACK_NAME,
            role_arn=self.role.role_arn,
            credential_duration_seconds=credential_duration.to_seconds(),
        )
        self.policy = iot.CfnPolicy(self, "Policy", policy_document=self._certificate_policy())

    @property
    def core_devices(self) -> str:
        """How the ARN of each core device of the fleet begins."""
        return Stack.of(self).format_arn(
            service="greengrass",
            resource="coreDevices",
            resource_name=f"{Aws.STACK_NAME}-",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def deploy(self, id: str, *, components: Sequence[Component], rollout: Rollout) -> None:
        """Deploys components to every device that is in the group, now or later.

        A device that fails returns to what it had; a deployment that fails too often is cancelled.

        Args:
            id: Construct ID of the deployment.
            components: What the devices get; what they had from this fleet and is not among them
                is removed.
            rollout: How fast, and when it stops.

        Raises:
            InvalidArgument: The service does not accept the roll-out.

        Source: https://docs.aws.amazon.com/greengrass/v2/developerguide/create-deployments.html
        """
        rollout.check()
        deployment = greengrass.CfnDeployment(
            self,
            id,
            target_arn=self.group.attr_arn,
            deployment_name=Aws.STACK_NAME,
            components={
                component.name: {"componentVersion": component.version} for component in components
            },
            deployment_policies={
                "failureHandlingPolicy": "ROLLBACK",
                # The component finishes the file it has begun; it has nothing to defer.
                "componentUpdatePolicy": {"action": "SKIP_NOTIFY_COMPONENTS"},
            },
            iot_job_configuration=_job(rollout),
        )
        for component in components:
            deployment.node.add_dependency(component)
            self._grant_artifacts(component)
        # Devices that hear of it may fetch at once.
        deployment.node.add_dependency(self.role, self.role_alias, self.policy)

    def _grant_artifacts(self, component: Component) -> None:
        """These objects; before it fetches, the core software asks in which Region they are.

        One statement for all: CDK would merge several in an order that depends on other stacks.
        """
        objects = [
            artifact.bucket.arn_for_objects(artifact.s3_object_key)
            for artifact in component.artifacts
        ]
        if objects:
            # CDK has one bucket for the assets of an account and Region.
            bucket = component.artifacts[0].bucket.bucket_arn
            self.role.add_to_policy(
                iam.PolicyStatement(actions=["s3:GetObject"], resources=objects)
            )
            self.role.add_to_policy(
                iam.PolicyStatement(actions=["s3:GetBucketLocation"], resources=[bucket])
            )

    def _iot(self, resource: str, name: str) -> str:
        return Stack.of(self).format_arn(service="iot", resource=resource, resource_name=name)

    def _certificate_policy(self) -> dict[str, Any]:
        """AWS's minimal policy for core devices, plus the fleet's own topics."""
        thing = f"{Aws.STACK_NAME}-*"
        reserved = f"$aws/things/{thing}"
        return {
            "Version": "2012-10-17",
            "Statement": [
                _allow(["iot:Connect"], self._iot("client", thing)),
                _allow(
                    ["iot:Publish", "iot:Receive"],
                    self._iot("topic", f"{reserved}/greengrass/health/json"),
                    self._iot("topic", f"{reserved}/greengrassv2/health/json"),
                    self._iot("topic", f"{reserved}/jobs/*"),
                    self._iot("topic", f"{reserved}/shadow/*"),
                ),
                _allow(["iot:Publish"], self._iot("topic", f"{self.topic}/{thing}")),
                _allow(
                    ["iot:Subscribe"],
                    self._iot("topicfilter", f"{reserved}/jobs/*"),
                    self._iot("topicfilter", f"{reserved}/shadow/*"),
                ),
                _allow(["iot:AssumeRoleWithCertificate"], self._iot("rolealias", Aws.STACK_NAME)),
                _allow(["greengrass:ListThingGroupsForCoreDevice"], self._iot("thing", thing)),
                # These two know no resources.
                _allow(
                    [
                        "greengrass:GetDeploymentConfiguration",
                        "greengrass:ResolveComponentCandidates",
                    ],
                    "*",
                ),
            ],
        }


def _allow(actions: list[str], *resources: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources)}


def _job(rollout: Rollout) -> dict[str, Any]:
    return {
        "jobExecutionsRolloutConfig": {
            "exponentialRate": {
                "baseRatePerMinute": rollout.base_per_minute,
                "incrementFactor": rollout.factor,
                # One of two shapes: CDK passes it on as it is.
                "rateIncreaseCriteria": {"NumberOfSucceededThings": rollout.grow_after_succeeded},
            },
            "maximumPerMinute": rollout.maximum_per_minute,
        },
        "abortConfig": {
            "criteriaList": [
                {
                    "action": "CANCEL",
                    "failureType": "ALL",
                    "minNumberOfExecutedThings": rollout.abort_after,
                    "thresholdPercentage": rollout.abort_percentage,
                }
            ]
        },
        "timeoutConfig": {"inProgressTimeoutInMinutes": rollout.device_timeout.to_minutes()},
    }
