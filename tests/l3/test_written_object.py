"""An object that the deployment writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aws_cdk import Aws, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_s3 as s3

from mla_constructs.storage.buckets import DataBucket
from mla_constructs.storage.written_object import WrittenObject

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


@pytest.fixture
def written(parts: Parts) -> WrittenObject:
    bucket = DataBucket(
        parts.stack,
        "Data",
        key=parts.key,
        access_logs=s3.Bucket(parts.stack, "AccessLogs"),
        removal_policy=RemovalPolicy.DESTROY,
        expire_after=Duration.days(1),
    )
    document = Stack.of(bucket).to_json_string({"region": Aws.REGION})
    return WrittenObject(
        parts.stack, "Object", bucket=bucket, key="workflows/a.yaml", document=document
    )


@pytest.mark.usefixtures("written")
def test_document_keeps_what_deployment_fills_in(parts: Parts) -> None:
    ((_, resource),) = parts.template.find_resources("Custom::WrittenObject").items()
    assert resource["Properties"]["Key"] == "workflows/a.yaml"
    assert resource["Properties"]["Document"] == {
        "Fn::Join": ["", ['{"region":"', {"Ref": "AWS::Region"}, '"}']]
    }


def test_whoever_refers_to_it_names_its_version(parts: Parts, written: WrittenObject) -> None:
    CfnOutput(parts.stack, "Version", value=written.version_id)
    ((name, _),) = parts.template.find_resources("Custom::WrittenObject").items()
    output = parts.template.find_outputs("Version")["Version"]
    assert output["Value"] == {"Fn::GetAtt": [name, "VersionId"]}


@pytest.mark.usefixtures("written")
def test_writer_may_write_this_key_and_no_other(parts: Parts) -> None:
    policies = parts.template.find_resources("AWS::IAM::Policy")
    (writer,) = [p for name, p in policies.items() if name.startswith("ObjectWriter")]
    (puts,) = [
        statement
        for statement in writer["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "s3:PutObject"
    ]
    assert puts["Resource"]["Fn::Join"][1][1] == "/workflows/a.yaml"
