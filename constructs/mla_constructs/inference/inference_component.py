"""A model with a share of an endpoint's instances, and copies of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.containers.image import ContainerImage
from mla_constructs.errors import InvalidArgument, require_between
from mla_constructs.inference.component_endpoint import ComponentEndpoint
from mla_constructs.inference.instance_variant import require_startup_times
from mla_constructs.observability.log_group import EncryptedLogGroup
from mla_constructs.security.data_key import DataKey

MOST_ALARMS = 10


class InferenceComponent(Construct):
    """An inference component and its encrypted log group.

    It carries the stack's name and its own, so that its log group, its alarms and the right to
    write to the one and read the other can be created before it. An update keeps the name:
    SageMaker replaces the copies, not the component.

    Args:
        scope: Parent construct.
        id: Construct ID.
        endpoint: On whose instances its copies run; it is deleted after the component.
        suffix: Behind the stack's name; the two together have at most 63 characters.
        image: Container that serves the model.
        artifact: The model.tar.gz.
        cpu_cores: vCPUs reserved for a copy, at least 0.25.
        memory_mb: Memory reserved for a copy, at least 128 MB. Reservations decide how many copies
            an instance takes.
        initial_copy_count: Copies at creation, at least 1; afterwards scaling decides.
        model_data_download_timeout: Time to fetch the artifact, 60 to 3600 s.
        container_startup_health_check_timeout: Time until /ping answers, 60 to 3600 s.
        key: Encrypts the logs.
        log_retention: How long logs are kept.
        removal_policy: What becomes of the logs when the stack is deleted.
        environment: What the container reads from its environment.

    Attributes:
        name: Pass it to InvokeEndpoint as InferenceComponentName.

    Raises:
        InvalidArgument: A value the service does not accept.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/
    API_CreateInferenceComponent.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        endpoint: ComponentEndpoint,
        suffix: str,
        image: ContainerImage,
        artifact: Asset,
        cpu_cores: float,
        memory_mb: int,
        initial_copy_count: int,
        model_data_download_timeout: Duration,
        container_startup_health_check_timeout: Duration,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        if cpu_cores < 0.25:  # noqa: PLR2004 - the service's own bound, as the next one
            raise InvalidArgument(f"cpu_cores is {cpu_cores:g}: reserve 0.25 or more.")
        if memory_mb < 128:  # noqa: PLR2004
            raise InvalidArgument(f"memory_mb is {memory_mb} MB: reserve 128 MB or more.")
        if initial_copy_count < 1:
            raise InvalidArgument(
                f"initial_copy_count is {initial_copy_count}: a component starts with 1 copy or "
                "more, scaling takes it down to none."
            )
        require_startup_times(model_data_download_timeout, container_startup_health_check_timeout)
        super().__init__(scope, id)
        self.name = f"{Aws.STACK_NAME}-{suffix}"
        self._role = endpoint.role
        log_group = EncryptedLogGroup(
            self,
            "Logs",
            name=f"/aws/sagemaker/InferenceComponents/{self.name}",
            key=key,
            retention=log_retention,
            removal_policy=removal_policy,
        )
        log_group.grant_writing(self._role)
        self._role.grant_metrics("/aws/sagemaker/InferenceComponents")
        self._role.grant_pull(image)
        self._role.grant_artifact(artifact)

        shapes = sagemaker.CfnInferenceComponent
        self._component = sagemaker.CfnInferenceComponent(
            self,
            "Resource",
            inference_component_name=self.name,
            endpoint_name=endpoint.name,
            variant_name=endpoint.variant_name,
            specification=shapes.InferenceComponentSpecificationProperty(
                container=shapes.InferenceComponentContainerSpecificationProperty(
                    image=image.uri, artifact_url=artifact.s3_object_url, environment=environment
                ),
                startup_parameters=shapes.InferenceComponentStartupParametersProperty(
                    model_data_download_timeout_in_seconds=(
                        model_data_download_timeout.to_seconds()
                    ),
                    container_startup_health_check_timeout_in_seconds=(
                        container_startup_health_check_timeout.to_seconds()
                    ),
                ),
                compute_resource_requirements=(
                    shapes.InferenceComponentComputeResourceRequirementsProperty(
                        number_of_cpu_cores_required=cpu_cores,
                        min_memory_required_in_mb=memory_mb,
                    )
                ),
            ),
            runtime_config=shapes.InferenceComponentRuntimeConfigProperty(
                copy_count=initial_copy_count
            ),
        )
        # A container that starts writes logs and metrics at once: its role is complete by then.
        self._component.node.add_dependency(log_group, self._role.node.find_child("DefaultPolicy"))

    def metric(
        self, name: str, *, statistic: str, unit: cloudwatch.Unit | None = None
    ) -> cloudwatch.Metric:
        """Returns a per-minute invocation metric of the component (namespace AWS/SageMaker)."""
        return self._metric("AWS/SageMaker", name, statistic, unit)

    def metric_copy(self, name: str, *, statistic: str) -> cloudwatch.Metric:
        """Returns a per-minute utilization of what the copies have reserved, in percent."""
        return self._metric(
            "/aws/sagemaker/InferenceComponents", name, statistic, cloudwatch.Unit.PERCENT
        )

    def roll_updates(
        self, *, batch_percent: int, bake: Duration, alarms: Sequence[cloudwatch.Alarm]
    ) -> None:
        """Replaces copies batch by batch on an update, and goes back when an alarm fires.

        Args:
            batch_percent: Share of the copies that is replaced at a time, 5 to 50 %.
            bake: How long SageMaker watches the alarms after each batch, 0 to 3600 s.
            alarms: 1 to 10; the role is allowed to look at them.

        Raises:
            InvalidArgument: A value the service does not accept.

        Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/
        API_InferenceComponentRollingUpdatePolicy.html
        """
        require_between("batch_percent", batch_percent, 5, 50, unit="%")
        require_between("bake", bake.to_seconds(), 0, 3600, unit="s")
        if not 1 <= len(alarms) <= MOST_ALARMS:
            raise InvalidArgument(
                f"There are {len(alarms)} alarms: give from 1 to {MOST_ALARMS}, without one "
                "nothing would roll back."
            )
        self._role.add_to_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:DescribeAlarms"],
                resources=[alarm.alarm_arn for alarm in alarms],
            )
        )
        shapes = sagemaker.CfnInferenceComponent
        self._component.deployment_config = shapes.InferenceComponentDeploymentConfigProperty(
            rolling_update_policy=shapes.InferenceComponentRollingUpdatePolicyProperty(
                maximum_batch_size=shapes.InferenceComponentCapacitySizeProperty(
                    type="CAPACITY_PERCENT", value=batch_percent
                ),
                wait_interval_in_seconds=bake.to_seconds(),
            ),
            auto_rollback_configuration=shapes.AutoRollbackConfigurationProperty(
                alarms=[shapes.AlarmProperty(alarm_name=alarm.alarm_name) for alarm in alarms]
            ),
        )

    def _metric(
        self, namespace: str, name: str, statistic: str, unit: cloudwatch.Unit | None
    ) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=name,
            dimensions_map={"InferenceComponentName": self.name},
            statistic=statistic,
            unit=unit,
            period=Duration.minutes(1),
        )
