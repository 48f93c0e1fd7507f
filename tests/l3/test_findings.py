"""Acknowledged findings, as cdk-nag itself sees them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aws_cdk import App, Aws, Fn, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks

from mla_constructs.security.findings import acknowledge, acknowledge_wildcard

if TYPE_CHECKING:
    from tests.l3.conftest import Parts

WILDCARDS: list[Callable[[Stack], str]] = [
    lambda _: "*",
    lambda _: "arn:aws:s3:::literal/*",
    lambda _: f"arn:{Aws.PARTITION}:s3:::{Aws.REGION}-data/*",
    lambda stack: s3.Bucket(stack, "Bucket").arn_for_objects("*"),
    lambda _: "arn:aws:sagemaker:*:*:transform-job/*",
]


class Nagged:
    """A stack under AwsSolutions with a role that may read one resource."""

    def __init__(self, outdir: Path, wildcard: Callable[[Stack], str]) -> None:
        self.app = App(outdir=str(outdir))
        self.stack = Stack(self.app, "Test")
        Validations.of(self.app).add_plugins(AwsSolutionsChecks(self.app))
        self.resource = wildcard(self.stack)
        self.role = iam.Role(
            self.stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")
        )
        self.role.add_to_policy(
            iam.PolicyStatement(actions=["s3:GetObject"], resources=[self.resource])
        )

    def wildcard_findings(self) -> list[str]:
        """Returns the findings about wildcards that are left in the report of a synthesis."""
        try:
            self.app.synth()
        except RuntimeError as error:
            assert "Validation failed" in str(error)
        report = Path(self.app.outdir) / "validation-report.json"
        return sorted(
            {
                rule
                for rule in _rules(json.loads(report.read_text()))
                if "AwsSolutions-IAM5" in rule
            }
            if report.exists()
            else ()
        )
