"""Where MiniStack says less of a resource than AWS: to IAM, and to Fn::GetAtt in templates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rehearsal.emulator import host  # before MiniStack: it sets the environment

from ministack.core import iam_actions  # isort: skip
from ministack.services import acm, tagging  # isort: skip
from ministack.services.cloudformation import provisioners  # isort: skip

NEW_CERTIFICATE = "00000000-0000-0000-0000-000000000000"

Attributes = dict[str, Any]


def register() -> None:
    """Completes what MiniStack says."""
    _name_new_certificates()
    tagging._RESOURCE_TAG_COLLECTORS["acm"] = _tagged_certificates
    _complete("AWS::EC2::VPC", _with_cidr_block)
    _complete("AWS::ElasticLoadBalancingV2::TargetGroup", _with_full_name)


def _name_new_certificates() -> None:
    """Lets IAM judge the import of a new certificate by a certificate's ARN.

    Source: https://docs.aws.amazon.com/service-authorization/latest/reference/
    list_awscertificatemanager.html
    """
    named = iam_actions.extract_resource_arn

    def with_certificate(service: str, method: str, path: str, headers: Any, *request: Any) -> str:
        resource = str(named(service, method, path, headers, *request))
        new = service == "acm" and headers.get("x-amz-target", "").endswith(".ImportCertificate")
        if not new or resource != "*":
            return resource
        return f"arn:aws:acm:{host.REGION}:{host.ACCOUNT}:certificate/{NEW_CERTIFICATE}"

    iam_actions.extract_resource_arn = with_certificate


def _tagged_certificates() -> Iterator[tuple[str, list[dict[str, str]]]]:
    for arn, certificate in acm._certificates.items():
        yield arn, certificate.get("Tags", [])


def _complete(type_name: str, add: Callable[[Attributes, Attributes], Attributes]) -> None:
    """Adds to the attributes that a type's resources have for Fn::GetAtt.

    Args:
        type_name: Such as "AWS::EC2::VPC".
        add: (properties, attributes) -> what there is besides.
    """
    behaviour = provisioners._RESOURCE_HANDLERS[type_name]

    def completed(act: Callable[..., tuple[str, Attributes]], position: int) -> Callable[..., Any]:
        def run(*given: Any) -> tuple[str, Attributes]:
            physical_id, attributes = act(*given)
            return physical_id, {**attributes, **add(given[position], attributes)}

        return run

    create, update = behaviour["create"], behaviour.get("update")
    behaviour["create"] = completed(create, 1)
    if update:
        behaviour["update"] = completed(update, 2)


def _with_cidr_block(properties: Attributes, _: Attributes) -> Attributes:
    return {"CidrBlock": properties["CidrBlock"]} if "CidrBlock" in properties else {}


def _with_full_name(_: Attributes, attributes: Attributes) -> Attributes:
    name = str(attributes.get("TargetGroupFullName", ""))
    return {"TargetGroupFullName": f"targetgroup/{name.removeprefix('targetgroup/')}"}
