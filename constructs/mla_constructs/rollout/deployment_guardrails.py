"""Updates of an endpoint that shift traffic in steps and go back when an alarm says so."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Token
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mla_constructs.errors import InvalidArgument, require_between
from mla_constructs.inference.endpoint import Endpoint
from mla_constructs.inference.execution_role import ExecutionRole
from mla_constructs.rollout.traffic_shift import TrafficShift


class DeploymentGuardrails(Construct):
    """The deployment configuration of an endpoint, and the permission that a rollback needs.

    SageMaker asks for the alarms' state under the endpoint's execution role. The permission is a
    policy of its own: alarms that watch the new fleet know its configuration, which knows the
    model, which waits for the role's other permissions.

    With containers from AWS Marketplace SageMaker ignores all of it; that cannot be seen here.

    Args:
        scope: Parent construct.
        id: Construct ID.
        endpoint: A real-time or asynchronous endpoint.
        shift: How the traffic moves.
        alarms: 1 to 10 alarms, any of which rolls the update back; without one nothing would. They
            must not name the endpoint by its attribute: it is created after them.
        roles: The execution roles of what the variants serve.

    Raises:
        InvalidArgument: The number of alarms is out of range, or the endpoint has what guardrails
            exclude: serverless variants, Inf1 instances, names of variants that change with the
            model, several variants in a rolling update.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        endpoint: Endpoint,
        shift: TrafficShift,
        alarms: Sequence[cloudwatch.Alarm],
        roles: Sequence[ExecutionRole],
    ) -> None:
        super().__init__(scope, id)
        require_between("The number of alarms", len(alarms), 1, 10)
        _require_supported(endpoint, shift)
        policy = iam.Policy(
            self,
            "Policy",
            roles=list(roles),
            statements=[
                iam.PolicyStatement(
                    actions=["cloudwatch:DescribeAlarms"],
                    resources=[alarm.alarm_arn for alarm in alarms],
                )
            ],
        )
        endpoint.resource.deployment_config = sagemaker.CfnEndpoint.DeploymentConfigProperty(
            blue_green_update_policy=shift.blue_green,
            rolling_update_policy=shift.rolling,
            auto_rollback_configuration=sagemaker.CfnEndpoint.AutoRollbackConfigProperty(
                alarms=[
                    sagemaker.CfnEndpoint.AlarmProperty(alarm_name=alarm.alarm_name)
                    for alarm in alarms
                ]
            ),
        )
        endpoint.resource.node.add_dependency(policy)


def _require_supported(endpoint: Endpoint, shift: TrafficShift) -> None:
    if shift.rolling and len(endpoint.variants) > 1:
        raise InvalidArgument(
            f"The endpoint has {len(endpoint.variants)} variants: a rolling update takes one, "
            "choose all at once, canary or linear."
        )
    for variant in endpoint.variants:
        name = variant.variant_name
        if Token.is_unresolved(name):
            raise InvalidArgument(
                f"A variant is named {name}, which changes with what it refers to: give it a fixed "
                "name, the new configuration needs the same."
            )
        if variant.serverless_config:
            raise InvalidArgument(
                f"Variant {name} is serverless: guardrails take real-time and asynchronous "
                "endpoints only."
            )
        if (variant.instance_type or "").startswith("ml.inf1."):
            raise InvalidArgument(
                f"Variant {name} runs on {variant.instance_type}: on Inf1 SageMaker shifts all at "
                "once without alarms, choose ml.inf2."
            )
