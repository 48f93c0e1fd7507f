"""What the endpoints of all inference options have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk.assertions import Match

from mla_constructs.errors import InvalidArgument
from mla_constructs.inference.endpoint import Endpoint

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


@pytest.fixture(scope="module")
def built(new_parts: type[Parts]) -> Parts:
    parts = new_parts()
    parts.realtime()
    return parts


def logical_id(built: Parts, type_: str, **properties: Any) -> str:
    (found,) = built.template.find_resources(type_, properties)
    return str(found)


def properties(built: Parts, type_: str) -> dict[str, Any]:
    (resource,) = built.template.find_resources(type_).values()
    return dict(resource["Properties"])


def test_endpoint_is_named_after_the_stack(built: Parts) -> None:
    built.template.has_resource_properties(
        "AWS::SageMaker::Endpoint", {"EndpointName": {"Ref": "AWS::StackName"}}
    )


def test_configuration_and_model_have_generated_names(built: Parts) -> None:
    """A fixed name cannot be replaced: the new one has to exist beside the old one."""
    assert "EndpointConfigName" not in properties(built, "AWS::SageMaker::EndpointConfig")
    assert "ModelName" not in properties(built, "AWS::SageMaker::Model")


def test_endpoint_uses_the_configuration_by_reference(built: Parts) -> None:
    config = logical_id(built, "AWS::SageMaker::EndpointConfig")
    assert properties(built, "AWS::SageMaker::Endpoint")["EndpointConfigName"] == {
        "Fn::GetAtt": [config, "EndpointConfigName"]
    }


def test_update_keeps_the_capacity_that_scaling_has_reached(built: Parts) -> None:
    built.template.has_resource_properties(
        "AWS::SageMaker::Endpoint", {"RetainAllVariantProperties": True}
    )


def test_endpoint_is_created_after_what_its_container_needs(built: Parts) -> None:
    needed = [
        logical_id(built, "AWS::Logs::LogGroup"),
        logical_id(built, "AWS::IAM::Policy"),
    ]
    (endpoint,) = built.template.find_resources("AWS::SageMaker::Endpoint").values()
    assert set(needed) <= set(endpoint["DependsOn"])


def test_log_group_is_the_one_that_sagemaker_writes_to(built: Parts) -> None:
    built.template.has_resource(
        "AWS::Logs::LogGroup",
        {
            "Properties": {
                "LogGroupName": {
                    "Fn::Join": ["", ["/aws/sagemaker/Endpoints/", {"Ref": "AWS::StackName"}]]
                },
                "KmsKeyId": built.resolve(built.key.key_arn),
                "RetentionInDays": 30,
            },
            "DeletionPolicy": "Delete",
        },
    )


def test_volumes_are_encrypted_with_the_key(built: Parts) -> None:
    assert properties(built, "AWS::SageMaker::EndpointConfig")["KmsKeyId"] == built.resolve(
        built.key.key_arn
    )


@pytest.mark.parametrize(
    ("actions", "condition"),
    [
        (
            "cloudwatch:PutMetricData",
            {"StringEquals": {"cloudwatch:namespace": "/aws/sagemaker/Endpoints"}},
        ),
        ("kms:CreateGrant", {"Bool": {"kms:GrantIsForAWSResource": "true"}}),
    ],
)
def test_role_may_publish_metrics_and_have_volumes_attached(
    actions: str, condition: dict[str, Any], built: Parts
) -> None:
    statement = Match.object_like({"Action": actions, "Condition": condition, "Effect": "Allow"})
    built.template.has_resource_properties(
        "AWS::IAM::Policy", {"PolicyDocument": {"Statement": Match.array_with([statement])}}
    )


def test_role_may_write_into_the_endpoints_log_group(built: Parts) -> None:
    log_group = logical_id(built, "AWS::Logs::LogGroup")
    statement = Match.object_like(
        {
            "Action": Match.array_with(["logs:PutLogEvents"]),
            "Resource": {"Fn::GetAtt": [log_group, "Arn"]},
        }
    )
    built.template.has_resource_properties(
        "AWS::IAM::Policy", {"PolicyDocument": {"Statement": Match.array_with([statement])}}
    )


def test_name_makes_its_user_depend_on_the_endpoint(parts: Parts) -> None:
    endpoint = parts.realtime()
    assert list(parts.resolve(endpoint.name)) == ["Fn::GetAtt"]


@pytest.fixture
def endpoint(parts: Parts) -> Endpoint:
    return parts.realtime()


def test_invocation_metric_is_one_of_the_variant_per_minute(endpoint: Endpoint) -> None:
    metric = endpoint.metric("ModelLatency", statistic="p99", unit=cloudwatch.Unit.MICROSECONDS)
    assert (metric.namespace, metric.metric_name, metric.statistic) == (
        "AWS/SageMaker",
        "ModelLatency",
        "p99",
    )
    assert metric.dimensions == {"EndpointName": endpoint.name, "VariantName": "AllTraffic"}
    assert metric.period.to_seconds() == 60
    assert metric.unit is cloudwatch.Unit.MICROSECONDS


def test_utilization_metric_has_the_instances_namespace_and_unit(endpoint: Endpoint) -> None:
    metric = endpoint.metric_instance("CPUUtilization", statistic="Average")
    assert metric.namespace == "/aws/sagemaker/Endpoints"
    assert metric.dimensions == {"EndpointName": endpoint.name, "VariantName": "AllTraffic"}
    assert metric.period.to_seconds() == 60
    assert metric.unit is cloudwatch.Unit.PERCENT


def test_container_metric_is_the_variants_with_the_containers_name(endpoint: Endpoint) -> None:
    metric = endpoint.metric_container("onnx", "ContainerLatency", statistic="Maximum")
    assert (metric.namespace, metric.metric_name) == ("AWS/SageMaker", "ContainerLatency")
    assert metric.dimensions == {
        "EndpointName": endpoint.name,
        "VariantName": "AllTraffic",
        "ContainerName": "onnx",
    }


def test_arn_is_the_one_that_sagemaker_gives(built: Parts, parts: Parts) -> None:
    assert parts.resolve(parts.realtime().arn) == {
        "Ref": logical_id(built, "AWS::SageMaker::Endpoint")
    }


def variant(**changes: Any) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
    arguments: dict[str, Any] = {"variant_name": "AllTraffic", "instance_type": "ml.m5.large"}
    return sagemaker.CfnEndpointConfig.ProductionVariantProperty(**(arguments | changes))


SCALED = sagemaker.CfnEndpointConfig.ManagedInstanceScalingProperty(
    status="ENABLED", min_instance_count=1, max_instance_count=2
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"model_name": "model", "managed_instance_scaling": SCALED},
            "Variant 'AllTraffic' names a model and has managed instance scaling: SageMaker scales "
            "instances for inference components only, leave one of the two out.",
        ),
        (
            {"managed_instance_scaling": SCALED},
            "Variant 'AllTraffic' names no model and execution_role is None: inference components "
            "run under the endpoint's role, give it one.",
        ),
    ],
)
def test_variant_that_sagemaker_rejects_raises(
    changes: dict[str, Any], message: str, parts: Parts
) -> None:
    with pytest.raises(InvalidArgument) as raised:
        Endpoint(
            parts.stack,
            "Endpoint",
            variants=[variant(**changes)],
            roles=[],
            key=parts.key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
    assert str(raised.value) == message
