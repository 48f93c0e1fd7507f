"""The reference to a built-in algorithm's container image."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from aws_cdk import App, CfnOutput, Environment, Stack
from aws_cdk.assertions import Template

from mla_constructs.errors import InvalidArgument
from mla_constructs.inference.built_in_image import MAPPING, TABLE, BuiltInImage


@pytest.fixture(scope="module")
def xgboost() -> dict[str, Any]:
    image: dict[str, Any] = json.loads(TABLE.read_text())["images"]["xgboost"]
    return image


def stack_in(region: str | None) -> Stack:
    env = Environment(account="123456789012", region=region) if region else None
    return Stack(App(), "Test", env=env)


def synthesized(stack: Stack, images: dict[str, BuiltInImage]) -> dict[str, Any]:
    for name, image in images.items():
        CfnOutput(stack, f"{name}Uri", value=image.uri)
        CfnOutput(stack, f"{name}Arn", value=image.repository_arn)
    return dict(Template.from_stack(stack).to_json())


def resolved(value: dict[str, Any], template: dict[str, Any], region: str) -> str:
    """Evaluates the template's value as CloudFormation does in a commercial region."""
    pseudo = {
        "AWS::Region": region,
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::Partition": "aws",
    }

    def text(part: str | dict[str, Any]) -> str:
        if isinstance(part, str):
            return part
        ((function, argument),) = part.items()
        if function == "Ref":
            return pseudo[argument]
        if function == "Fn::FindInMap":
            name, top, second = (text(key) for key in argument)
            return str(template["Mappings"][name][top][second])
        assert function == "Fn::Join", function
        return str(argument[0]).join(text(item) for item in argument[1])

    return text(value)


@pytest.mark.parametrize(
    ("region", "account"),
    [("us-east-1", "683313688378"), ("eu-central-1", "492215442770")],
)
def test_image_is_the_one_of_the_region_that_the_template_is_deployed_to(
    region: str, account: str, xgboost: dict[str, Any]
) -> None:
    stack = stack_in(None)
    template = synthesized(stack, {"Image": BuiltInImage(stack)})
    outputs = template["Outputs"]
    assert resolved(outputs["ImageUri"]["Value"], template, region) == (
        f"{account}.dkr.ecr.{region}.amazonaws.com/sagemaker-xgboost:{xgboost['tag']}"
    )
    assert resolved(outputs["ImageArn"]["Value"], template, region) == (
        f"arn:aws:ecr:{region}:{account}:repository/sagemaker-xgboost"
    )


def test_template_of_a_bound_stack_names_no_region_outside_the_mapping() -> None:
    stack = stack_in("eu-west-1")
    template = synthesized(stack, {"Image": BuiltInImage(stack)})
    assert "eu-west-1" not in json.dumps(template["Outputs"])
    assert resolved(template["Outputs"]["ImageUri"]["Value"], template, "eu-west-1").startswith(
        "141502667606.dkr.ecr.eu-west-1."
    )


def test_two_images_share_one_mapping_of_every_region(xgboost: dict[str, Any]) -> None:
    stack = stack_in(None)
    images = {"First": BuiltInImage(stack), "Second": BuiltInImage(stack)}
    template = synthesized(stack, images)
    assert template["Mappings"] == {
        MAPPING: {region: {"xgboost": account} for region, account in xgboost["accounts"].items()}
    }
    assert template["Outputs"]["FirstUri"] == template["Outputs"]["SecondUri"]


def test_two_stacks_of_an_app_have_a_mapping_each() -> None:
    app = App()
    stacks = [Stack(app, name) for name in ("First", "Second")]
    for stack in stacks:
        BuiltInImage(stack)
    for stack in stacks:
        assert list(Template.from_stack(stack).to_json()["Mappings"]) == [MAPPING]


def test_region_without_image_raises_with_the_nearest_ones() -> None:
    with pytest.raises(InvalidArgument) as caught:
        BuiltInImage(stack_in("eu-moon-1"))
    message = str(caught.value)
    assert message.startswith("region is 'eu-moon-1'")
    assert "eu-central-1" in message
    assert "us-east-1" not in message
    assert "scripts/refresh_images.py" in message


def test_region_without_neighbours_raises_with_all() -> None:
    with pytest.raises(ValueError, match=r"region is 'mx-central-1'.* us-east-1,"):
        BuiltInImage(stack_in("mx-central-1"))


def test_unknown_algorithm_raises() -> None:
    with pytest.raises(InvalidArgument, match="algorithm is 'catboost': choose from xgboost"):
        BuiltInImage(stack_in(None), algorithm="catboost")


@pytest.mark.parametrize("attribute", ["uri", "repository_arn"])
def test_attributes_are_read_only(attribute: str) -> None:
    with pytest.raises(AttributeError):
        setattr(BuiltInImage(stack_in(None)), attribute, "other")


def test_table_has_commercial_regions_and_twelve_digit_accounts(xgboost: dict[str, Any]) -> None:
    accounts = xgboost["accounts"]
    assert {"us-east-1", "us-west-2", "eu-west-1", "ap-northeast-1", "sa-east-1"} <= set(accounts)
    assert list(accounts) == sorted(accounts)
    assert not [name for name in accounts if re.match(r"cn-|us-gov-|us-iso|eu-iso|eusc-", name)]
    assert all(re.fullmatch(r"\d{12}", account) for account in accounts.values())
    assert len(set(accounts.values())) == len(accounts)
    assert re.fullmatch(r"\d+\.\d+-\d+", xgboost["tag"])
