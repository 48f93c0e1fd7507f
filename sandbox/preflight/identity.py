"""Who asks, and whether the Region is open to the account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from catalogue.errors import UsageError
from sandbox.aws import Account, Rejected, Unseen
from sandbox.preflight.findings import Finding, ok, problem, unseen
from sandbox.preflight.subject import Subject


def identity(account: Account) -> tuple[str, Finding]:
    """Returns the account's number, empty if it was not seen, and what there is to say of it.

    The call needs no permission, so nobody is refused it but whose credentials are not valid.

    Raises:
        UsageError: The credentials are not valid.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    """
    try:
        caller = account.ask("sts", "get_caller_identity", region=account.home)
    except Rejected as error:
        raise UsageError(f"AWS does not accept the credentials: {error}.") from None
    except Unseen as error:
        return "", unseen("identity", error)
    return caller["Account"], ok("identity", f"account {caller['Account']} as {caller['Arn']}")


def region(subject: Subject) -> Iterator[Finding]:
    """Whether the account has enabled the Region."""
    account = subject.account
    asked: dict[str, Any] = {"RegionNames": [account.region], "AllRegions": True}
    try:
        answer = account.ask("ec2", "describe_regions", region=account.home, **asked)
    except Unseen as error:
        yield unseen("Region", error)
        return
    status = [each.get("OptInStatus", "") for each in answer["Regions"]]
    if status == ["not-opted-in"]:
        yield problem(
            "Region",
            f"{account.region} is not enabled in this account",
            f"aws account enable-region --region-name {account.region}",
        )
    else:
        yield ok("Region", f"{account.region} is enabled")
