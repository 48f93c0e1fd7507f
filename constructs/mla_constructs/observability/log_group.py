"""Log groups that exist before whoever writes to them."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from mla_constructs.security.data_key import DataKey

LOG_ACTIONS = [
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogStreams",
    "logs:PutLogEvents",
]
"""What SageMaker asks for to log: https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html"""

STREAM_ACTIONS = ["logs:CreateLogStream", "logs:PutLogEvents"]
"""What logging takes at least."""


class EncryptedLogGroup(logs.LogGroup):
    """A log group under the customer-managed key.

    Services that log under a name of their own choice create a missing group unencrypted, keep it
    for ever, and leave it behind: created first, it has a key, an end, and goes with the stack.

    Args:
        scope: Parent construct.
        id: Construct ID.
        name: Name of the log group.
        key: Encrypts it; it is opened to CloudWatch Logs for this group.
        retention: How long logs are kept.
        removal_policy: What becomes of it when the stack is deleted.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        key: DataKey,
        retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        key.allow_log_group(name)
        super().__init__(
            scope,
            id,
            log_group_name=name,
            encryption_key=key,
            retention=retention,
            removal_policy=removal_policy,
        )
        self._key = key

    def grant_writing(self, role: iam.IRole, *, actions: Sequence[str] = LOG_ACTIONS) -> None:
        """Lets the role write to this group, and use the key for it through CloudWatch Logs.

        Creating the group is among the permissions that services ask for; limited to this name it
        cannot create anything that the stack does not know.

        Args:
            role: Who logs.
            actions: What the service that logs asks for; by default, what SageMaker does.

        Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        """
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=list(actions), resources=[self.log_group_arn])
        )
        self._key.grant_via(role, "logs", "kms:Decrypt", "kms:GenerateDataKey")
