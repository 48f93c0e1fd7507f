"""A Lambda alias that moves to a new version step by step, and back when an alarm fires."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from aws_cdk import CfnCodeDeployLambdaAliasUpdate, CfnUpdatePolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from mla_constructs.errors import InvalidArgument

Shift = Literal[
    "LambdaAllAtOnce",
    "LambdaCanary10Percent5Minutes",
    "LambdaCanary10Percent10Minutes",
    "LambdaCanary10Percent15Minutes",
    "LambdaCanary10Percent30Minutes",
    "LambdaLinear10PercentEvery1Minute",
    "LambdaLinear10PercentEvery2Minutes",
    "LambdaLinear10PercentEvery3Minutes",
    "LambdaLinear10PercentEvery10Minutes",
]
"""CodeDeploy's predefined deployment configurations for Lambda."""

MOST_ALARMS = 10


class AliasCanary(Construct):
    """Makes an update of the stack shift the alias's traffic by CodeDeploy.

    CDK's own deployment group has a managed policy for all functions and alarms; this role may move
    this alias and look at these alarms.

    Args:
        scope: Parent construct.
        id: Construct ID.
        function: Whose alias it is.
        alias: What callers call.
        shift: How the traffic moves.
        alarms: Any of them in alarm moves it back and fails the update; 1 to 10.

    Raises:
        InvalidArgument: No alarm or more than ten, or a shift that CodeDeploy does not have.

    Source: https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        function: lambda_.IFunction,
        alias: lambda_.Alias,
        shift: Shift,
        alarms: Sequence[cloudwatch.IAlarm],
    ) -> None:
        super().__init__(scope, id)
        if shift not in get_args(Shift):
            raise InvalidArgument(f"shift is {shift!r}: choose from {', '.join(get_args(Shift))}.")
        if not 1 <= len(alarms) <= MOST_ALARMS:
            raise InvalidArgument(
                f"There are {len(alarms)} alarms: give 1 to 10, for without one nothing rolls back."
            )
        role = self._role(function, alias, alarms)
        application = codedeploy.CfnApplication(self, "Application", compute_platform="Lambda")
        groups = codedeploy.CfnDeploymentGroup
        group = groups(
            self,
            "Group",
            application_name=application.ref,
            service_role_arn=role.role_arn,
            deployment_config_name=f"CodeDeployDefault.{shift}",
            deployment_style=groups.DeploymentStyleProperty(
                deployment_type="BLUE_GREEN", deployment_option="WITH_TRAFFIC_CONTROL"
            ),
            alarm_configuration=groups.AlarmConfigurationProperty(
                enabled=True,
                alarms=[groups.AlarmProperty(name=alarm.alarm_name) for alarm in alarms],
            ),
            auto_rollback_configuration=groups.AutoRollbackConfigurationProperty(
                enabled=True,
                events=[
                    "DEPLOYMENT_FAILURE",
                    "DEPLOYMENT_STOP_ON_ALARM",
                    "DEPLOYMENT_STOP_ON_REQUEST",
                ],
            ),
        )
        group.node.add_dependency(role)
        resource = alias.node.default_child
        assert isinstance(resource, lambda_.CfnAlias)  # noqa: S101 - an alias of ours has one
        resource.cfn_options.update_policy = CfnUpdatePolicy(
            code_deploy_lambda_alias_update=CfnCodeDeployLambdaAliasUpdate(
                application_name=application.ref, deployment_group_name=group.ref
            )
        )

    def _role(
        self,
        function: lambda_.IFunction,
        alias: lambda_.Alias,
        alarms: Sequence[cloudwatch.IAlarm],
    ) -> iam.Role:
        role = iam.Role(
            self,
            "Role",
            description="Moves the alias and looks at the alarms",
            # CodeDeploy's guide knows no condition on whom it acts for.
            assumed_by=iam.ServicePrincipal("codedeploy.amazonaws.com"),
        )
        # The alias by name: a reference would go in a circle.
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "lambda:GetAlias",
                    "lambda:GetProvisionedConcurrencyConfig",
                    "lambda:UpdateAlias",
                ],
                resources=[
                    function.function_arn,
                    f"{function.function_arn}:{alias.alias_name}",
                ],
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:DescribeAlarms"],
                resources=[alarm.alarm_arn for alarm in alarms],
            )
        )
        return role
