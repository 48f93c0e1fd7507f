"""The certificate for where there is no domain; its build runs in tests/runtime."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mla_constructs.errors import InvalidArgument
from mla_constructs.network.self_signed_certificate import SelfSignedCertificate

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


def certificate(parts: Parts, **changes: Any) -> SelfSignedCertificate:
    arguments: dict[str, Any] = {"domain_name": "model.internal", "days": 30, **parts.kept}
    return SelfSignedCertificate(parts.stack, "Certificate", **(arguments | changes))


def test_whoever_uses_it_waits_for_the_build(parts: Parts) -> None:
    arn = parts.resolve(certificate(parts).arn)
    (made,) = parts.template.find_resources("Custom::SelfSignedCertificate")
    assert arn == {"Ref": made}


def test_another_name_or_time_makes_another_certificate(parts: Parts) -> None:
    certificate(parts)
    made = parts.properties("Custom::SelfSignedCertificate")
    assert (made["DomainName"], made["Days"]) == ("model.internal", "30")


def test_stack_may_delete_only_what_carries_its_tag(parts: Parts) -> None:
    certificate(parts)
    (statement,) = (
        statement
        for policy in parts.template.find_resources("AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "acm:DeleteCertificate"
    )
    assert statement["Condition"] == {
        "StringEquals": {"aws:ResourceTag/stack": {"Ref": "AWS::StackName"}}
    }


def test_key_is_nowhere_in_the_template(parts: Parts) -> None:
    certificate(parts)
    assert "PRIVATE KEY" not in json.dumps(parts.template.to_json())


@pytest.mark.parametrize("days", [0, 3651])
def test_refuses_days_out_of_range(parts: Parts, days: int) -> None:
    with pytest.raises(InvalidArgument, match=f"days is {days}"):
        certificate(parts, days=days)
