"""What runs on Fargate: one container, two roles, one log group."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Aws, Duration, RemovalPolicy, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from mla_constructs.containers.image import ContainerImage, pull_statements
from mla_constructs.delivery.build_project import Architecture
from mla_constructs.errors import InvalidArgument, require_between
from mla_constructs.observability.log_group import STREAM_ACTIONS, EncryptedLogGroup
from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import acknowledge, acknowledge_wildcard

_ARCHITECTURES = {
    "x86_64": ecs.CpuArchitecture.X86_64,
    "arm64": ecs.CpuArchitecture.ARM64,
}

_SIZES = {
    256: (512, 1024, 2048),
    512: range(1024, 4 * 1024 + 1, 1024),
    1024: range(2 * 1024, 8 * 1024 + 1, 1024),
    2048: range(4 * 1024, 16 * 1024 + 1, 1024),
    4096: range(8 * 1024, 30 * 1024 + 1, 1024),
    8192: range(16 * 1024, 60 * 1024 + 1, 4 * 1024),
    16384: range(32 * 1024, 120 * 1024 + 1, 8 * 1024),
    32768: (60 * 1024, 120 * 1024, 244 * 1024),
}
"""CPU units -> MiB of memory that go with them."""


class FargateTask(ecs.FargateTaskDefinition):
    """A task definition with one container that may write nowhere and has no Linux capability.

    Two roles: with the execution role Fargate pulls the image and writes the log, with the task
    role the container calls AWS. The latter may nothing at first.

    Args:
        scope: Parent construct.
        id: Construct ID.
        image: What it runs, as the image's own user.
        port: On which it listens.
        cpu: 1024 units are one vCPU; Fargate accepts certain pairs with the memory.
        memory_mib: Memory in MiB.
        architecture: Processor that the image is built for.
        environment: Variables; no secrets, they are readable in the task definition.
        stop_timeout: Time between SIGTERM and SIGKILL, up to 120 s.
        key: Encrypts the log.
        log_retention: How long it is kept.
        removal_policy: What becomes of it when the stack is deleted.

    Attributes:
        log_group: Where the container's standard output goes.

    Raises:
        InvalidArgument: Fargate has no task of this size, or the stop time-out is out of range.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        image: ContainerImage,
        port: int,
        cpu: int,
        memory_mib: int,
        architecture: Architecture,
        environment: Mapping[str, str],
        stop_timeout: Duration,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        require_between("stop_timeout", stop_timeout.to_seconds(), 1, 120, unit="s")
        _require_size(cpu, memory_mib)
        execution_role = _role(scope, f"{id}ExecutionRole", "Pulls the image and writes the log")
        super().__init__(
            scope,
            id,
            cpu=cpu,
            memory_limit_mib=memory_mib,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=_ARCHITECTURES[architecture],
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
            execution_role=execution_role,
            task_role=_role(scope, f"{id}Role", "What the model's code may do"),
        )
        self.log_group = EncryptedLogGroup(
            self,
            "Logs",
            name=f"/aws/ecs/{Aws.STACK_NAME}/{id}",
            key=key,
            retention=log_retention,
            removal_policy=removal_policy,
        )
        self.log_group.grant_writing(execution_role, actions=STREAM_ACTIONS)
        for statement in pull_statements(image):
            execution_role.add_to_policy(statement)
        acknowledge_wildcard(
            execution_role, "*", "ecr:GetAuthorizationToken knows no resource types."
        )
        if environment:
            acknowledge(
                self,
                "AwsSolutions-ECS2",
                "The variables size the server and hold no secret; in the task definition they "
                "change with it, and a roll-back takes them along.",
            )
        linux = ecs.LinuxParameters(self, "Linux")
        linux.drop_capabilities(ecs.Capability.ALL)
        self.add_container(
            "Container",
            image=ecs.ContainerImage.from_registry(image.uri),
            environment=dict(environment),
            port_mappings=[ecs.PortMapping(container_port=port)],
            readonly_root_filesystem=True,
            linux_parameters=linux,
            stop_timeout=stop_timeout,
            # A log that cannot be written in time must not hold up an answer.
            logging=ecs.LogDriver.aws_logs(
                log_group=self.log_group,
                stream_prefix=id.lower(),
                mode=ecs.AwsLogDriverMode.NON_BLOCKING,
            ),
        )


def _require_size(cpu: int, memory_mib: int) -> None:
    if cpu not in _SIZES:
        raise InvalidArgument(f"cpu is {cpu}: choose from {', '.join(map(str, _SIZES))}.")
    if memory_mib not in _SIZES[cpu]:
        gib = ", ".join(f"{size / 1024:g}" for size in _SIZES[cpu])
        raise InvalidArgument(
            f"memory_mib is {memory_mib}: with {cpu} CPU units choose from {gib} GiB."
        )


def _role(scope: Construct, id: str, description: str) -> iam.Role:
    """Returns a role that tasks of this account alone may assume.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
    """
    stack = Stack.of(scope)
    return iam.Role(
        scope,
        id,
        description=description,
        assumed_by=iam.ServicePrincipal(
            "ecs-tasks.amazonaws.com",
            conditions={
                "StringEquals": {"aws:SourceAccount": stack.account},
                "ArnLike": {"aws:SourceArn": stack.format_arn(service="ecs", resource="*")},
            },
        ),
    )
