"""Real-time inference: instances, routing and captured data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mla_constructs.errors import InvalidArgument
from mla_constructs.inference.realtime_endpoint import DataCapture

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


def config(parts: Parts) -> dict[str, Any]:
    (found,) = parts.template.find_resources("AWS::SageMaker::EndpointConfig").values()
    return dict(found["Properties"])


@pytest.fixture(scope="module")
def built(new_parts: type[Parts]) -> Parts:
    parts = new_parts()
    parts.realtime(data_capture=DataCapture(bucket=parts.bucket, prefix="capture", percentage=25))
    return parts


def test_one_variant_on_instances(built: Parts) -> None:
    assert config(built)["ProductionVariants"] == [
        {
            "VariantName": "AllTraffic",
            "ModelName": built.resolve(built.model.name),
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
            "InitialVariantWeight": 1,
            "ModelDataDownloadTimeoutInSeconds": 120,
            "ContainerStartupHealthCheckTimeoutInSeconds": 90,
            "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
        }
    ]


def test_answers_come_within_the_request(built: Parts) -> None:
    assert "AsyncInferenceConfig" not in config(built)


def test_requests_and_answers_are_captured_as_readable_csv(built: Parts) -> None:
    assert config(built)["DataCaptureConfig"] == {
        "EnableCapture": True,
        "InitialSamplingPercentage": 25,
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "DestinationS3Uri": {
            "Fn::Join": [
                "",
                ["s3://", built.resolve(built.bucket.bucket_name), "/capture"],
            ]
        },
        "KmsKeyId": built.resolve(built.key.key_arn),
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    }


def test_nothing_is_captured_unless_told_to(parts: Parts) -> None:
    parts.realtime(data_capture=None)
    assert "DataCaptureConfig" not in config(parts)


@pytest.mark.parametrize("percentage", [-1, 101])
def test_bad_percentage_raises_with_the_value_and_the_fix(percentage: int, parts: Parts) -> None:
    capture = DataCapture(bucket=parts.bucket, prefix="capture", percentage=percentage)
    with pytest.raises(InvalidArgument) as raised:
        parts.realtime(data_capture=capture)
    assert str(raised.value) == (
        f"DataCapture.percentage is {percentage} %: choose a value from 0 to 100 %."
    )


@pytest.mark.parametrize("percentage", [0, 100])
def test_edges_of_the_percentage_are_accepted(percentage: int, parts: Parts) -> None:
    assert parts.realtime(
        data_capture=DataCapture(bucket=parts.bucket, prefix="capture", percentage=percentage)
    )


def test_bad_instance_type_raises(parts: Parts) -> None:
    with pytest.raises(InvalidArgument, match=r"instance_type is 'm5\.large': .*'ml\.m5\.large'"):
        parts.realtime(instance_type="m5.large")
