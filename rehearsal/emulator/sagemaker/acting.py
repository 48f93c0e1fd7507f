"""Objects in the customer's buckets, read and written by an execution role, keys included."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from rehearsal.emulator import host, session
from rehearsal.emulator.host import NotAssumableError
from rehearsal.emulator.sagemaker.containers import PRINCIPAL


class NotAllowedError(Exception):
    """A role may not do something, or what it is about is not there; the text says what."""


class Acting:
    """What a service does by an execution role, for one resource.

    Args:
        role_arn: The role.
        source_arn: The resource for which it acts.
    """

    def __init__(self, role_arn: str, source_arn: str) -> None:
        self.role_arn = role_arn
        self.source_arn = source_arn

    def read(self, uri: str) -> bytes:
        """Returns an object's content.

        Raises:
            NotAllowedError: The role may neither read it nor decrypt it, or it is not there.
        """
        try:
            found = self.client("s3").get_object(**_place(uri))
            if "SSEKMSKeyId" in found:
                self.require_key("kms:Decrypt", found["SSEKMSKeyId"], "s3")
            return bytes(found["Body"].read())
        except (ClientError, NotAssumableError) as error:
            raise NotAllowedError(f"{uri} cannot be read: {error}") from None

    def write(self, uri: str, content: bytes, *, content_type: str, key: str = "") -> None:
        """Writes an object, encrypted with a key if one is given.

        Raises:
            NotAllowedError: The role may not write it, or not encrypt it.
        """
        encryption: dict[str, Any] = {}
        try:
            if key:
                encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
                self.require_key("kms:GenerateDataKey", key, "s3")
            self.client("s3").put_object(
                **_place(uri), Body=content, ContentType=content_type, **encryption
            )
        except (ClientError, NotAssumableError) as error:
            raise NotAllowedError(f"{uri} cannot be written: {error}") from None

    def publish(self, topic_arn: str, message: str) -> None:
        """Publishes a message to a topic.

        Raises:
            NotAllowedError: The role may not publish, or not use the topic's key.
        """
        try:
            # Which key encrypts a topic is the topic's matter: the publisher need not see it.
            topic = session.as_account("sns").get_topic_attributes(TopicArn=topic_arn)
            key = topic["Attributes"].get("KmsMasterKeyId")
            for action in ("kms:Decrypt", "kms:GenerateDataKey") if key else ():
                self.require_key(action, key, "sns")
            self.client("sns").publish(TopicArn=topic_arn, Message=message)
        except (ClientError, NotAssumableError) as error:
            raise NotAllowedError(f"{topic_arn} cannot be told: {error}") from None

    def client(self, service: str) -> Any:
        """Returns a client with the role.

        Raises:
            NotAssumableError: The role does not allow it.
        """
        return session.as_role(
            service, self.role_arn, principal=PRINCIPAL, source_arn=self.source_arn
        )

    def require(self, action: str, resource: str, context: dict[str, str] | None = None) -> None:
        """Asks IAM for what MiniStack does not ask for.

        Raises:
            NotAllowedError: The role may not do it.
        """
        try:
            session_of = host.role_credentials(
                self.role_arn, service=PRINCIPAL, source_arn=self.source_arn
            )
        except NotAssumableError as error:
            raise NotAllowedError(str(error)) from None
        denied = host.denial(session_of["aws_access_key_id"], action, resource, context)
        if denied:
            raise NotAllowedError(denied)

    def require_key(self, action: str, key: str, through: str) -> None:
        """Asks IAM whether the role may use a key through a service such as "s3".

        Raises:
            NotAllowedError: It may not.
        """
        resource = key if key.startswith("arn:") else _key_arn(key)
        via = f"{through}.{host.REGION}.amazonaws.com"
        self.require(action, resource, {"kms:ViaService": via})


def _key_arn(key: str) -> str:
    described = session.as_account("kms").describe_key(KeyId=key)
    return str(described["KeyMetadata"]["Arn"])


def _place(uri: str) -> dict[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return {"Bucket": bucket, "Key": key}
