"""The internal load balancer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from aws_cdk import Duration, RemovalPolicy

from mla_constructs.errors import InvalidArgument
from mla_constructs.network.private_load_balancer import PrivateLoadBalancer
from mla_constructs.storage.buckets import AccessLogBucket

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


def balancer(parts: Parts, *, idle_timeout: Duration | None = None) -> PrivateLoadBalancer:
    return PrivateLoadBalancer(
        parts.stack,
        "Balancer",
        vpc=parts.vpc,
        idle_timeout=idle_timeout or Duration.seconds(60),
        access_logs=AccessLogBucket(parts.stack, "Logs", removal_policy=RemovalPolicy.DESTROY),
    )


def test_it_logs_where_its_service_may_write_and_no_other(parts: Parts) -> None:
    balancer(parts)
    found = parts.properties("AWS::ElasticLoadBalancingV2::LoadBalancer")
    attributes = {item["Key"]: item["Value"] for item in found["LoadBalancerAttributes"]}
    assert attributes["access_logs.s3.enabled"] == "true"
    assert attributes["access_logs.s3.prefix"] == "Balancer"
    statements = parts.properties("AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    (delivery,) = (found for found in statements if found["Effect"] == "Allow")
    assert delivery["Principal"] == {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
    assert delivery["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert "/Balancer/AWSLogs/" in json.dumps(delivery["Resource"])


def test_it_comes_after_the_policy_that_lets_it_log(parts: Parts) -> None:
    balancer(parts)
    (policy,) = parts.template.find_resources("AWS::S3::BucketPolicy")
    (found,) = parts.template.find_resources("AWS::ElasticLoadBalancingV2::LoadBalancer").values()
    assert policy in found["DependsOn"]


def test_clients_reach_it_by_tls_only(parts: Parts) -> None:
    balancer(parts)
    rule = parts.properties("AWS::EC2::SecurityGroupIngress")
    assert (rule["FromPort"], rule["ToPort"], rule["IpProtocol"]) == (443, 443, "tcp")


def test_what_two_servers_could_read_in_two_ways_goes_no_further(parts: Parts) -> None:
    balancer(parts)
    found = parts.properties("AWS::ElasticLoadBalancingV2::LoadBalancer")
    attributes = {item["Key"]: item["Value"] for item in found["LoadBalancerAttributes"]}
    assert attributes["routing.http.drop_invalid_header_fields.enabled"] == "true"
    assert attributes["routing.http.desync_mitigation_mode"] == "strictest"


@pytest.mark.parametrize("seconds", [0, 4001])
def test_refuses_an_idle_timeout_out_of_range(parts: Parts, seconds: int) -> None:
    with pytest.raises(InvalidArgument, match="idle_timeout is"):
        balancer(parts, idle_timeout=Duration.seconds(seconds))
