"""An environment that a pipeline deploys an endpoint into."""

from __future__ import annotations

from aws_cdk import ArnFormat, Aws, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from mla_constructs.containers.image import ContainerImage
from mla_constructs.custom_resources.function import ResourceFunction
from mla_constructs.inference.execution_role import ExecutionRole
from mla_constructs.observability.log_group import EncryptedLogGroup
from mla_constructs.observability.topic import EncryptedTopic
from mla_constructs.orchestration.training_workspace import TrainingWorkspace
from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import acknowledge_wildcard
from mla_constructs.storage.buckets import DataBucket

STACK_ACTIONS = [
    "cloudformation:CreateStack",
    "cloudformation:DescribeStackEvents",
    "cloudformation:DescribeStackResources",
    "cloudformation:DescribeStacks",
    "cloudformation:GetTemplate",
    "cloudformation:UpdateStack",
]
"""What CodePipeline's CloudFormation action asks for without change sets, and without deletion."""


class DeliveryEnvironment(Construct):
    """Everything of an environment that must not come from the repository.

    The repository's template has a model, an endpoint configuration, an endpoint and alarms. Roles,
    keys, log groups and the limits of what CloudFormation may do are made here, so that a commit
    can change what is served and not what it is allowed. The stack that the pipeline creates goes
    with this one.

    Args:
        scope: Parent construct.
        id: Construct ID.
        name: Such as "staging"; the pipeline's stack and its endpoint are called <stack>-<name>.
        image: Container that serves the model.
        alarm_topic: Told by the endpoint's alarms.
        key: Encrypts logs and volumes.
        log_retention: How long logs are kept.
        removal_policy: What becomes of the logs when this stack is deleted. What was delivered
            goes in any case: its roles do.

    Attributes:
        stack: The stack that this construct stands in.
        stack_name: Name of the stack that the pipeline creates.
        endpoint_name: Name of the endpoint in it.
        endpoint_arn: ARN of the endpoint in it.
        execution_role: Under which the model runs.
        deployment_role: Under which CloudFormation creates, changes and deletes the stack.
        parameters: What the repository's template has to take.
        removal: Deletes the delivered stack; whoever could create it anew depends on it.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/
    using-iam-servicerole.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        image: ContainerImage,
        alarm_topic: EncryptedTopic,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, id)
        self.stack = Stack.of(self)
        self.stack_name = self.endpoint_name = f"{Aws.STACK_NAME}-{name}"
        self.endpoint_arn = self._arn("sagemaker", "endpoint", self.endpoint_name)
        log_group = EncryptedLogGroup(
            self,
            "Logs",
            name=f"/aws/sagemaker/Endpoints/{self.endpoint_name}",
            key=key,
            retention=log_retention,
            removal_policy=removal_policy,
        )
        self.execution_role = ExecutionRole(
            self, "ExecutionRole", description=f"What the model in {name} may do"
        )
        self.execution_role.grant_pull(image)
        self.execution_role.grant_metrics("/aws/sagemaker/Endpoints")
        self.execution_role.grant_storage_key(key)
        log_group.grant_writing(self.execution_role)
        self.deployment_role = iam.Role(
            self,
            "DeploymentRole",
            description=f"What CloudFormation may do to deliver into {name}",
            assumed_by=iam.ServicePrincipal("cloudformation.amazonaws.com"),
        )
        self._allow_endpoint(key)
        self._allow_alarms()
        self._image = image
        self.parameters = {
            "ExecutionRoleArn": self.execution_role.role_arn,
            "KeyArn": key.key_arn,
            "AlarmTopicArn": alarm_topic.topic_arn,
        }
        self._delete_with_this_stack(log_group)

    def serve_artifacts(self, models: DataBucket, prefix: str) -> None:
        """Serves artifacts below a prefix of a bucket: which one, the template says."""
        models.grant_read_below(self.execution_role, prefix)
        self.parameters["ImageUri"] = self._image.uri
        self.parameters["ModelBucket"] = models.bucket_name

    def serve_versions(self, workspace: TrainingWorkspace) -> None:
        """Serves versions that a workspace has registered: which one, the pipeline says."""
        workspace.models.grant_describing(self.deployment_role)
        workspace.bucket.grant_read_below(self.execution_role, "runs")

    def grant_invoke(self, role: iam.Role) -> None:
        """Lets the role ask the endpoint."""
        role.add_to_policy(
            iam.PolicyStatement(actions=["sagemaker:InvokeEndpoint"], resources=[self.endpoint_arn])
        )

    def grant_deployment(self, role: iam.Role) -> None:
        """Lets the role have CloudFormation create and update the stack.

        Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/
        action-reference-CloudFormation.html
        """
        self._grant_stack(role, *STACK_ACTIONS)
        role.add_to_policy(
            iam.PolicyStatement(actions=["cloudformation:ValidateTemplate"], resources=["*"])
        )
        acknowledge_wildcard(role, "*", "cloudformation:ValidateTemplate knows no resource types.")
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[self.deployment_role.role_arn],
                conditions={
                    "StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}
                },
            )
        )

    def grant_removal(self, role: iam.Role) -> None:
        """Lets the role have CloudFormation delete the stack as well."""
        self.grant_deployment(role)
        self._grant_stack(role, "cloudformation:DeleteStack")

    def _grant_stack(self, role: iam.Role, *actions: str) -> None:
        arn = self._stack_arn()
        role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=[arn]))
        acknowledge_wildcard(role, arn, "CloudFormation ends a stack's ARN with an ID of its own.")

    def _arn(
        self,
        service: str,
        resource: str,
        name: str,
        arn_format: ArnFormat = ArnFormat.SLASH_RESOURCE_NAME,
    ) -> str:
        return self.stack.format_arn(
            service=service, resource=resource, resource_name=name, arn_format=arn_format
        )

    def _stack_arn(self) -> str:
        return self._arn("cloudformation", "stack", f"{self.stack_name}/*")

    def _allow_endpoint(self, key: DataKey) -> None:
        """What the handlers of the SageMaker resource types ask for, on this environment's names.

        Models and configurations are named after the stack and a hash of what they are.

        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/api-permissions-reference.html
        """
        tags = ["sagemaker:AddTags", "sagemaker:DeleteTags", "sagemaker:ListTags"]
        for resource, name, actions in (
            ("model", f"{self.stack_name}-*", ["Create", "Delete", "Describe"]),
            ("endpoint-config", f"{self.stack_name}-*", ["Create", "Delete", "Describe"]),
            ("endpoint", self.endpoint_name, ["Create", "Delete", "Describe", "Update"]),
        ):
            arn = self._arn("sagemaker", resource, name)
            noun = "".join(part.capitalize() for part in resource.split("-"))
            self.deployment_role.add_to_policy(
                iam.PolicyStatement(
                    actions=[*(f"sagemaker:{verb}{noun}" for verb in actions), *tags],
                    resources=[arn],
                )
            )
            if name.endswith("*"):
                acknowledge_wildcard(
                    self.deployment_role,
                    arn,
                    "Behind the environment's name stands a hash of what was delivered.",
                )
        # Creating an endpoint checks that its configuration may be used.
        self.deployment_role.add_to_policy(
            iam.PolicyStatement(
                actions=["sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint"],
                resources=[self._arn("sagemaker", "endpoint-config", f"{self.stack_name}-*")],
            )
        )
        self.deployment_role.add_to_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[self.execution_role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            )
        )
        self.deployment_role.add_to_policy(
            iam.PolicyStatement(actions=["kms:DescribeKey"], resources=[key.key_arn])
        )
        self.deployment_role.add_to_policy(
            iam.PolicyStatement(
                actions=["kms:CreateGrant"],
                resources=[key.key_arn],
                conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
            )
        )

    def _allow_alarms(self) -> None:
        """Lets CloudFormation keep the alarms, and a roll-out see them: without, none goes back.

        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/
        deployment-guardrails-configuration.html
        """
        alarms = self._arn(
            "cloudwatch", "alarm", f"{self.stack_name}-*", ArnFormat.COLON_RESOURCE_NAME
        )
        reading = ["cloudwatch:DescribeAlarms"]
        for role, actions in (
            (
                self.deployment_role,
                [
                    *reading,
                    "cloudwatch:DeleteAlarms",
                    "cloudwatch:ListTagsForResource",
                    "cloudwatch:PutMetricAlarm",
                    "cloudwatch:TagResource",
                    "cloudwatch:UntagResource",
                ],
            ),
            (self.execution_role, reading),
        ):
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[alarms]))
            acknowledge_wildcard(
                role, alarms, "The environment's alarms: which ones, the repository decides."
            )

    def _delete_with_this_stack(self, log_group: EncryptedLogGroup) -> None:
        """Deletes the pipeline's stack before the roles go that its deletion takes."""
        remover = ResourceFunction.of(self, "StackRemover", task="delete_stack")
        arn = self._stack_arn()
        remover.role.add_to_policy(
            iam.PolicyStatement(
                actions=["cloudformation:DeleteStack", "cloudformation:DescribeStacks"],
                resources=[arn],
            )
        )
        acknowledge_wildcard(
            remover.role, arn, "CloudFormation ends a stack's ARN with an ID of its own."
        )
        self.removal = remover.resource(
            self, "Delivered", "Custom::DeliveredStack", {"StackName": self.stack_name}
        )
        self.removal.node.add_dependency(
            remover.role, self.deployment_role, self.execution_role, log_group
        )
