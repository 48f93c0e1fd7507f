"""Rules about what surrounds a model: life cycles, roles, streams, jobs, workflows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.cases import Case
from tests.rules.said import WAYS, found, template
from tests.rules.shapes import Resources, config, resource, serving, variant

KEY = {"Fn::GetAtt": ["Key", "Arn"]}
EXPLAINER = {"ClarifyExplainerConfig": {"ShapConfig": {"ShapBaselineConfig": {}}}}


def only(kind: str, **properties: Any) -> Resources:
    return {"Only": resource(kind, properties)}


def glue(**changed: Any) -> Resources:
    return only(
        "AWS::Glue::Job",
        **{
            "Command": {"Name": "glueetl", "ScriptLocation": "s3://code/job.py"},
            "Role": "role",
            "GlueVersion": "5.1",
            "SecurityConfiguration": "keys",
            **changed,
        },
    )


def policy(action: Any, on: Any, effect: str = "Allow") -> Resources:
    statement = {"Effect": effect, "Action": action, "Resource": on}
    return only("AWS::IAM::Policy", PolicyName="job", PolicyDocument={"Statement": [statement]})


def role(*managed: Any) -> Resources:
    trust = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole"}}
    return only("AWS::IAM::Role", AssumeRolePolicyDocument=trust, ManagedPolicyArns=list(managed))


def reader(**changed: Any) -> Resources:
    return {
        "Stream": resource("AWS::Kinesis::Stream", {"StreamEncryption": {"KeyId": KEY}}),
        "Reader": resource(
            "AWS::Lambda::EventSourceMapping",
            {
                "EventSourceArn": {"Fn::GetAtt": ["Stream", "Arn"]},
                "FunctionName": "features",
                "MaximumRetryAttempts": 3,
                "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:::failed"}},
                **changed,
            },
        ),
    }


def firehose(**changed: Any) -> Resources:
    bucket = {"BucketARN": "arn:aws:s3:::lake", "RoleARN": "arn:aws:iam::1:role/delivery"}
    logging = {"Enabled": True, "LogGroupName": "delivery", "LogStreamName": "errors"}
    return only(
        "AWS::KinesisFirehose::DeliveryStream",
        **{
            "DeliveryStreamEncryptionConfigurationInput": {"KeyType": "AWS_OWNED_CMK"},
            "ExtendedS3DestinationConfiguration": {
                **bucket,
                "CloudWatchLoggingOptions": logging,
            },
            **changed,
        },
    )


CASES = [
    Case("W9560", lambda s: serving(Config=config(ExplainerConfig=s)), EXPLAINER, None),
    Case(
        "E9561",
        lambda s: serving(Config=config(variant(AcceleratorType=s))),
        "ml.eia2.medium",
        None,
    ),
    Case(
        "E9561",
        lambda s: only("AWS::SageMaker::NotebookInstance", PlatformIdentifier=s),
        "notebook-al2-v3",
        "notebook-al2023-v1",
    ),
    Case("E9563", lambda s: glue(GlueVersion=s), "2.0", "5.1"),
    Case("W9564", lambda s: only("AWS::EMR::Cluster", ReleaseLabel=s), "emr-6.5.0", "emr-6.15.0"),
    Case(
        "W9564",
        lambda s: only("AWS::EMRServerless::Application", ReleaseLabel=s),
        "emr-5.35.0",
        "emr-7.11.0",
    ),
    Case("W9565", lambda s: only("AWS::Lambda::Function", Runtime=s), "python3.8", "python3.13"),
    Case("E9566", lambda s: only("AWS::MWAA::Environment", AirflowVersion=s), "2.6.3", "3.0.6"),
    Case(
        "E9567",
        lambda s: only("AWS::KinesisAnalyticsV2::Application", RuntimeEnvironment=s),
        "FLINK-1_13",
        "FLINK-1_20",
    ),
    Case("E9580", lambda s: policy("iam:PassRole", s), "*", "arn:aws:iam::1:role/job"),
    Case("E9580", lambda s: policy("iam:PassRole", s), "arn:aws:iam::1:role/*", "${Role.Arn}"),
    Case("E9581", lambda s: policy(s, "*"), "iam:*", "s3:ListAllMyBuckets"),
    Case("E9581", lambda s: policy(s, "*"), "*", "s3:ListAllMyBuckets"),
    Case("E9581", lambda s: policy(s, "*"), "iam:PutRolePolicy", "iam:ListRoles"),
    Case(
        "W9582",
        role,
        "arn:${AWS::Partition}:iam::aws:policy/AmazonSageMakerFullAccess",
        "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    ),
    Case("W9590", lambda s: only("AWS::Kinesis::Stream", StreamEncryption=s), None, {"KeyId": KEY}),
    Case("W9591", lambda s: reader(MaximumRetryAttempts=s), -1, 3),
    Case("W9591", lambda s: reader(DestinationConfig=s), None, {"OnFailure": {"Destination": "d"}}),
    Case(
        "W9592",
        lambda s: firehose(DeliveryStreamEncryptionConfigurationInput=s),
        None,
        {"KeyType": "AWS_OWNED_CMK"},
    ),
    Case(
        "W9593",
        lambda s: firehose(
            ExtendedS3DestinationConfiguration={"CloudWatchLoggingOptions": {"Enabled": s}}
        ),
        "false",
        "true",
    ),
    Case("W9594", lambda s: glue(SecurityConfiguration=s), None, "keys"),
    Case("W9595", lambda s: glue(GlueVersion=s), None, "5.1"),
    Case(
        "W9596",
        lambda s: only("AWS::StepFunctions::StateMachine", LoggingConfiguration={"Level": s}),
        "OFF",
        "ERROR",
    ),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_fault_is_found_however_it_is_said(case: Case, way: str) -> None:
    assert case.rule in case.found(way)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_right_is_let_be(case: Case, way: str) -> None:
    assert case.found_when_right(way) == set()


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("AWS::Bedrock::Agent", "W9560"),
        ("AWS::Kendra::Index", "W9560"),
        ("AWS::QBusiness::Application", "W9560"),
        ("AWS::SageMaker::ModelBiasJobDefinition", "W9560"),
        ("AWS::SageMaker::MonitoringSchedule", "W9560"),
        ("AWS::SageMaker::DeviceFleet", "E9561"),
        ("AWS::Greengrass::Group", "E9561"),
        ("AWS::KinesisAnalytics::Application", "E9561"),
        ("AWS::CodeStarConnections::Connection", "W9562"),
    ],
)
def test_what_is_closed_is_named(kind: str, rule: str) -> None:
    assert found(template(only(kind))) == {rule}


@pytest.mark.parametrize(
    "kind",
    [
        "AWS::Bedrock::AgentAlias",
        "AWS::Bedrock::KnowledgeBase",
        "AWS::GreengrassV2::Deployment",
        "AWS::CodeConnections::Connection",
        "AWS::SageMaker::FeatureGroup",
    ],
)
def test_what_is_open_is_let_be(kind: str) -> None:
    assert found(template(only(kind))) == set()


def test_resource_that_a_condition_leaves_out_is_not_judged() -> None:
    closed = {"Only": {"Type": "AWS::Kendra::Index", "Properties": {}, "Condition": "Never"}}
    document = template(closed)
    document["Conditions"]["Never"] = {"Fn::Equals": ["a", "b"]}
    assert found(document) == set()
    document["Conditions"]["Never"] = {"Fn::Equals": [{"Ref": "Stage"}, "b"]}
    assert found(document) == {"W9560"}


def test_denied_actions_give_no_rights() -> None:
    assert found(template(policy("iam:*", "*", "Deny"))) == set()


def test_stream_that_reads_a_stream_has_its_encryption() -> None:
    fed = firehose(DeliveryStreamType="KinesisStreamAsSource")
    del fed["Only"]["Properties"]["DeliveryStreamEncryptionConfigurationInput"]
    assert found(template(fed)) == set()


def test_python_shell_needs_no_version() -> None:
    shell = glue(Command={"Name": "pythonshell", "PythonVersion": "3.9"})
    del shell["Only"]["Properties"]["GlueVersion"]
    assert found(template(shell)) == set()
