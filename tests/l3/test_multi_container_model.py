"""Several containers on every instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from aws_cdk.aws_s3_assets import Asset

from mla_constructs.containers.built_image import BuiltImage
from mla_constructs.errors import InvalidArgument
from mla_constructs.inference.built_in_image import BuiltInImage
from mla_constructs.inference.multi_container_model import ModelContainer, MultiContainerModel
from runtime import containers

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


def model(parts: Parts, *hostnames: str, **changes: Any) -> MultiContainerModel:
    image = BuiltInImage(parts.stack)
    arguments: dict[str, Any] = {
        "containers": [ModelContainer(hostname=name, image=image) for name in hostnames],
        "mode": "Serial",
        "network_isolation": True,
    }
    return MultiContainerModel(parts.stack, "Model", **(arguments | changes))


@pytest.fixture(scope="module")
def built(new_parts: type[Parts]) -> Parts:
    """A built-in container, and one of one's own that is there twice."""
    parts = new_parts()
    own = BuiltImage(
        parts.stack,
        "Own",
        folder=containers.CONTEXT,
        dockerfile=containers.INFERENCE,
        key=parts.key,
        log_retention=logs.RetentionDays.ONE_MONTH,
        removal_policy=RemovalPolicy.DESTROY,
    )
    model(
        parts,
        mode="Direct",
        containers=[
            ModelContainer(hostname="first", image=own, environment={"SERVING_STEP": "preprocess"}),
            ModelContainer(
                hostname="second",
                image=BuiltInImage(parts.stack),
                artifact=Asset(parts.stack, "Artifact", path=__file__),
            ),
            ModelContainer(hostname="third", image=own),
        ],
    )
    return parts


def properties(built: Parts) -> dict[str, Any]:
    (found,) = built.template.find_resources("AWS::SageMaker::Model").values()
    return dict(found["Properties"])


def test_containers_stand_in_the_order_given_with_what_each_needs(built: Parts) -> None:
    first, second, third = properties(built)["Containers"]
    assert [c["ContainerHostname"] for c in (first, second, third)] == ["first", "second", "third"]
    assert first["Image"] == third["Image"] != second["Image"]
    assert first["Environment"] == {"SERVING_STEP": "preprocess"}
    assert "Environment" not in third
    assert second["ModelDataUrl"]["Fn::Sub"].endswith(".py")
    assert "ModelDataUrl" not in first


def test_mode_and_isolation_are_as_given(built: Parts) -> None:
    assert properties(built)["InferenceExecutionConfig"] == {"Mode": "Direct"}
    assert properties(built)["EnableNetworkIsolation"] is True
    assert "PrimaryContainer" not in properties(built)


def test_role_may_pull_each_image_and_read_the_one_artifact(built: Parts) -> None:
    (policy,) = (
        found["Properties"]["PolicyDocument"]["Statement"]
        for name, found in built.template.find_resources("AWS::IAM::Policy").items()
        if name.startswith("ModelRole")
    )
    (pulled,) = (found["Resource"] for found in policy if "ecr:BatchGetImage" in found["Action"])
    (repository,) = built.template.find_resources("AWS::ECR::Repository")
    assert len(pulled) == 2
    assert {"Fn::GetAtt": [repository, "Arn"]} in pulled
    assert len([found for found in policy if found["Action"] == "s3:GetObject"]) == 1


def test_sagemaker_may_pull_ones_own_image_for_this_account(built: Parts) -> None:
    (repository,) = built.template.find_resources("AWS::ECR::Repository").values()
    (statement,) = repository["Properties"]["RepositoryPolicyText"]["Statement"]
    assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert set(statement["Action"]) == {
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    }
    assert statement["Condition"] == {
        "StringEqualsIfExists": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    }


@pytest.mark.parametrize(
    ("hostnames", "message"),
    [
        ([], "There are 0 containers: give from 2 to 15; one alone is a HostedModel."),
        (["a"], "There are 1 containers: give from 2 to 15; one alone is a HostedModel."),
        ([f"c{n}" for n in range(16)], "There are 16 containers: give from 2 to 15; one alone"),
        (["a", "a"], "hostname 'a' is given to 2 containers: give each its own."),
        (["a", ""], "hostname is '': write up to 63 letters, digits and hyphens, like 'xgboost'."),
        (["a", "-b"], "hostname is '-b': write up to 63"),
        (["a", "b-"], "hostname is 'b-': write up to 63"),
        (["a", "b_c"], "hostname is 'b_c': write up to 63"),
        (["a", "b" * 64], f"hostname is '{'b' * 64}': write up to 63"),
    ],
)
def test_bad_containers_raise_with_the_value_and_the_fix(
    hostnames: list[str], message: str, parts: Parts
) -> None:
    with pytest.raises(InvalidArgument) as raised:
        model(parts, *hostnames)
    assert message in str(raised.value)


@pytest.mark.parametrize("count", [2, 15])
def test_edges_of_the_number_are_accepted(count: int, parts: Parts) -> None:
    assert model(parts, *("c" + "-" * 61 + chr(97 + n) for n in range(count)))
