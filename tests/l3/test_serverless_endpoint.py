"""Serverless inference: memory, concurrency, and no instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mla_constructs.errors import InvalidArgument

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


def config(parts: Parts) -> dict[str, Any]:
    (found,) = parts.template.find_resources("AWS::SageMaker::EndpointConfig").values()
    return dict(found["Properties"])


@pytest.fixture(scope="module")
def built(new_parts: type[Parts]) -> Parts:
    parts = new_parts()
    parts.serverless(memory_size_mb=3072, max_concurrency=20, provisioned_concurrency=2)
    return parts


def test_one_variant_without_an_instance(built: Parts) -> None:
    assert config(built)["ProductionVariants"] == [
        {
            "VariantName": "AllTraffic",
            "ModelName": built.resolve(built.model.name),
            "InitialVariantWeight": 1,
            "ServerlessConfig": {
                "MemorySizeInMB": 3072,
                "MaxConcurrency": 20,
                "ProvisionedConcurrency": 2,
            },
        }
    ]


def test_what_serverless_does_not_support_is_absent(built: Parts) -> None:
    assert not {"DataCaptureConfig", "AsyncInferenceConfig", "VpcConfig"} & set(config(built))


def test_nothing_is_kept_warm_without_provisioned_concurrency(parts: Parts) -> None:
    parts.serverless(provisioned_concurrency=None)
    (variant,) = config(parts)["ProductionVariants"]
    assert "ProvisionedConcurrency" not in variant["ServerlessConfig"]


def test_maximum_concurrency_is_known_to_what_scales_it(parts: Parts) -> None:
    assert parts.serverless(max_concurrency=7).max_concurrency == 7


SIZES = "choose one of 1024, 2048, 3072, 4096, 5120, 6144 MB."


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"memory_size_mb": 0}, f"memory_size_mb is 0 MB: {SIZES}"),
        ({"memory_size_mb": 1023}, f"memory_size_mb is 1023 MB: {SIZES}"),
        ({"memory_size_mb": 1536}, f"memory_size_mb is 1536 MB: {SIZES}"),
        ({"memory_size_mb": 7168}, f"memory_size_mb is 7168 MB: {SIZES}"),
        ({"max_concurrency": 0}, "max_concurrency is 0: choose a value from 1 to 200."),
        ({"max_concurrency": 201}, "max_concurrency is 201: choose a value from 1 to 200."),
        (
            {"provisioned_concurrency": 0},
            "provisioned_concurrency is 0: choose a value from 1 to 5.",
        ),
        (
            {"provisioned_concurrency": 6},
            "provisioned_concurrency is 6: choose a value from 1 to 5.",
        ),
    ],
)
def test_bad_value_raises_with_the_value_and_the_fix(
    changes: dict[str, Any], message: str, parts: Parts
) -> None:
    with pytest.raises(InvalidArgument) as raised:
        parts.serverless(**changes)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    "changes",
    [
        {"memory_size_mb": 1024},
        {"memory_size_mb": 2048},
        {"memory_size_mb": 3072},
        {"memory_size_mb": 4096},
        {"memory_size_mb": 5120},
        {"memory_size_mb": 6144},
        {"max_concurrency": 1},
        {"max_concurrency": 200},
        {"max_concurrency": 200, "provisioned_concurrency": 200},
    ],
    ids=str,
)
def test_edges_of_the_range_are_accepted(changes: dict[str, Any], parts: Parts) -> None:
    assert parts.serverless(**changes)
