"""A right to invoke a part of an endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mla_constructs.inference.invoke_policy import InvokePolicy

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


def test_it_allows_one_action_on_one_endpoint_under_its_condition(parts: Parts) -> None:
    InvokePolicy(
        parts.stack,
        "Caller",
        endpoint=parts.realtime(),
        conditions={"StringLike": {"sagemaker:TargetModel": "north/*"}},
        description="Lets whoever has it invoke the models of tenant north",
    )
    (endpoint,) = parts.template.find_resources("AWS::SageMaker::Endpoint")
    (policy,) = parts.template.find_resources("AWS::IAM::ManagedPolicy").values()
    assert policy["Properties"]["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "sagemaker:InvokeEndpoint",
            "Resource": {"Ref": endpoint},
            "Condition": {"StringLike": {"sagemaker:TargetModel": "north/*"}},
        }
    ]
    assert not {"Roles", "Users", "Groups", "ManagedPolicyName"} & policy["Properties"].keys()
