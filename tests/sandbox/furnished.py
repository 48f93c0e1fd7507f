"""An account in which everything is there that a preflight looks for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from typing import Any
from zlib import crc32

from catalogue.discover import discover
from catalogue.template import Template
from sandbox.aws import Account, connect
from sandbox.preflight.needs import Need, needs
from sandbox.preflight.subject import Subject
from tests.support.emulated_aws import ACCOUNT, REGION, EmulatedAws

XGBOOST = "683313688378"
DOCUMENT: dict[str, Any] = {
    "Mappings": {"BuiltInImages": {REGION: {"xgboost": XGBOOST}}},
    "Parameters": {"BootstrapVersion": {"Default": "/cdk-bootstrap/hnb659fds/version"}},
    "Rules": {
        "CheckBootstrapVersion": {
            "Assertions": [
                {
                    "Assert": {
                        "Fn::Not": [{"Fn::Contains": [list("12345"), {"Ref": "BootstrapVersion"}]}]
                    }
                }
            ]
        }
    },
    "Resources": {
        "Model": {
            "Type": "AWS::SageMaker::Model",
            "Properties": {
                "PrimaryContainer": {
                    "Image": {
                        "Fn::Join": [
                            "",
                            [
                                {
                                    "Fn::FindInMap": [
                                        "BuiltInImages",
                                        {"Ref": "AWS::Region"},
                                        "xgboost",
                                    ]
                                },
                                ".dkr.ecr.",
                                {"Ref": "AWS::Region"},
                                ".",
                                {"Ref": "AWS::URLSuffix"},
                                "/sagemaker-xgboost:3.2-0",
                            ],
                        ]
                    }
                }
            },
        },
        "Config": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {
                "ProductionVariants": [
                    {
                        "VariantName": "AllTraffic",
                        "InstanceType": "ml.m5.large",
                        "InitialInstanceCount": 1,
                    }
                ]
            },
        },
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {
                "EndpointName": {"Ref": "AWS::StackName"},
                "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
            },
        },
        "Target": {
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "Properties": {
                "MinCapacity": 1,
                "MaxCapacity": 4,
                "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
                "ResourceId": {
                    "Fn::Join": [
                        "",
                        [
                            "endpoint/",
                            {"Fn::GetAtt": ["Endpoint", "EndpointName"]},
                            "/variant/AllTraffic",
                        ],
                    ]
                },
            },
        },
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
        "Key": {"Type": "AWS::KMS::Key", "Properties": {}},
        "Logs": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"LogGroupName": {"Fn::Sub": "/aws/sagemaker/${AWS::StackName}"}},
        },
    },
}
"""A small template with something for every check."""


def template(**resources: dict[str, Any]) -> Template:
    """Returns a template of some resources, by logical ID; without any the small one."""
    return Template({**DOCUMENT, "Resources": resources or DOCUMENT["Resources"]}, "small")


@cache
def _account(region: str, read_seconds: float) -> Account:
    """The emulated account; its clients are made once for all tests."""
    return connect(region, read_seconds=read_seconds)


def subject(
    of: Template | None = None,
    *,
    region: str = REGION,
    read_seconds: float = 20.0,
    **changes: Any,
) -> Subject:
    """Returns what a check is about, in the account that the environment stands for."""
    given = {
        "account": _account(region, read_seconds),
        "number": ACCOUNT,
        "architecture": discover()["realtime_endpoint"],
        "template": of or template(),
    }
    return Subject(**{**given, **changes})


def quota(need: Need, value: float, **fields: Any) -> dict[str, Any]:
    """Returns a quota as Service Quotas lists it."""
    return {
        "ServiceCode": need.service,
        "QuotaCode": need.quota
        if need.quota.startswith("L-")
        else f"L-{crc32(need.quota.encode()):08X}",
        "QuotaName": need.quota,
        "Value": value,
        "Adjustable": True,
        "UsageMetric": {
            "MetricNamespace": "AWS/Usage",
            "MetricName": "ResourceCount",
            "MetricDimensions": {"Resource": need.quota},
            "MetricStatisticRecommendation": "Maximum",
        },
        **fields,
    }


def grant(aws: EmulatedAws, quotas: Iterable[dict[str, Any]]) -> None:
    """Gives the account its quotas."""
    listed = list(quotas)
    aws.answers["service-quotas:ListServiceQuotas"] = lambda asked: {
        "Quotas": [q for q in listed if q["ServiceCode"] == asked["ServiceCode"]]
    }
    aws.answers["service-quotas:ListAWSDefaultServiceQuotas"] = lambda _: {"Quotas": []}


def product(service: str, usage_type: str, usd: float, region: str = REGION) -> dict[str, Any]:
    """Returns a product as the Price List gives it."""
    dimension = {"unit": "Hrs", "beginRange": "0", "pricePerUnit": {"USD": str(usd)}}
    return {
        "serviceCode": service,
        "product": {"attributes": {"regionCode": region, "usagetype": usage_type}},
        "terms": {"OnDemand": {"sku.term": {"priceDimensions": {"sku.term.rate": dimension}}}},
    }


def price(aws: EmulatedAws, *products: dict[str, Any]) -> None:
    """Gives the Price List its products."""
    aws.answers["pricing:GetProducts"] = lambda asked: {
        "PriceList": [json.dumps(p) for p in products if p["serviceCode"] == asked["ServiceCode"]]
    }


def furnish(aws: EmulatedAws, of: Template | None = None) -> None:
    """Bootstraps the account and gives it quotas, images and prices."""
    aws.client("ssm").put_parameter(
        Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String"
    )
    grant(aws, [quota(need, 100) for need in needs(of or template())])
    price(aws, product("AmazonSageMaker", "USE1-Host:ml.m5.large", 0.115))
    aws.answers["ecr:DescribeImages"] = lambda _: {"imageDetails": [{"imageTags": ["3.2-0"]}]}
    aws.answers["athena:GetWorkGroup"] = missing
    aws.calls.clear()


def missing(asked: dict[str, Any]) -> dict[str, Any]:
    """Answers that there is no such thing, where the emulator would invent it."""
    raise LookupError(str(asked))
