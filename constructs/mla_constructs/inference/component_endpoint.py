"""An endpoint without a model of its own: instances that inference components share."""

from __future__ import annotations

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mla_constructs.errors import InvalidArgument, require_between
from mla_constructs.inference.endpoint import Endpoint
from mla_constructs.inference.execution_role import ExecutionRole
from mla_constructs.inference.instance_variant import (
    VARIANT_NAME,
    RoutingStrategy,
    require_instance_type,
)
from mla_constructs.security.data_key import DataKey


class ComponentEndpoint(Endpoint):
    """An endpoint with one variant whose instances SageMaker adds and removes as copies need them.

    Its variant cannot name a model: SageMaker scales instances for inference components only.

    Args:
        scope: Parent construct.
        id: Construct ID.
        role: Under which every component on the endpoint runs.
        instance_type: Such as "ml.m5.large".
        initial_instance_count: Instances at creation, at least 1.
        min_instance_count: Instances that are always there; 0 lets the endpoint go to sleep.
        max_instance_count: Instances at most; it bounds the bill.
        routing_strategy: LEAST_OUTSTANDING_REQUESTS sends a request to the copy with the fewest
            requests in flight, RANDOM to any.
        network_isolation: True cuts the containers of all components off from every network.
        key: Encrypts logs and the instances' volumes.
        log_retention: How long logs are kept.
        removal_policy: What becomes of the logs when the stack is deleted.
        name: The endpoint's name; a stack with several endpoints adds a suffix to its own.

    Attributes:
        role: As given.

    Raises:
        InvalidArgument: A value the service does not accept.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints-deploy-models.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        role: ExecutionRole,
        instance_type: str,
        initial_instance_count: int,
        min_instance_count: int,
        max_instance_count: int,
        routing_strategy: RoutingStrategy,
        network_isolation: bool,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
        name: str = Aws.STACK_NAME,
    ) -> None:
        require_instance_type(instance_type)
        require_between("initial_instance_count", initial_instance_count, 1, max_instance_count)
        if not 0 <= min_instance_count <= max_instance_count:
            raise InvalidArgument(
                f"min_instance_count is {min_instance_count} and max_instance_count is "
                f"{max_instance_count}: choose 0 <= min_instance_count <= max_instance_count."
            )
        super().__init__(
            scope,
            id,
            variants=[
                sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                    variant_name=VARIANT_NAME,
                    instance_type=instance_type,
                    initial_instance_count=initial_instance_count,
                    managed_instance_scaling=(
                        sagemaker.CfnEndpointConfig.ManagedInstanceScalingProperty(
                            status="ENABLED",
                            min_instance_count=min_instance_count,
                            max_instance_count=max_instance_count,
                        )
                    ),
                    routing_config=sagemaker.CfnEndpointConfig.RoutingConfigProperty(
                        routing_strategy=routing_strategy
                    ),
                )
            ],
            roles=[role],
            execution_role=role,
            network_isolation=network_isolation,
            name=name,
            key=key,
            log_retention=log_retention,
            removal_policy=removal_policy,
        )
        self.role = role
