"""The model and its least-privilege role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk.assertions import Match
from aws_cdk.aws_s3_assets import Asset

from mla_constructs.inference.built_in_image import BuiltInImage
from mla_constructs.inference.hosted_model import HostedModel

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


@pytest.fixture(scope="module")
def built(new_parts: type[Parts]) -> Parts:
    """A stack with the model as it is made, before an inference option grants it anything."""
    parts = new_parts()
    assert parts.model
    return parts


def statements(built: Parts) -> list[dict[str, Any]]:
    (policy,) = built.template.find_resources("AWS::IAM::Policy").values()
    return list(policy["Properties"]["PolicyDocument"]["Statement"])


def test_role_may_pull_this_image_and_read_this_artifact_and_no_more(built: Parts) -> None:
    assert [statement["Action"] for statement in statements(built)] == [
        "ecr:GetAuthorizationToken",
        ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "s3:GetObject",
    ]


def test_only_the_login_is_allowed_on_all_resources(built: Parts) -> None:
    wide = [statement["Action"] for statement in statements(built) if statement["Resource"] == "*"]
    assert wide == ["ecr:GetAuthorizationToken"]


def test_artifact_is_read_by_its_content_hash(built: Parts) -> None:
    (reading,) = (found for found in statements(built) if found["Action"] == "s3:GetObject")
    (model,) = built.template.find_resources("AWS::SageMaker::Model").values()
    address = model["Properties"]["PrimaryContainer"]["ModelDataUrl"]["Fn::Sub"]
    key = address.rsplit("/", maxsplit=1)[1]
    assert len(key.split(".")[0]) == 64
    assert reading["Resource"]["Fn::Join"][1][-1] == f"/{key}"


def test_only_sagemaker_for_this_account_may_assume_the_role(built: Parts) -> None:
    (role,) = built.template.find_resources("AWS::IAM::Role").values()
    (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {
        "aws:SourceAccount": {"Ref": "AWS::AccountId"}
    }
    (source,) = statement["Condition"]["ArnLike"].values()
    assert {"Ref": "AWS::AccountId"} in source["Fn::Join"][1]
    assert {"Ref": "AWS::Region"} in source["Fn::Join"][1]


def test_model_is_created_after_its_roles_policy(built: Parts) -> None:
    (policy,) = built.template.find_resources("AWS::IAM::Policy")
    built.template.has_resource("AWS::SageMaker::Model", {"DependsOn": Match.array_with([policy])})


@pytest.mark.parametrize("isolated", [True, False])
def test_network_isolation_is_as_given(isolated: bool, parts: Parts) -> None:
    HostedModel(
        parts.stack,
        "Model",
        image=BuiltInImage(parts.stack),
        artifact=Asset(parts.stack, "Artifact", path=__file__),
        network_isolation=isolated,
    )
    parts.template.has_resource_properties(
        "AWS::SageMaker::Model", {"EnableNetworkIsolation": isolated}
    )


def test_job_logs_are_granted_in_one_group(parts: Parts) -> None:
    parts.model.role.grant_job_logs("/aws/sagemaker/TransformJobs")
    (granted,) = (
        found for found in statements(parts) if "logs:PutLogEvents" in str(found["Action"])
    )
    assert granted["Resource"]["Fn::Join"][1][-1] == ":log-group:/aws/sagemaker/TransformJobs:*"


def test_metrics_are_granted_in_one_namespace(parts: Parts) -> None:
    parts.model.role.grant_metrics("/aws/sagemaker/TransformJobs")
    (granted,) = (
        found for found in statements(parts) if found["Action"] == "cloudwatch:PutMetricData"
    )
    assert granted["Condition"] == {
        "StringEquals": {"cloudwatch:namespace": "/aws/sagemaker/TransformJobs"}
    }


def test_key_is_granted_for_volumes_only(parts: Parts) -> None:
    parts.model.role.grant_storage_key(parts.key)
    (granted,) = (found for found in statements(parts) if found["Action"] == "kms:CreateGrant")
    assert granted["Resource"] == parts.resolve(parts.key.key_arn)
    assert granted["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
