"""What a model, a job or a task needs to know of a container image."""

from __future__ import annotations

from typing import Protocol

from aws_cdk import aws_iam as iam

PULL_ACTIONS = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
]
"""What a pull asks of the repository."""


class ContainerImage(Protocol):
    """An image in a registry of ECR."""

    @property
    def uri(self) -> str:
        """Image URI, with tag or digest."""

    @property
    def repository_arn(self) -> str:
        """ARN of the ECR repository, for the statement that allows the pull."""


def pull_statements(image: ContainerImage) -> list[iam.PolicyStatement]:
    """Returns what whoever pulls the image needs: a token for the registry, and this repository."""
    return [
        iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]),
        iam.PolicyStatement(
            actions=PULL_ACTIONS,
            resources=[image.repository_arn],
        ),
    ]
