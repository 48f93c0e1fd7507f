"""Clients of the emulated AWS, for services that call others on somebody's behalf."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import boto3
from botocore.config import Config

from rehearsal.emulator import host

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 3},
    connect_timeout=5,
    read_timeout=60,
    max_pool_connections=16,
)


def as_role(client: str, role_arn: str, *, principal: str, source_arn: str) -> Any:
    """Returns a boto3 client with a role that a service assumes.

    Args:
        client: Name of the service to call.
        role_arn: The role.
        principal: The assuming service, such as "sagemaker.amazonaws.com".
        source_arn: The resource for which it acts.

    Raises:
        NotAssumableError: The role does not allow it.
    """
    credentials = host.role_credentials(role_arn, service=principal, source_arn=source_arn)
    return _client(client, tuple(sorted(credentials.items())))


def role_environment(role_arn: str, *, principal: str, source_arn: str) -> dict[str, str]:
    """Returns the environment by which a program acts under a role that a service assumes.

    Raises:
        NotAssumableError: The role does not allow it.
    """
    credentials = host.role_credentials(role_arn, service=principal, source_arn=source_arn)
    return {
        **{name.upper(): value for name, value in credentials.items()},
        "AWS_ENDPOINT_URL": host.ENDPOINT,
        "AWS_DEFAULT_REGION": host.REGION,
        "AWS_REGION": host.REGION,
    }


def as_account(client: str) -> Any:
    """Returns a boto3 client of the account itself, for what a service does of its own."""
    return _client(
        client,
        (("aws_access_key_id", host.ACCOUNT), ("aws_secret_access_key", "rehearsal")),
    )


@lru_cache(maxsize=64)
def _client(client: str, credentials: tuple[tuple[str, str], ...]) -> Any:
    return boto3.client(
        client,
        endpoint_url=host.ENDPOINT,
        region_name=host.REGION,
        config=_CONFIG,
        **dict(credentials),
    )
