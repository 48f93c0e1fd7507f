"""Asynchronous inference: a queue in front of instances, answers in S3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import aws_sns as sns

from mla_constructs.errors import InvalidArgument

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


@pytest.fixture(scope="module")
def built(new_parts: type[Parts]) -> Parts:
    parts = new_parts()
    parts.asynchronous(error_topic=sns.Topic(parts.stack, "Failed"))
    return parts


def config(parts: Parts) -> dict[str, Any]:
    (found,) = parts.template.find_resources("AWS::SageMaker::EndpointConfig").values()
    return dict(found["Properties"])


def test_answers_go_to_s3_and_topics_are_told(built: Parts) -> None:
    bucket = built.resolve(built.bucket.bucket_name)
    success = built.resolve(built.topic.topic_arn)
    output = config(built)["AsyncInferenceConfig"]["OutputConfig"]
    failed = output["NotificationConfig"].pop("ErrorTopic")
    assert output == {
        "S3OutputPath": {"Fn::Join": ["", ["s3://", bucket, "/output"]]},
        "S3FailurePath": {"Fn::Join": ["", ["s3://", bucket, "/failure"]]},
        "KmsKeyId": built.resolve(built.key.key_arn),
        "NotificationConfig": {"SuccessTopic": success},
    }
    assert failed["Ref"].startswith("Failed")


def test_instances_take_a_bounded_number_from_the_queue(built: Parts) -> None:
    assert config(built)["AsyncInferenceConfig"]["ClientConfig"] == {
        "MaxConcurrentInvocationsPerInstance": 4
    }


def test_variant_has_instances_and_no_routing(built: Parts) -> None:
    (variant,) = config(built)["ProductionVariants"]
    assert (variant["InstanceType"], variant["InitialInstanceCount"]) == ("ml.m5.large", 1)
    assert variant["ModelDataDownloadTimeoutInSeconds"] == 120
    assert variant["ContainerStartupHealthCheckTimeoutInSeconds"] == 90
    assert "RoutingConfig" not in variant


def test_queue_metric_belongs_to_the_endpoint_and_not_to_a_variant(parts: Parts) -> None:
    endpoint = parts.asynchronous()
    metric = endpoint.metric_queue("ApproximateBacklogSize", statistic="Average")
    assert metric.dimensions == {"EndpointName": endpoint.name}
    assert (metric.namespace, metric.metric_name, metric.statistic) == (
        "AWS/SageMaker",
        "ApproximateBacklogSize",
        "Average",
    )
    assert metric.period.to_seconds() == 60


@pytest.mark.parametrize("value", [0, 1001])
def test_bad_concurrency_raises_with_the_value_and_the_fix(value: int, parts: Parts) -> None:
    with pytest.raises(InvalidArgument) as raised:
        parts.asynchronous(max_concurrent_invocations_per_instance=value)
    assert str(raised.value) == (
        f"max_concurrent_invocations_per_instance is {value}: choose a value from 1 to 1000."
    )


@pytest.mark.parametrize("value", [1, 1000])
def test_edges_of_the_concurrency_are_accepted(value: int, parts: Parts) -> None:
    assert parts.asynchronous(max_concurrent_invocations_per_instance=value)


def test_bad_instance_count_raises(parts: Parts) -> None:
    """Scaling may go down to 0, the creation may not."""
    with pytest.raises(InvalidArgument, match="initial_instance_count is 0: choose a value from 1"):
        parts.asynchronous(initial_instance_count=0)
