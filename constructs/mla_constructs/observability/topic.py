"""Topics under the customer-managed key."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from mla_constructs.security.data_key import DataKey


class EncryptedTopic(sns.Topic):
    """A topic whose messages are encrypted and that refuses plain HTTP.

    Args:
        scope: Parent construct.
        id: Construct ID.
        key: Encrypts the messages.

    Source: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    """

    def __init__(self, scope: Construct, id: str, *, key: DataKey) -> None:
        super().__init__(scope, id, master_key=key, enforce_ssl=True)
        self._key = key

    def grant_publishing(self, role: iam.IRole) -> None:
        """Lets the role publish: an encrypted topic asks its publisher for the key as well."""
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=["sns:Publish"], resources=[self.topic_arn])
        )
        self._key.grant_via(role, "sns", "kms:Decrypt", "kms:GenerateDataKey")
