"""A right to invoke a part of what an endpoint packs together."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_iam as iam
from constructs import Construct

from mla_constructs.inference.endpoint import Endpoint


class InvokePolicy(iam.ManagedPolicy):
    """A managed policy that lets whoever it is attached to send certain requests to an endpoint.

    Attached to nobody here: who calls is known to whoever deploys.

    Args:
        scope: Parent construct.
        id: Construct ID.
        endpoint: The endpoint.
        conditions: Which requests, such as {"StringLike": {"sagemaker:TargetModel": "north/*"}}.
        description: Who may do what with it.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/multi-model-endpoint-security.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        endpoint: Endpoint,
        conditions: Mapping[str, Mapping[str, str]],
        description: str,
    ) -> None:
        super().__init__(
            scope,
            id,
            description=description,
            statements=[
                iam.PolicyStatement(
                    actions=["sagemaker:InvokeEndpoint"],
                    resources=[endpoint.arn],
                    conditions={operator: dict(keys) for operator, keys in conditions.items()},
                )
            ],
        )
