"""Events of a fleet: counted and logged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs

from mla_constructs.edge.fleet_events import FleetEvents

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


@pytest.fixture(scope="module")
def built(new_parts: type[Parts]) -> tuple[Parts, FleetEvents]:
    parts = new_parts()
    events = FleetEvents(
        parts.stack,
        "Events",
        core_devices="arn:of:core:devices:fleet-",
        key=parts.key,
        log_retention=logs.RetentionDays.ONE_WEEK,
        removal_policy=RemovalPolicy.DESTROY,
    )
    return parts, events


def test_only_this_fleets_devices_count(built: tuple[Parts, FleetEvents]) -> None:
    (rule,) = built[0].template.find_resources("AWS::Events::Rule").values()
    pattern = rule["Properties"]["EventPattern"]
    assert pattern["source"] == ["aws.greengrass"]
    assert pattern["resources"] == [{"prefix": "arn:of:core:devices:fleet-"}]


def test_metric_is_the_rules(built: tuple[Parts, FleetEvents]) -> None:
    parts, events = built
    (name,) = parts.template.find_resources("AWS::Events::Rule")
    metric = events.metric_failures()
    assert (metric.namespace, metric.metric_name) == ("AWS/Events", "TriggeredRules")
    assert parts.resolve(metric.dimensions) == {"RuleName": {"Ref": name}}


def test_log_takes_events_of_this_rule_only(built: tuple[Parts, FleetEvents]) -> None:
    template = built[0].template
    (policy,) = template.find_resources("AWS::Logs::ResourcePolicy").values()
    (group,) = template.find_resources("AWS::Logs::LogGroup")
    (rule,) = template.find_resources("AWS::Events::Rule")

    def text(part: Any) -> str:
        return part if isinstance(part, str) else f"<{'.'.join(next(iter(part.values())))}>"

    pieces = policy["Properties"]["PolicyDocument"]["Fn::Join"][1]
    (statement,) = json.loads("".join(map(text, pieces)))["Statement"]
    assert statement["Resource"] == f"<{group}.Arn>"
    assert statement["Condition"]["ArnEquals"] == {"aws:SourceArn": f"<{rule}.Arn>"}
    assert set(statement["Action"]) == {"logs:CreateLogStream", "logs:PutLogEvents"}
