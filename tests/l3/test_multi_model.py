"""A prefix full of models behind one container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration, RemovalPolicy
from aws_cdk.assertions import Match

from mla_constructs.errors import InvalidArgument
from mla_constructs.inference.built_in_image import BuiltInImage
from mla_constructs.inference.multi_model import MultiModel
from mla_constructs.storage.buckets import AccessLogBucket, DataBucket

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


def multi_model(parts: Parts, **changes: Any) -> MultiModel:
    bucket = DataBucket(
        parts.stack,
        "Models",
        key=parts.key,
        access_logs=AccessLogBucket(parts.stack, "Logs", removal_policy=RemovalPolicy.DESTROY),
        removal_policy=RemovalPolicy.DESTROY,
        expire_after=Duration.days(30),
    )
    arguments: dict[str, Any] = {
        "image": BuiltInImage(parts.stack),
        "bucket": bucket,
        "prefix": "tenants",
        "model_cache": "Enabled",
        "network_isolation": True,
    }
    return MultiModel(parts.stack, "Model", **(arguments | changes))


@pytest.fixture(scope="module")
def built(new_parts: type[Parts]) -> Parts:
    parts = new_parts()
    multi_model(parts)
    return parts


def policy(built: Parts) -> tuple[str, dict[str, Any]]:
    ((name, found),) = (
        item
        for item in built.template.find_resources("AWS::IAM::Policy").items()
        if item[0].startswith("ModelRole")
    )
    return name, dict(found)


def statements(built: Parts) -> list[dict[str, Any]]:
    return list(policy(built)[1]["Properties"]["PolicyDocument"]["Statement"])


def test_container_is_told_that_the_address_is_a_prefix(built: Parts) -> None:
    (model,) = built.template.find_resources("AWS::SageMaker::Model").values()
    container = model["Properties"]["PrimaryContainer"]
    assert container["Mode"] == "MultiModel"
    assert container["MultiModelConfig"] == {"ModelCacheSetting": "Enabled"}
    assert container["ModelDataUrl"]["Fn::Join"][1][-1] == "/tenants/"
    assert model["Properties"]["EnableNetworkIsolation"] is True


def test_role_reads_below_the_prefix_and_lists_it_and_no_more(built: Parts) -> None:
    in_s3 = [found for found in statements(built) if "s3:" in str(found["Action"])]
    assert [found["Action"] for found in in_s3] == ["s3:GetObject", "s3:ListBucket"]
    reading, listing = in_s3
    assert reading["Resource"]["Fn::Join"][1][-1] == "/tenants/*"
    assert listing["Condition"] == {"StringLike": {"s3:prefix": "tenants/*"}}


def test_role_decrypts_through_s3_alone(built: Parts) -> None:
    (decrypting,) = (found for found in statements(built) if found["Action"] == "kms:Decrypt")
    (via,) = decrypting["Condition"]["StringEquals"].values()
    assert via["Fn::Join"][1][0] == "s3."


def test_model_is_created_after_its_roles_policy(built: Parts) -> None:
    name, _ = policy(built)
    built.template.has_resource("AWS::SageMaker::Model", {"DependsOn": Match.array_with([name])})


def test_cache_can_be_switched_off(parts: Parts) -> None:
    multi_model(parts, model_cache="Disabled")
    (model,) = parts.template.find_resources("AWS::SageMaker::Model").values()
    assert model["Properties"]["PrimaryContainer"]["MultiModelConfig"] == {
        "ModelCacheSetting": "Disabled"
    }


@pytest.mark.parametrize("prefix", ["", "/tenants", "tenants/", "/"])
def test_bad_prefix_raises_with_the_value_and_the_fix(prefix: str, parts: Parts) -> None:
    with pytest.raises(InvalidArgument) as raised:
        multi_model(parts, prefix=prefix)
    assert str(raised.value) == (
        f"prefix is {prefix!r}: name a folder of the bucket without slashes around it, "
        "like 'tenants'."
    )
