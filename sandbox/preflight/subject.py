"""What a preflight is about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from catalogue.discover import Architecture
from catalogue.template import Template, readable
from sandbox.aws import Account


@dataclass(frozen=True, kw_only=True)
class Subject:
    """An architecture on its way into an account.

    Attributes:
        account: Where it is to be deployed.
        number: The account's number; empty if it was not seen.
        architecture: What is to be deployed.
        template: Its template.
        minimum_cli: Oldest version of the CDK command line that reads the assembly; empty if the
            assembly does not say.
        deployed: Whether its stack stands there already, so that names and capacity are its own.
    """

    account: Account
    number: str
    architecture: Architecture
    template: Template
    minimum_cli: str = ""
    deployed: bool = field(default=False)

    @property
    def region(self) -> str:
        """Where it is to be deployed."""
        return self.account.region

    def placed(self, value: Any) -> Any:
        """Returns a raw value of the template as it reads in the account and Region.

        A look-up in a mapping that has no entry for the Region reads as the mapping's name.
        """
        return _replaced(readable(self._looked_up(value)), self._pseudo())

    def _pseudo(self) -> dict[str, str]:
        return {
            "<AWS::StackName>": self.architecture.stack_id,
            "<AWS::Region>": self.region,
            "<AWS::AccountId>": self.number,
            "<AWS::Partition>": self.account.partition,
        }

    def _looked_up(self, value: Any) -> Any:
        match value:
            case {"Fn::FindInMap": [mapping, {"Ref": "AWS::Region"}, key]}:
                regions = self.template.document["Mappings"][mapping]
                return regions.get(self.region, {}).get(key, value)
            case dict():
                return {name: self._looked_up(item) for name, item in value.items()}
            case list():
                return [self._looked_up(item) for item in value]
            case _:
                return value


def _replaced(value: Any, texts: dict[str, str]) -> Any:
    match value:
        case str():
            for token, text in texts.items():
                value = value.replace(token, text)
            return value
        case dict():
            return {name: _replaced(item, texts) for name, item in value.items()}
        case list():
            return [_replaced(item, texts) for item in value]
        case _:
            return value
