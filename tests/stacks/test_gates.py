"""The gates close: what they are there for fails the synthesis, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from aws_cdk import App, CfnResource, Stack
from aws_cdk import aws_s3 as s3

from stacks.gates import add_gates
from study.validation import findings


def gated(outdir: Path, *, reports: bool = False) -> tuple[App, Stack]:
    flags = {"@aws-cdk/core:validateAgainstDefaultRules": True}
    app = App(outdir=str(outdir), context=flags)
    add_gates(app, reports=reports)
    return app, Stack(app, "sample")


def test_open_bucket_is_found(tmp_path: Path) -> None:
    app, stack = gated(tmp_path)
    s3.Bucket(stack, "Open")
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    assert ("AwsSolutions", "S10") in {(f.pack, f.rule) for f in findings(tmp_path)}


def test_property_that_cloudformation_does_not_know_is_found(tmp_path: Path) -> None:
    app, stack = gated(tmp_path)
    CfnResource(
        stack, "Topic", type="AWS::SNS::Topic", properties={"KmsMasterKeyId": "k", "Nmae": "x"}
    )
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()


def test_compliance_packs_run_only_when_asked_for(tmp_path: Path) -> None:
    app, stack = gated(tmp_path, reports=True)
    s3.Bucket(stack, "Open")
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    packs = {f.pack for f in findings(tmp_path)}
    assert packs == {"AwsSolutions", "NIST.800.53.R5", "HIPAA.Security", "PCI.DSS.321"}


def test_stack_without_findings_passes(tmp_path: Path) -> None:
    app, stack = gated(tmp_path)
    CfnResource(stack, "Wait", type="AWS::CloudFormation::WaitConditionHandle")
    app.synth()
    assert findings(tmp_path) == []
