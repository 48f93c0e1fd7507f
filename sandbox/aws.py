"""The one way into a real account: bounded time-outs, and refusals as sentences."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    LoginError,
    NoCredentialsError,
    ParamValidationError,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import (
    ConnectionError as NoConnection,
)

from catalogue.errors import UsageError, unknown

CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0
ATTEMPTS = 3
"""Calls in all, the first included: a throttled or late answer is waited for twice more."""

HOME = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
"""Partition -> its Region that no account has to enable."""

DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
    "UnauthorizedOperation",
}
REJECTED = {
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidToken",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
"""Codes that mean the credentials themselves: no call will be answered."""
THROTTLED = {
    "RequestLimitExceeded",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}

CREDENTIALS = (
    CredentialRetrievalError,
    LoginError,
    NoCredentialsError,
    SSOError,
    TokenRetrievalError,
)
"""What botocore raises when it has nothing to sign a call with."""

ACTIONS = {
    "s3:DeleteObjects": "s3:DeleteObjectVersion",  # each is named with its version
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:HeadBucket": "s3:ListBucket",
    "resourcegroupstaggingapi:GetResources": "tag:GetResources",
}
"""Calls whose permission has another name than the call."""

SERVICES = {
    "efs": "elasticfilesystem",
    "elbv2": "elasticloadbalancing",
    "mwaa": "airflow",
    "mwaa-serverless": "airflow-serverless",
    "service-quotas": "servicequotas",
    "stepfunctions": "states",
}
"""Services whose permissions begin with another name than boto3's."""


class Unseen(Exception):  # noqa: N818 - an outcome, not a fault
    """What the account did not answer; its text is the sentence to show.

    Attributes:
        call: What was asked, such as "sagemaker:ListEndpoints".
        code: The service's error code; empty if no answer came.
    """

    def __init__(self, reason: str, *, call: str, code: str = "") -> None:
        super().__init__(reason)
        self.call = call
        self.code = code


class Rejected(Unseen):
    """The credentials are expired or wrong, whatever is asked."""


class Account:
    """An account as seen in one Region. Threads may share it.

    Args:
        session: Credentials.
        region: Where calls go that name no other.
        read_seconds: How long an answer is waited for.
        patience: Seconds from now after which nothing more is asked; None means for ever.

    Attributes:
        region: Where calls go that name no other.
        partition: The part of AWS that the Region is in, such as "aws".
        home: The Region of the partition that is always enabled.
    """

    def __init__(
        self,
        session: boto3.Session,
        region: str,
        *,
        read_seconds: float = READ_SECONDS,
        patience: float | None = None,
    ) -> None:
        self.region = region
        self.partition: str = session.get_partition_for_region(region)
        self.home = HOME.get(self.partition, region)
        self._until = None if patience is None else monotonic() + patience
        self._session = session
        self._config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=read_seconds,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=20,
        )
        self._lock = Lock()
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, region: str | None = None) -> Any:
        """Returns a client of a service, made once.

        Raises:
            UsageError: The environment's settings allow none, such as an endpoint that is no URL.
        """
        where = region or self.region
        with self._lock:  # using a client is safe in threads, making one is not
            try:
                if (service, where) not in self._clients:
                    self._clients[service, where] = self._session.client(
                        service, region_name=where, config=self._config
                    )
            except (BotoCoreError, ValueError) as error:
                raise _unusable(error) from None
            return self._clients[service, where]

    def ask(
        self, service: str, operation: str, *, region: str | None = None, **arguments: Any
    ) -> dict[str, Any]:
        """Returns what a client's method answers, such as "get_caller_identity" of "sts".

        Raises:
            Unseen: It was not answered; Rejected if the credentials are the reason.
        """
        client = self._awaited(service, operation, region)
        with sentences(_call(service, client, operation)):
            answer: dict[str, Any] = getattr(client, operation)(**arguments)
            return answer

    def pages(
        self, service: str, operation: str, key: str, *, region: str | None = None, **arguments: Any
    ) -> list[Any]:
        """Returns what stands under a key in all pages of the answer to a call.

        Raises:
            Unseen: A page was not answered; Rejected if the credentials are the reason.
        """
        client = self._awaited(service, operation, region)
        with sentences(_call(service, client, operation)):
            found = client.get_paginator(operation).paginate(**arguments)
            return [item for page in found for item in page.get(key, [])]

    def _awaited(self, service: str, operation: str, region: str | None) -> Any:
        """Returns a client, unless the time for answers is over."""
        client = self.client(service, region)
        if self._until is not None and monotonic() > self._until:
            call = _call(service, client, operation)
            raise Unseen(
                f"{permission(call)} was not asked: earlier calls took too long", call=call
            )
        return client


def connect(
    region: str | None = None,
    *,
    read_seconds: float = READ_SECONDS,
    patience: float | None = None,
) -> Account:
    """Returns the account whose credentials the environment holds; no call is made.

    Args:
        region: The Region; None takes AWS_REGION, AWS_DEFAULT_REGION or the profile's.
        read_seconds: How long an answer is waited for.
        patience: Seconds from now after which nothing more is asked; None means for ever.

    Raises:
        UsageError: There are no credentials, no Region, or no such Region.
    """
    try:
        session = boto3.Session()
        chosen = region or os.environ.get("AWS_REGION") or session.region_name
        credentials = session.get_credentials()
    except BotoCoreError as error:
        raise _unusable(error) from None
    if not chosen:
        raise UsageError("No Region: name one by --region, such as --region eu-west-1.")
    regions = [
        name
        for partition in session.get_available_partitions()
        for name in session.get_available_regions("cloudformation", partition)
    ]
    if chosen not in regions:
        raise unknown("AWS Region", chosen, regions)
    if credentials is None:
        raise UsageError(
            "No AWS credentials: sign in (`aws sso login`, `aws configure`), or set AWS_PROFILE."
        )
    return Account(session, chosen, read_seconds=read_seconds, patience=patience)


def permission(call: str) -> str:
    """Returns the IAM action that allows a call, such as "s3:ListAllMyBuckets"."""
    service, _, operation = call.rpartition(":")
    if not service:
        return call
    return ACTIONS.get(call, f"{SERVICES.get(service, service)}:{operation}")


def _unusable(error: Exception) -> UsageError:
    return UsageError(f"The AWS configuration is not usable: {_plain(error)}.")


def _call(service: str, client: Any, operation: str) -> str:
    return f"{service}:{client.meta.method_to_api_mapping[operation]}"


@contextmanager
def sentences(call: str = "") -> Iterator[None]:
    """Turns what botocore raises into Unseen, but for a call that is wrong in itself.

    Args:
        call: What is asked, such as "sagemaker:ListEndpoints"; empty if any call may be made.

    Raises:
        Unseen: It was not answered; Rejected if the credentials are the reason.
    """
    try:
        yield
    except ParamValidationError:
        raise
    except ClientError as error:
        raise _refusal(call or error.operation_name, error) from None
    except CREDENTIALS as error:
        raise Rejected(f"the credentials cannot be used: {_plain(error)}", call=call) from None
    except (NoConnection, HTTPClientError) as error:
        asked = permission(call) if call else "the service"
        reason = f"{asked} did not answer in time ({type(error).__name__})"
        raise Unseen(reason, call=call) from None
    except BotoCoreError as error:
        raise Unseen(f"{permission(call)}: {_plain(error)}".lstrip(": "), call=call) from None


def _refusal(call: str, error: ClientError) -> Unseen:
    answer = error.response.get("Error", {})
    code = str(answer.get("Code", "Unknown"))
    if code in REJECTED:
        reason = f"the credentials are expired or not valid ({code}): sign in again"
        return Rejected(reason, call=call, code=code)
    if code in DENIED:
        reason = f"{permission(call)} is not allowed to this identity"
    elif code in THROTTLED:
        reason = f"{permission(call)} was throttled {ATTEMPTS} times: try again in a minute"
    else:
        # What is no error of the service, such as a proxy's page, has a number for its code.
        message = "" if code.isdigit() else _plain(answer.get("Message", ""))
        reason = f"{permission(call)} failed with {code}: {message}".rstrip(": ")
    return Unseen(reason, call=call, code=code)


def _plain(error: Exception | str) -> str:
    """Returns a message on one line, cut where it stops being one sentence to read."""
    return textwrap.shorten(str(error), 200, placeholder=" ...").rstrip(".")
