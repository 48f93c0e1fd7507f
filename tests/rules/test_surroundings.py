"""Rules about what surrounds a model: life cycles, roles, streams, jobs, workflows."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest

from tests.rules.cases import Case
from tests.rules.said import WAYS, found, messages, template
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


def stream(**changed: Any) -> Resources:
    kept = {"StreamEncryption": {"KeyId": KEY}, "RetentionPeriodHours": 48}
    return {"Stream": resource("AWS::Kinesis::Stream", {**kept, **changed})}


def delivery(**changed: Any) -> Resources:
    """Direct puts into S3, below prefixes."""
    made = firehose()
    made["Only"]["Properties"]["ExtendedS3DestinationConfiguration"] |= changed
    return made


def steps(*listed: Any) -> Resources:
    """A pipeline."""
    body = json.dumps({"Version": "2020-12-01", "Steps": list(listed)})
    return only("AWS::SageMaker::Pipeline", PipelineDefinition={"PipelineDefinitionBody": body})


def step(kind: str, **arguments: Any) -> dict[str, Any]:
    return {"Name": "check", "Type": kind, "Arguments": arguments}


def reader(**changed: Any) -> Resources:
    return {
        **stream(),
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
    Case("W9590", lambda s: stream(StreamEncryption=s), None, {"KeyId": KEY}),
    Case("I9598", lambda s: stream(RetentionPeriodHours=s), None, 24),
    Case(
        "E9597",
        lambda s: delivery(Prefix="day=!{timestamp:yyyy-MM-dd}/", ErrorOutputPrefix=s),
        None,
        "failed/!{firehose:error-output-type}/",
    ),
    Case(
        "E9597",
        lambda s: delivery(Prefix="records/", ErrorOutputPrefix=s),
        "failed/!{timestamp:yyyy}/",
        "failed/!{timestamp:yyyy}/!{firehose:error-output-type}/",
    ),
    Case("E9597", lambda s: delivery(Prefix=s), "!{firehose:error-output-type}/", "records/"),
    Case(
        "W9568",
        lambda s: only(
            "AWS::StepFunctions::StateMachine",
            LoggingConfiguration={"Level": "ERROR"},
            Definition={"States": {"Label": {"Type": "Task", "Resource": s}}},
        ),
        "arn:${AWS::Partition}:states:::sagemaker:createLabelingJob.sync",
        "arn:${AWS::Partition}:states:::sagemaker:createTrainingJob.sync",
    ),
    Case(
        "W9568",
        lambda s: only("AWS::SageMaker::ProcessingJob", AppSpecification={"ImageUri": s}),
        "1.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-clarify-processing:1.0",
        "1.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
    ),
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


HOOK = {"S3OutputPath": "s3://tensors/"}
CLOSED_STEPS = {
    "Clarify": step("ClarifyCheck"),
    "Model Monitor": step("QualityCheck"),
    "Debugger": step("Training", DebugHookConfig=HOOK),
    "Debugger (rules)": step("Tuning", TrainingJobDefinition={"DebugRuleConfigurations": [{}]}),
    "Debugger (profiler)": step("Training", ProfilerConfig=HOOK),
    "Clarify (container)": step(
        "Processing", AppSpecification={"ImageUri": "1.dkr.ecr.r.c/sagemaker-clarify-processing:1"}
    ),
}


@pytest.mark.parametrize("closed", CLOSED_STEPS)
@pytest.mark.parametrize("nested", [False, True])
def test_closed_feature_is_found_in_a_pipeline(closed: str, nested: bool) -> None:
    found_step = CLOSED_STEPS[closed]
    if nested:
        found_step = step("Condition", IfSteps=[step("Lambda"), found_step], ElseSteps=[])
    assert found(template(steps(step("Training"), found_step))) == {"W9568"}


def test_pipeline_is_read_as_text_as_an_object_and_put_together() -> None:
    document = {"Steps": [step("ClarifyCheck")]}
    text = json.dumps(document)
    first, last = text[:10], text[10:]
    for body in (
        text,
        {"Fn::Sub": text},
        {"Fn::Join": ["", [first, last]]},
        {"Fn::ToJsonString": document},
        {"Fn::Sub": text.replace("{}", '{"Role": "${Role.Arn}", "Count": ${Count}}')},
    ):
        made = only("AWS::SageMaker::Pipeline", PipelineDefinition={"PipelineDefinitionBody": body})
        assert found(template(made)) == {"W9568"}, body
    assert found(template(only("AWS::SageMaker::Pipeline", PipelineDefinition=document))) == {
        "W9568"
    }


def test_finding_in_a_workflow_names_the_step() -> None:
    states = {"States": {"Each": {"Type": "Map", "ItemProcessor": {"States": {"Label": {
        "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sagemakera2iruntime:startHumanLoop",
    }}}}}}  # fmt: skip
    machine = only(
        "AWS::StepFunctions::StateMachine",
        LoggingConfiguration={"Level": "ALL"},
        DefinitionString=json.dumps(states),
    )
    assert [said for _, said in messages(template(machine))] == [
        "In Label: Closed to new accounts: Augmented AI (2026-07-30). Use a review step of your "
        "own in the workflow."
    ]


@pytest.mark.parametrize(
    "open_step",
    [
        step("Training", ProfilerConfig={"DisableProfiler": True}),
        step("Training", TensorBoardOutputConfig=HOOK),
        step("Processing", AppSpecification={"ImageUri": "1.dkr.ecr.r.c/clarify-of-mine:1"}),
        step("Lambda", Payload={"Type": "QualityCheck"}),
    ],
    ids=str,
)
def test_open_feature_of_a_pipeline_is_let_be(open_step: dict[str, Any]) -> None:
    assert found(template(steps(open_step))) == set()


@pytest.mark.parametrize(
    ("release", "last_day"),
    [
        ("emr-5.36.2", date(2027, 6, 29)),
        ("emr-6.15.0", date(2027, 6, 29)),
        ("emr-7.0.0", date(2027, 8, 30)),
        ("emr-7.10.0", date(2027, 8, 30)),
        ("emr-7.11.0", date(2027, 11, 3)),
        ("emr-7.14.0", date(2028, 9, 8)),
    ],
)
def test_support_of_a_release_ends_on_its_day(
    monkeypatch: pytest.MonkeyPatch, release: str, last_day: date
) -> None:
    cluster = template(only("AWS::EMR::Cluster", ReleaseLabel=release))
    monkeypatch.setattr("rules._base.today", lambda: last_day)
    assert found(cluster) == set()
    monkeypatch.setattr("rules._base.today", lambda: last_day + timedelta(days=1))
    assert found(cluster) == {"W9564"}


def test_releases_that_no_page_knows_are_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rules._base.today", lambda: date(2040, 1, 1))
    for label in ("emr-7.15.0", "emr-8.0.0", "emr-spark-8.0.0", "spark-7.2"):
        assert found(template(only("AWS::EMR::Cluster", ReleaseLabel=label))) == set()
