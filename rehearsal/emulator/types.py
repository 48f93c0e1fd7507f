"""CloudFormation resource types that stand for an API's create, update, describe and delete."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rehearsal.emulator import host, schemas
from rehearsal.emulator.api import Api

Properties = dict[str, Any]


NAME_LENGTH = 63
SUFFIX_LENGTH = 12
SUFFIX_LETTERS = string.ascii_letters + string.digits


def physical_name(stack: str, logical_id: str) -> str:
    """Returns the name that CloudFormation gives where a template gives none: each is new."""
    suffix = "".join(secrets.choice(SUFFIX_LETTERS) for _ in range(SUFFIX_LENGTH))
    return f"{stack}-{logical_id}"[: NAME_LENGTH - SUFFIX_LENGTH - 1].rstrip("-") + f"-{suffix}"


@dataclass(frozen=True)
class ApiType:
    """A resource type whose properties are the parameters of an API.

    Attributes:
        api: The service.
        type: Such as "AWS::SageMaker::Model".
        noun: What its operations end with, such as "Model": CreateModel, DeleteModel.
        name: Property and parameter that names a resource, such as "ModelName".
        renamed: Property -> parameter, where they differ.
        wait: Called with a resource's name after its creation or update: returns when it is ready
            and raises if that failed.
        gone: Called with a name after the deletion: returns when nothing is left.
        updatable: Whether a change keeps the resource; otherwise it is replaced.
    """

    api: Api
    type: str
    noun: str
    name: str
    renamed: dict[str, str] = field(default_factory=dict)
    wait: Callable[[str], None] = lambda _: None
    gone: Callable[[str], None] = lambda _: None
    updatable: bool = False

    def register(self) -> None:
        """Lets CloudFormation create resources of this type."""
        host.add_type(self.type, host.ResourceType(self.create, self.update, self.delete))

    def create(self, logical_id: str, properties: Properties, stack: str) -> tuple[str, Properties]:
        """Creates a resource and returns its physical ID and attributes."""
        name = properties.get(self.name) or physical_name(stack, logical_id)
        self._call("Create", {**properties, self.name: name})
        try:
            self.wait(name)
        except Exception:
            # CloudFormation takes back what did not become ready.
            self.delete(name, properties)
            raise
        return self._described(name)

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str
    ) -> tuple[str, Properties]:
        """Changes a resource, or creates the one that replaces it.

        CloudFormation deletes what was replaced when the whole update has succeeded, and the
        replacement when it has not.
        """
        del old
        name = self._name_of(physical_id)
        if self.updatable:
            self._call("Update", {**new, self.name: name})
            self.wait(name)
            return self._described(name)
        if new.get(self.name) == name:
            raise ValueError(f"CloudFormation cannot update {name}: it needs replacing, by name.")
        return self.create(self._logical_id(name, stack), new, stack)

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Deletes a resource."""
        del properties
        name = self._name_of(physical_id)
        self.api.call(f"Delete{self.noun}", {self.name: name})
        self.gone(name)

    def _call(self, verb: str, properties: Properties) -> None:
        schemas.check(self.type, properties)
        operation = self.api.model.operation_model(f"{verb}{self.noun}")
        request = {self.renamed.get(key, key): value for key, value in properties.items()}
        known = operation.input_shape.members if operation.input_shape else {}
        # Some properties are for one of the two only, such as UpdateEndpoint's DeploymentConfig.
        self.api.call(operation.name, {key: request[key] for key in request if key in known})

    def _described(self, name: str) -> tuple[str, Properties]:
        attributes = self.api.call(f"Describe{self.noun}", {self.name: name})
        return schemas.reference(self.type, attributes), attributes

    def _logical_id(self, name: str, stack: str) -> str:
        return name.removeprefix(f"{stack}-")[: -SUFFIX_LENGTH - 1]

    def _name_of(self, physical_id: str) -> str:
        return physical_id.rsplit("/", 1)[-1]
