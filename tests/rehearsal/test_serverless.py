"""Serverless variants: environments that come and go, limits, provisioned concurrency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from rehearsal.account import REGION, EmulatedAccount
from tests.rehearsal.hosting import (
    ANSWERS,
    BUCKET,
    IMAGE,
    ROWS,
    Hosting,
    archive,
    code,
    hosted,
    until,
    variant,
)

BODY = "\n".join(ROWS * 200)
"""Keeps an environment busy for a moment."""


@pytest.fixture(scope="module")
def hosting(account: EmulatedAccount) -> Iterator[Hosting]:
    yield from hosted(account)


@pytest.fixture(scope="module")
def hasty(account: EmulatedAccount) -> Any:
    """A client that does not try again."""
    return boto3.client(
        "sagemaker-runtime",
        endpoint_url=account.url,
        region_name=REGION,
        aws_access_key_id="123456789012",
        aws_secret_access_key="rehearsal",  # noqa: S106
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=20),
    )


def serverless(model: str, **config: int) -> dict[str, Any]:
    """Returns a serverless variant."""
    return {
        "VariantName": "AllTraffic",
        "ModelName": model,
        "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 3, **config},
    }


def cold_starts(hosting: Hosting, endpoint: str) -> int:
    names = {"EndpointName": endpoint, "VariantName": "AllTraffic"}
    return int(sum(hosting.statistics("AWS/SageMaker", "ModelSetupTime", "SampleCount", **names)))


def at_once(client: Any, endpoint: str, number: int) -> Counter[str]:
    def send(_: int) -> str:
        try:
            client.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=BODY)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "ok"

    with ThreadPoolExecutor(number) as senders:
        return Counter(senders.map(send, range(number)))


def test_the_first_request_is_cold_the_second_warm(hosting: Hosting) -> None:
    name = hosting.endpoint(hosting.config(serverless(hosting.model())))
    described = hosting.describe(name)["ProductionVariants"][0]
    assert described["CurrentServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 3}
    assert "CurrentInstanceCount" not in described
    assert cold_starts(hosting, name) == 0
    for _ in range(2):
        assert float(hosting.invoke(name)["Body"]) == pytest.approx(ANSWERS[0])
        assert cold_starts(hosting, name) == 1
    mine = {"EndpointName": name, "VariantName": "AllTraffic"}
    (setup,) = hosting.statistics("AWS/SageMaker", "ModelSetupTime", "Maximum", **mine)
    overhead = max(hosting.statistics("AWS/SageMaker", "OverheadLatency", "Maximum", **mine))
    quickest = min(hosting.statistics("AWS/SageMaker", "OverheadLatency", "Minimum", **mine))
    assert overhead >= setup * 0.99 > 100_000 > quickest
    hosting.account.advance(60)
    memory = hosting.statistics("/aws/sagemaker/Endpoints", "MemoryUtilization", "Average", **mine)
    assert 0 < max(memory) < 100
    assert not hosting.statistics("/aws/sagemaker/Endpoints", "CPUUtilization", "Average", **mine)
    hosting.account.advance(5 * 60)
    hosting.invoke(name)
    assert cold_starts(hosting, name) == 2


def test_requests_beyond_the_maximum_are_throttled(hosting: Hosting, hasty: Any) -> None:
    name = hosting.endpoint(hosting.config(serverless(hosting.model())))
    assert at_once(hasty, name, 9) == {"ok": 3, "ThrottlingException": 6}
    with ThreadPoolExecutor(9) as senders:
        refused = [
            each.exception()
            for each in [
                senders.submit(
                    hasty.invoke_endpoint, EndpointName=name, ContentType="text/csv", Body=BODY
                )
                for _ in range(9)
            ]
        ]
    response = next(error.response for error in refused if isinstance(error, ClientError))
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["Error"]["Message"] is None


def test_provisioned_concurrency_is_warm_and_the_rest_spills_over(
    hosting: Hosting, hasty: Any
) -> None:
    config = hosting.config(serverless(hosting.model(), ProvisionedConcurrency=2))
    name = hosting.endpoint(config)
    mine = {"EndpointName": name, "VariantName": "AllTraffic"}
    prefix = "ServerlessProvisionedConcurrency"
    hosting.invoke(name)
    assert cold_starts(hosting, name) == 0
    assert hosting.statistics("AWS/SageMaker", f"{prefix}Utilization", "Maximum", **mine) == [0.5]
    assert at_once(hasty, name, 3) == {"ok": 3}
    assert cold_starts(hosting, name) == 1
    spilled = hosting.statistics("AWS/SageMaker", f"{prefix}SpilloverInvocations", "Sum", **mine)
    assert sum(spilled) == 1
    used = hosting.statistics("AWS/SageMaker", f"{prefix}Utilization", "Maximum", **mine)
    assert max(used) == 1
    share = "ServerlessConcurrentExecutionsUtilization"
    assert max(hosting.statistics("AWS/SageMaker", share, "Maximum", **mine)) == 1


def test_provisioned_concurrency_changes(hosting: Hosting) -> None:
    name = hosting.endpoint(hosting.config(serverless(hosting.model(), ProvisionedConcurrency=1)))

    def change(**desired: Any) -> dict[str, Any]:
        hosting.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=name,
            DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", **desired}],
        )
        seen: dict[str, Any] = hosting.settled(name)["ProductionVariants"][0]
        return seen

    changed = change(ServerlessUpdateConfig={"MaxConcurrency": 5, "ProvisionedConcurrency": 3})
    expected = {"MemorySizeInMB": 2048, "MaxConcurrency": 5, "ProvisionedConcurrency": 3}
    assert changed["CurrentServerlessConfig"] == changed["DesiredServerlessConfig"] == expected
    for refused in (
        {"DesiredInstanceCount": 2},
        {"ServerlessUpdateConfig": {"ProvisionedConcurrency": 6}},
    ):
        with pytest.raises(ClientError) as error:
            change(**refused)
        assert code(error)[0] == "ValidationException"


def test_limits_of_a_request(hosting: Hosting) -> None:
    name = hosting.endpoint(hosting.config(serverless(hosting.model())))
    with pytest.raises(ClientError) as refused:
        hosting.invoke(name, "1," * 2_200_000)
    assert code(refused)[0] == "413"


@pytest.mark.parametrize(
    ("config", "settings", "reason"),
    [
        ({"MemorySizeInMB": 1500}, {}, "steps of 1024 MB"),
        ({"ProvisionedConcurrency": 4}, {}, "exceeds MaxConcurrency"),
        (
            {},
            {
                "DataCaptureConfig": {
                    "InitialSamplingPercentage": 100,
                    "DestinationS3Uri": f"s3://{BUCKET}/capture",
                    "CaptureOptions": [{"CaptureMode": "Input"}],
                }
            },
            "data capture",
        ),
        (
            {},
            {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/out"}}},
            "asynchronous inference",
        ),
    ],
)
def test_what_serverless_inference_does_not_support(
    hosting: Hosting, config: dict[str, int], settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ClientError) as refused:
        hosting.config(serverless(hosting.model(), **config), **settings)
    assert code(refused)[0] == "ValidationException"
    assert reason in code(refused)[1]


def test_a_model_in_isolation_is_not_serverless(hosting: Hosting) -> None:
    name = hosting.name("model")
    hosting.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=hosting.role(),
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": hosting.upload(archive(a=b"1"))},
        EnableNetworkIsolation=True,
    )
    with pytest.raises(ClientError) as refused:
        hosting.config(serverless(name))
    assert "network isolation" in code(refused)[1]


def test_an_endpoint_with_instances_does_not_become_serverless(hosting: Hosting) -> None:
    model = hosting.model()
    name = hosting.endpoint(hosting.config(variant(model)))
    with pytest.raises(ClientError) as refused:
        hosting.sagemaker.update_endpoint(
            EndpointName=name, EndpointConfigName=hosting.config(serverless(model))
        )
    assert code(refused)[0] == "ValidationException"


def test_a_model_that_does_not_start_fails_the_endpoint(hosting: Hosting) -> None:
    model = hosting.model(archive(model=b"no model"))
    name = hosting.name("Endpoint")
    hosting.sagemaker.create_endpoint(
        EndpointName=name, EndpointConfigName=hosting.config(serverless(model))
    )
    described = until(
        lambda: hosting.describe(name), lambda seen: seen["EndpointStatus"] != "Creating"
    )
    assert described["EndpointStatus"] == "Failed"
    hosting.sagemaker.delete_endpoint(EndpointName=name)
