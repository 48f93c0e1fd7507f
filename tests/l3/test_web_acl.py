"""The firewall."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mla_constructs.errors import InvalidArgument
from mla_constructs.network.web_acl import WebAcl

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


def test_its_log_has_the_name_that_waf_delivers_to_and_is_encrypted(parts: Parts) -> None:
    WebAcl(parts.stack, "Firewall", requests_per_five_minutes=1000, **parts.kept)
    (name, group), *_ = (
        (name, found)
        for name, found in parts.template.find_resources("AWS::Logs::LogGroup").items()
        if "aws-waf-logs-" in str(found["Properties"]["LogGroupName"])
    )
    assert group["Properties"]["KmsKeyId"]
    logging = parts.properties("AWS::WAFv2::LoggingConfiguration")
    destination = str(logging["LogDestinationConfigs"])
    assert name in destination
    assert ":*" not in destination


def test_rules_are_asked_in_order_and_measured(parts: Parts) -> None:
    WebAcl(parts.stack, "Firewall", requests_per_five_minutes=1000, **parts.kept)
    rules = parts.properties("AWS::WAFv2::WebACL")["Rules"]
    assert [rule["Priority"] for rule in rules] == [0, 1, 2]
    for rule in rules:
        assert rule["VisibilityConfig"]["CloudWatchMetricsEnabled"] is True, rule["Name"]


def test_metric_names_the_firewall_as_waf_does(parts: Parts) -> None:
    firewall = WebAcl(parts.stack, "Firewall", requests_per_five_minutes=1000, **parts.kept)
    dimensions = parts.resolve(firewall.metric_blocked().dimensions)
    assert set(dimensions) == {"WebACL", "Region", "Rule"}
    acl = parts.properties("AWS::WAFv2::WebACL")
    assert acl["VisibilityConfig"]["MetricName"] == dimensions["WebACL"]


@pytest.mark.parametrize("rate", [9, 2_000_000_001])
def test_refuses_a_rate_out_of_range(parts: Parts, rate: int) -> None:
    with pytest.raises(InvalidArgument, match="requests_per_five_minutes is"):
        WebAcl(parts.stack, "Firewall", requests_per_five_minutes=rate, **parts.kept)
