"""What a variant needs to know of the model it serves, however that model is packed."""

from __future__ import annotations

from typing import Protocol

from mla_constructs.inference.execution_role import ExecutionRole


class ServedModel(Protocol):
    """A SageMaker model: of one artifact, of a prefix full of them, or of several containers."""

    @property
    def name(self) -> str:
        """Name that CloudFormation generates."""

    @property
    def role(self) -> ExecutionRole:
        """Under which its containers run."""
