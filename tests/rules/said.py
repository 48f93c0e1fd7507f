"""A value said in each way in which a template can say it, and what the pack finds then."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from cfnlint.template import Template

from rules._apply import pack
from rules._base import MlRule

WAYS = ("literal", "Ref", "Sub", "FindInMap", "If", "If not")


@dataclass(frozen=True)
class Said:
    """A value that a case is about.

    Attributes:
        value: What is said.
        otherwise: What the other branch of an Fn::If says.
    """

    value: Any
    otherwise: Any


@cache
def rules() -> list[MlRule]:
    return pack()


def template(resources: dict[str, Any], way: str = "literal") -> dict[str, Any]:
    """Returns a template in which everything `Said` is said in one way."""
    sections: dict[str, Any] = {
        "Parameters": {"Stage": {"Type": "String"}},
        "Conditions": {"Chosen": {"Fn::Equals": [{"Ref": "Stage"}, "production"]}},
        "Mappings": {"Given": {"all": {"none": "none"}}},
    }
    return {"Resources": _said(resources, way, sections), **sections}


def found(document: dict[str, Any]) -> set[str]:
    """Returns the numbers of the rules that find something in a template."""
    cfn = Template("test.json", document, ["us-east-1"])
    return {rule.id for rule in rules() if rule.match(cfn)}


def messages(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Returns the numbers of the rules that find something, each with what it says."""
    cfn = Template("test.json", document, ["us-east-1"])
    return [(rule.id, match.message) for rule in rules() for match in rule.match(cfn)]


def _said(value: Any, way: str, sections: dict[str, Any]) -> Any:
    match value:
        case Said():
            return _expression(value, way, sections)
        case dict():
            return {name: _said(item, way, sections) for name, item in value.items()}
        case list():
            return [_said(item, way, sections) for item in value]
    return value


def _expression(said: Said, way: str, sections: dict[str, Any]) -> Any:
    whole = said.value
    number = len(sections["Parameters"])
    match way:
        case "Ref" | "Sub" if isinstance(whole, str | int) and "${" not in str(whole):
            sections["Parameters"][f"Said{number}"] = {"Type": "String", "Default": str(whole)}
            reference = {"Ref": f"Said{number}"}
            return reference if way == "Ref" else {"Fn::Sub": f"${{Said{number}}}"}
        case "FindInMap" if isinstance(whole, str | int) and "${" not in str(whole):
            sections["Parameters"][f"Said{number}"] = {"Type": "String"}
            sections["Mappings"]["Given"]["all"][f"said{number}"] = whole
            return {"Fn::FindInMap": ["Given", "all", f"said{number}"]}
        case "If":
            return {"Fn::If": ["Chosen", _plain(whole), _plain(said.otherwise)]}
        case "If not":
            return {"Fn::If": ["Chosen", _plain(said.otherwise), _plain(whole)]}
    return _plain(whole)


def _plain(value: Any) -> Any:
    if value is None:
        return {"Ref": "AWS::NoValue"}
    return {"Fn::Sub": value} if isinstance(value, str) and "${" in value else value
