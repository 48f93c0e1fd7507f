"""What a template needs of quotas at most, and what it costs at least."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from catalogue.model import Confidence
from catalogue.prices import ALARM_METRIC, HOURS, PRICES, WARM_ARM_GB, WARM_GB, hosting
from catalogue.template import Template
from sandbox.preflight.charges import (
    BY_USE,
    COUNTED,
    FREE,
    UNPRICED,
    by_use,
    charges,
    not_estimated,
)
from sandbox.preflight.cost import Estimate, Line, cost
from sandbox.preflight.findings import State
from sandbox.preflight.needs import needs
from tests.sandbox.furnished import price, product, subject, template
from tests.support.emulated_aws import EmulatedAws

SCALED = "AWS::ApplicationAutoScaling::ScalableTarget"


def needed(of: Template) -> dict[str, int]:
    return {need.label: need.amount for need in needs(of)}


def charged(of: Template) -> dict[str, float]:
    return {charge.item: charge.quantity for charge in charges(of)}


def endpoint(*variants: dict[str, Any], shadow: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    given = [{"VariantName": "A", **variant} for variant in variants]
    config = {"ProductionVariants": given, "ShadowProductionVariants": list(shadow)}
    return {
        "Config": {"Type": "AWS::SageMaker::EndpointConfig", "Properties": config},
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {"EndpointConfigName": {"Ref": "Config"}},
        },
    }


def scaled(resource: str, minimum: int, maximum: int) -> dict[str, Any]:
    bounds = {"MinCapacity": minimum, "MaxCapacity": maximum, "ResourceId": resource}
    return {"Target": {"Type": SCALED, "Properties": bounds}}


M5 = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 2}


def test_a_fixed_fleet_is_needed_and_paid_as_it_is() -> None:
    fixed = template(**endpoint(M5))
    assert needed(fixed)["ml.m5.large for endpoint usage"] == 2
    assert charged(fixed) == {"ml.m5.large behind an endpoint": 2}


def test_a_scaled_fleet_is_needed_at_its_most_and_paid_at_its_least() -> None:
    of = template(**endpoint(M5), **scaled("endpoint/<Endpoint.EndpointName>/variant/A", 0, 6))
    assert needed(of) == {
        "ml.m5.large for endpoint usage": 6,
        "instances per endpoint": 6,
        "instances of all endpoints": 6,
    }
    assert charged(of) == {"ml.m5.large behind an endpoint": 0}


def test_scaling_of_another_variant_changes_nothing() -> None:
    of = template(**endpoint(M5), **scaled("endpoint/<Endpoint.EndpointName>/variant/B", 0, 6))
    assert needed(of)["instances per endpoint"] == 2


def test_managed_instances_count_between_their_bounds() -> None:
    bounds = {"MinInstanceCount": 0, "MaxInstanceCount": 3}
    of = template(**endpoint({**M5, "ManagedInstanceScaling": bounds}))
    assert needed(of)["instances per endpoint"] == 3
    assert charged(of) == {"ml.m5.large behind an endpoint": 0}


def test_variants_and_shadows_add_up_by_type() -> None:
    arm = {"VariantName": "S", "InstanceType": "ml.c7g.large", "InitialInstanceCount": 1}
    of = template(**endpoint(M5, {**M5, "VariantName": "B"}, shadow=(arm,)))
    assert needed(of) == {
        "ml.m5.large for endpoint usage": 4,
        "ml.c7g.large for endpoint usage": 1,
        "instances per endpoint": 5,
        "instances of all endpoints": 5,
    }


def test_serverless_needs_concurrency_and_no_instance() -> None:
    config = {"MaxConcurrency": 5, "MemorySizeInMB": 2048, "ProvisionedConcurrency": 1}
    of = template(**endpoint({"ServerlessConfig": config}))
    assert needed(of) == {"serverless endpoints": 1, "serverless concurrency": 5}
    assert charged(of) == {}
    assert ("serverless endpoint", "duration and data of requests") in by_use(of)
    assert not_estimated(of) == [
        ("provisioned concurrency of a serverless endpoint", "1 of 2048 MB, kept warm")
    ]


def machine(*states: dict[str, Any]) -> dict[str, Any]:
    definition = {"States": {str(number): state for number, state in enumerate(states)}}
    properties = {"DefinitionString": definition}
    return {"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}


def test_jobs_need_the_largest_of_their_kind() -> None:
    def resources(count: int) -> dict[str, Any]:
        return {"InstanceType": "ml.m5.large", "InstanceCount": count}

    of = template(
        **machine(
            {"Arguments": {"ProcessingResources": {"ClusterConfig": resources(1)}}},
            {"Arguments": {"ProcessingResources": {"ClusterConfig": resources(3)}}},
            {"Arguments": {"ResourceConfig": resources(2)}},
            {"Arguments": {"ResourceConfig": resources(5), "EnableManagedSpotTraining": True}},
            {"Arguments": {"TransformResources": resources(4)}},
        )
    )
    assert needed(of) == {
        "ml.m5.large for processing job usage": 3,
        "instances of all processing jobs": 3,
        "ml.m5.large for training job usage": 2,
        "instances of all training jobs": 2,
        "ml.m5.large for spot training job usage": 5,
        "instances of all spot training jobs": 5,
        "ml.m5.large for transform job usage": 4,
        "instances of all transform jobs": 4,
    }
    assert charged(of) == {}
    assert ("transform job", "time of its ml.m5.large") in by_use(of)


def function(arm: bool) -> dict[str, Any]:
    architecture = ["arm64" if arm else "x86_64"]
    warm = {"ProvisionedConcurrentExecutions": 2}
    return {
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Architectures": architecture,
                "MemorySize": 2048,
                "ReservedConcurrentExecutions": 3,
            },
        },
        "Alias": {
            "Type": "AWS::Lambda::Alias",
            "Properties": {
                "FunctionName": {"Ref": "Function"},
                "ProvisionedConcurrencyConfig": warm,
            },
        },
    }


@pytest.mark.parametrize(("arm", "usage"), [(True, WARM_ARM_GB), (False, WARM_GB)])
def test_warm_functions_are_needed_and_paid_by_memory(arm: bool, usage: object) -> None:
    of = template(**function(arm), **scaled("function:<Alias>:live", 1, 8))
    assert needed(of) == {"Lambda concurrency": 11}
    (charge,) = charges(of)
    assert (charge.quantity, charge.usage) == (2, usage)


@pytest.mark.parametrize("processor", ["X86_64", "ARM64"])
def test_fargate_tasks_are_vcpus_and_memory(processor: str) -> None:
    of = template(
        Task={
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {
                "Cpu": "512",
                "Memory": "1024",
                "RuntimePlatform": {"CpuArchitecture": processor},
            },
        },
        Service={
            "Type": "AWS::ECS::Service",
            "Properties": {"LaunchType": "FARGATE", "TaskDefinition": {"Ref": "Task"}},
        },
        **scaled("service/<Cluster>/<Service.Name>", 2, 9),
    )
    assert needed(of) == {"Fargate vCPUs": 5}
    if processor == "ARM64":
        assert charged(of) == {}
        assert ("Fargate tasks", "on Graviton") in not_estimated(of)
    else:
        assert charged(of) == {"Fargate vCPU": 1, "Fargate GB": 2}


def test_pods_need_what_they_request_at_most() -> None:
    container = {"resources": {"requests": {"cpu": "500m"}}}
    deployment = {
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [container, container]}}},
    }
    bounds = {"scaleTargetRef": {"name": "web"}, "minReplicas": 2, "maxReplicas": 7}
    manifest = [deployment, {"kind": "HorizontalPodAutoscaler", "spec": bounds}]
    of = template(
        Pods={"Type": "Custom::AWSCDK-EKS-KubernetesResource", "Properties": {"Manifest": manifest}}
    )
    assert needed(of) == {"EC2 vCPUs": 7}


def test_network_is_counted_and_gateways_are_by_zone() -> None:
    kinds = ["EIP", "EIP", "InternetGateway", "NatGateway", "NatGateway", "VPC"]
    of = template(**{f"R{i}": {"Type": f"AWS::EC2::{kind}"} for i, kind in enumerate(kinds)})
    assert needed(of) == {
        "Elastic IP addresses": 2,
        "internet gateways": 1,
        "NAT gateways per zone": 1,
        "VPCs": 1,
    }
    assert charged(of) == {"NAT gateway": 2}


def test_alarms_are_paid_by_the_metric_and_endpoints_by_the_zone() -> None:
    metrics = [{"MetricStat": {}}, {"MetricStat": {}}, {"Expression": "a + b"}]
    interface = {"VpcEndpointType": "Interface", "SubnetIds": ["a", "b"]}
    of = template(
        Simple={"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "a"}},
        Math={"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": metrics}},
        Gateway={"Type": "AWS::EC2::VPCEndpoint", "Properties": {"VpcEndpointType": "Gateway"}},
        Interface={"Type": "AWS::EC2::VPCEndpoint", "Properties": interface},
        Acl={"Type": "AWS::WAFv2::WebACL", "Properties": {"Rules": [{}, {}, {}]}},
    )
    assert charged(of) == {
        "web ACL": 1,
        "web ACL rule": 3,
        "interface endpoint and zone": 2,
        "metric of an alarm": 3,
    }


def test_what_is_of_an_unknown_kind_is_said_and_never_free() -> None:
    of = template(Index={"Type": "AWS::Kendra::Index", "Properties": {}})
    assert charged(of) == {}
    assert not_estimated(of) == [("Kendra Index", "of an unknown kind of charge")]


def test_every_resource_type_of_the_catalogue_has_its_kind_of_charge(
    templates: Mapping[str, Template],
) -> None:
    used = {kind for of in templates.values() for kind in of.type_counts()}
    known = BY_USE.keys() | UNPRICED.keys() | FREE | COUNTED
    assert {kind for kind in used if kind.startswith("AWS::")} <= known


def test_no_resource_type_has_two_kinds_of_charge() -> None:
    kinds = [set(BY_USE), set(UNPRICED), FREE, COUNTED]
    assert sum(map(len, kinds)) == len(set().union(*kinds))


def test_a_price_that_aws_did_not_state_says_so() -> None:
    assert {price.source.confidence for price in PRICES.values()} == {Confidence.SECOND_HAND}
    assert all(price.usd > 0 for price in PRICES.values())


def test_hours_and_months_are_the_same_money() -> None:
    instance, alarm = charges(template(**endpoint(M5)))[0], PRICES[ALARM_METRIC]
    line = Line(instance, PRICES[hosting("ml.m5.large")])
    assert line.monthly == pytest.approx(2 * 0.115 * HOURS)
    assert line.hourly == pytest.approx(0.23)
    (metric,) = charges(template(A={"Type": "AWS::CloudWatch::Alarm", "Properties": {}}))
    assert Line(metric, alarm).monthly == pytest.approx(0.10)
    assert Line(metric, alarm).hourly == pytest.approx(0.10 / HOURS)


def priced(of: Template, region: str = "us-east-1") -> tuple[dict[str, Line], Any]:
    estimate = Estimate()
    (finding,) = cost(subject(of, region=region), estimate)
    assert estimate.monthly == pytest.approx(sum(line.monthly for line in estimate.lines))
    assert estimate.hourly * HOURS == pytest.approx(estimate.monthly)
    return {line.charge.item: line for line in estimate.lines}, finding


def test_the_price_list_comes_before_the_table(aws: EmulatedAws) -> None:
    price(
        aws,
        product("AmazonSageMaker", "EU-Host:ml.m5.large", 0.128, "eu-west-1"),
        product("AmazonSageMaker", "EU-Host:ml.m5.large.elsewhere", 7.0, "eu-west-1"),
        product("AmazonSageMaker", "USE1-Host:ml.m5.large", 9.0),
        product("AmazonEC2", "EU-NatGateway-Hours", 0.048, "eu-west-1"),
    )
    gateway = {"Gateway": {"Type": "AWS::EC2::NatGateway"}, "Key": {"Type": "AWS::KMS::Key"}}
    lines, finding = priced(template(**endpoint(M5), **gateway), "eu-west-1")
    instance = lines["ml.m5.large behind an endpoint"]
    assert (instance.price.usd, instance.price.region) == (0.128, "eu-west-1")
    assert instance.price.source.confidence is Confidence.DOCUMENTED
    assert lines["NAT gateway"].monthly == pytest.approx(0.048 * HOURS)
    key = lines["KMS key"].price
    assert (key.usd, key.region) == (1.0, "us-east-1")
    assert finding.state is State.OK
    assert finding.text.startswith("2 of 3 from the Price List of eu-west-1")


def test_several_prices_of_one_usage_are_no_answer(aws: EmulatedAws) -> None:
    price(
        aws,
        product("AmazonSageMaker", "USE1-Host:ml.m5.large", 1.0),
        product("AmazonSageMaker", "Host:ml.m5.large", 2.0),
    )
    lines, _ = priced(template(**endpoint(M5)))
    assert lines["ml.m5.large behind an endpoint"].price == PRICES[hosting("ml.m5.large")]


def test_a_type_without_any_price_is_in_no_sum(aws: EmulatedAws) -> None:
    price(aws)
    graviton = {"InstanceType": "ml.c7g.large", "InitialInstanceCount": 1}
    estimate = Estimate()
    list(cost(subject(template(**endpoint(graviton))), estimate))
    assert estimate.lines == []
    assert estimate.unpriced == [("ml.c7g.large behind an endpoint", "1, at no known price")]


def test_a_price_list_that_is_closed_leaves_the_table(aws: EmulatedAws) -> None:
    aws.fail("pricing:GetProducts", "AccessDeniedException")
    lines, finding = priced(template(**endpoint(M5)), "eu-west-1")
    line = lines["ml.m5.large behind an endpoint"]
    assert line.price == PRICES[hosting("ml.m5.large")]
    assert finding.state is State.UNSEEN
    assert "prices are those of us-east-1, from a table" in finding.text
    assert finding.fix.startswith("Allow pricing:GetProducts;")
