"""The customer-managed key that encrypts everything an architecture keeps."""

from __future__ import annotations

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct


class DataKey(kms.Key):
    """A rotating customer-managed key, and the services that may use it on the account's behalf.

    IAM policies of the account decide who else may use it: the key policy delegates to them.

    Args:
        scope: Parent construct.
        id: Construct ID.
        removal_policy: DESTROY schedules the deletion in 7 days, the shortest time KMS allows.

    Source: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    """

    def __init__(self, scope: Construct, id: str, *, removal_policy: RemovalPolicy) -> None:
        super().__init__(
            scope,
            id,
            description="Encrypts what the architecture keeps",
            enable_key_rotation=True,
            pending_window=Duration.days(7),
            removal_policy=removal_policy,
        )

    def grant_via(self, role: iam.IRole, service: str, *actions: str) -> None:
        """Lets the role use the key through one service only.

        Args:
            role: Who.
            service: The service that calls KMS on the role's behalf, such as "s3".
            actions: What, such as "kms:Decrypt".

        Source: https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
        """
        stack = Stack.of(self)
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=list(actions),
                resources=[self.key_arn],
                conditions={
                    "StringEquals": {
                        "kms:ViaService": f"{service}.{stack.region}.{stack.url_suffix}"
                    }
                },
            )
        )

    def allow_log_group(self, log_group_name: str) -> None:
        """Lets CloudWatch Logs encrypt this log group with the key, and no other.

        Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        """
        stack = Stack.of(self)
        log_group_arn = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:"
        self.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(f"logs.{stack.region}.{stack.url_suffix}")],
                actions=[
                    "kms:Encrypt",
                    "kms:Decrypt",
                    "kms:ReEncryptFrom",
                    "kms:ReEncryptTo",
                    "kms:GenerateDataKey",
                    "kms:GenerateDataKeyWithoutPlaintext",
                    "kms:DescribeKey",
                ],
                resources=["*"],  # in a key policy: this key
                conditions={
                    "ArnEquals": {
                        "kms:EncryptionContext:aws:logs:arn": f"{log_group_arn}{log_group_name}"
                    }
                },
            )
        )

    def allow_alarms(self) -> None:
        """Lets the account's CloudWatch alarms publish to topics that the key encrypts.

        Source: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        """
        self.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],  # in a key policy: this key
                conditions=sent_by_alarms(self),
            )
        )


def sent_by_alarms(scope: Construct) -> dict[str, dict[str, str]]:
    """Returns the conditions that only alarms of this account and region fulfil."""
    stack = Stack.of(scope)
    return {
        "StringEquals": {"aws:SourceAccount": stack.account},
        "ArnLike": {
            "aws:SourceArn": stack.format_arn(
                service="cloudwatch",
                resource="alarm",
                resource_name="*",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
        },
    }
