"""A cloud assembly with one small stack, for tests that deploy many."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"


def write(folder: Path, stack: str, resources: dict[str, Any], outputs: dict[str, str]) -> Path:
    """Writes the assembly and returns its folder."""
    template = {
        "Resources": resources,
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stack}.template.json").write_text(json.dumps(template))
    artifact = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://unknown-account/unknown-region",
        "properties": {"templateFile": f"{stack}.template.json"},
        "displayName": stack,
    }
    manifest = {"version": "48.0.0", "artifacts": {stack: artifact}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def endpoint(artifact: str, *, may_read: str = "s3:GetObject") -> dict[str, Any]:
    """Returns the resources of an endpoint whose role may do one thing with its artifact."""
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}}
    statement = {"Effect": "Allow", "Action": may_read, "Resource": "arn:aws:s3:::artifacts/*"}
    return {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": document({**trust, "Action": "sts:AssumeRole"}),
                "Policies": [{"PolicyName": "read", "PolicyDocument": document(statement)}],
            },
        },
        "Model": {
            "Type": "AWS::SageMaker::Model",
            "Properties": {
                "ExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                "PrimaryContainer": {"Image": XGBOOST, "ModelDataUrl": artifact},
            },
        },
        "Config": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {
                "ProductionVariants": [
                    {
                        "VariantName": "all",
                        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
                        "InstanceType": "ml.m5.large",
                        "InitialInstanceCount": 1,
                        "InitialVariantWeight": 1,
                    }
                ]
            },
        },
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {"EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}},
        },
    }


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    """Returns a policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}
