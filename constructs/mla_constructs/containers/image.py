"""What a model, a job or a task needs to know of a container image."""

from __future__ import annotations

from typing import Protocol


class ContainerImage(Protocol):
    """An image in a registry of ECR."""

    @property
    def uri(self) -> str:
        """Image URI, with tag or digest."""

    @property
    def repository_arn(self) -> str:
        """ARN of the ECR repository, for the statement that allows the pull."""
