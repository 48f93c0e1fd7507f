"""Batch inference as a workflow: its definition by itself, and what the construct makes of it."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_logs as logs

from mla_constructs.errors import InvalidArgument
from mla_constructs.inference.transform_workflow import (
    TransformJob,
    TransformWorkflow,
    transform_request,
    workflow_definition,
)
from tests.support.api import has_path, member, operation, problems
from tests.support.states import UUID, evaluated, validated

if TYPE_CHECKING:
    from tests.l3.conftest import Parts

JOB = TransformJob(
    instance_type="ml.m5.large",
    instance_count=1,
    max_concurrent_transforms=2,
    max_payload_mb=6,
    invocation_timeout=Duration.seconds(60),
    invocation_retries=1,
    input_filter="$[1:]",
    join_source="Input",
    output_filter="$[0,-1]",
)
DEFINITION = workflow_definition(
    transform_request(
        JOB,
        model_name="Model-lXq3pJ",
        output_uri="s3://rows/output",
        key_arn="arn:aws:kms:us-east-1:123456789012:key/8d0e2c5b-6f1e-4c1a-9b7e-0a4d6f1f6b11",
    ),
    default_input_uri="s3://rows/input/",
    failure_topic_arn="arn:aws:sns:us-east-1:123456789012:alarms",
    timeout=Duration.hours(2),
)
STATES: dict[str, dict[str, Any]] = DEFINITION["States"]
TASKS = [name for name, state in STATES.items() if state["Type"] == "Task"]


# The definition is valid Amazon States Language.


def test_definition_is_valid(tmp_path: Path) -> None:
    result = validated(DEFINITION, tmp_path)
    assert result.returncode == 0, result.stderr


def test_definition_with_a_dangling_transition_would_not_be(tmp_path: Path) -> None:
    broken = copy.deepcopy(DEFINITION)
    broken["States"]["IsThereInput"]["Default"] = "Nowhere"
    result = validated(broken, tmp_path)
    assert result.returncode == 1
    assert "Nowhere" in result.stderr


def test_whatever_fails_is_reported_before_the_run_fails() -> None:
    caught = [name for name in TASKS if name != "ReportFailure"]
    for name in caught:
        (catch,) = STATES[name]["Catch"]
        assert (catch["ErrorEquals"], catch["Next"]) == (["States.ALL"], "ReportFailure"), name
    assert len(caught) == 3
    assert STATES["ReportFailure"]["Next"] == "Failed"
    assert STATES["Failed"]["Type"] == "Fail"


@pytest.mark.parametrize(
    ("choice", "then", "otherwise"),
    [
        ("IsThisTheOldestRun", "FindInput", "OlderRunGoesOn"),
        ("IsThereInput", "Transform", "NoInput"),
    ],
)
def test_run_that_has_nothing_to_do_succeeds(choice: str, then: str, otherwise: str) -> None:
    assert [option["Next"] for option in STATES[choice]["Choices"]] == [then]
    assert STATES[choice]["Default"] == otherwise
    assert STATES[otherwise]["Type"] == "Succeed"


def test_only_what_passes_by_itself_is_retried_with_growing_pauses() -> None:
    (retry,) = STATES["Transform"]["Retry"]
    assert retry["ErrorEquals"] == [
        "SageMaker.AmazonSageMakerException",
        "SageMaker.ResourceLimitExceededException",
    ]
    assert retry["BackoffRate"] > 1


def test_job_is_stopped_after_the_timeout() -> None:
    assert STATES["Transform"]["Resource"].endswith(".sync")
    assert STATES["Transform"]["TimeoutSeconds"] == 7200


# Its JSONata is evaluated by the library that Step Functions follows.

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:nightly"
RUN = "arn:aws:states:us-east-1:123456789012:execution:nightly:this"
OTHER = "arn:aws:states:us-east-1:123456789012:execution:nightly:other"
THIRD = "arn:aws:states:us-east-1:123456789012:execution:nightly:third"


@dataclass(frozen=True)
class Case:
    """A field of a state, what it can see in a run, and what it has to become."""

    field: Any
    expected: Any = None
    run_input: dict[str, Any] = field(default_factory=dict)
    states: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)

    def as_request(self) -> dict[str, Any]:
        execution = {"Id": RUN, "Input": self.run_input, "StartTime": "2026-11-22T02:00:07.412Z"}
        context = {"Execution": execution, "StateMachine": {"Id": MACHINE, "Name": "nightly"}}
        bindings = {"states": {"context": context, **self.states}, **self.variables}
        return {"value": self.field, "bindings": bindings}


def running(*newest_first: str) -> dict[str, Any]:
    return {"result": {"Executions": [{"ExecutionArn": arn} for arn in newest_first]}}


def told(uri: str) -> dict[str, Any]:
    return {"inputS3Uri": uri}


assign = STATES["FindOlderRun"]["Assign"]
is_oldest = STATES["IsThisTheOldestRun"]["Choices"][0]["Condition"]
has_input = STATES["IsThereInput"]["Choices"][0]["Condition"]
listing = STATES["FindInput"]["Arguments"]
request = STATES["Transform"]["Arguments"]
report = STATES["ReportFailure"]["Arguments"]
failed = {"Error": "SageMaker.AmazonSageMakerException", "Cause": "No more capacity"}
timed_out = {"Error": "States.Timeout", "Cause": ""}

CASES = {
    "input named by the run": Case(
        assign["inputS3Uri"], "s3://own/rows/", run_input={"InputS3Uri": "s3://own/rows/"}
    ),
    "input not named": Case(assign["inputS3Uri"], "s3://rows/input/"),
    "input not named among other fields": Case(
        assign["inputS3Uri"], "s3://rows/input/", run_input={"Comment": "by hand"}
    ),
    "only run": Case(assign["oldestRun"], RUN, states=running(RUN)),
    "oldest of two": Case(assign["oldestRun"], RUN, states=running(OTHER, RUN)),
    "oldest of three": Case(assign["oldestRun"], THIRD, states=running(RUN, OTHER, THIRD)),
    "no run listed yet": Case(assign["oldestRun"], RUN, states=running()),
    "this run is the oldest": Case(is_oldest, True, variables={"oldestRun": RUN}),
    "another run is older": Case(is_oldest, False, variables={"oldestRun": OTHER}),
    "bucket": Case(listing["Bucket"], "rows", variables=told("s3://rows/input/")),
    "bucket of a deep prefix": Case(listing["Bucket"], "own", variables=told("s3://own/a/b/c.csv")),
    "bucket alone": Case(listing["Bucket"], "own", variables=told("s3://own/")),
    "bucket without a slash": Case(listing["Bucket"], "own", variables=told("s3://own")),
    "prefix": Case(listing["Prefix"], "input/", variables=told("s3://rows/input/")),
    "deep prefix": Case(listing["Prefix"], "a/b/c.csv", variables=told("s3://own/a/b/c.csv")),
    "prefix of a bucket alone": Case(listing["Prefix"], "", variables=told("s3://own/")),
    "prefix of a bucket without a slash": Case(listing["Prefix"], "", variables=told("s3://own")),
    "count of keys": Case(
        STATES["FindInput"]["Output"], {"KeyCount": 1}, states={"result": {"KeyCount": 1}}
    ),
    "no key": Case(has_input, False, states={"input": {"KeyCount": 0}}),
    "a key": Case(has_input, True, states={"input": {"KeyCount": 1}}),
    "nothing to do": Case(
        STATES["NoInput"]["Output"],
        {"Skipped": "no input below s3://rows/input/"},
        variables=told("s3://rows/input/"),
    ),
    "job name": Case(request["TransformJobName"], f"batch-transform-{UUID}"),
    "output by date": Case(
        request["TransformOutput"]["S3OutputPath"], "s3://rows/output/2026-11-22"
    ),
    "job input": Case(
        request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"],
        "s3://own/rows/",
        variables=told("s3://own/rows/"),
    ),
    "tags": Case(request["Tags"], [{"Key": "workflow", "Value": "nightly"}]),
    "result of the run": Case(
        STATES["Transform"]["Output"],
        {"TransformJobName": "job", "S3OutputPath": "s3://rows/output/2026-11-22"},
        states={
            "result": {
                "TransformJobName": "job",
                "TransformOutput": {"S3OutputPath": "s3://rows/output/2026-11-22"},
            }
        },
    ),
    "caught error": Case(
        STATES["Transform"]["Catch"][0]["Output"], failed, states={"errorOutput": failed}
    ),
    "message": Case(report["Message"], {"Execution": RUN, **failed}, states={"input": failed}),
    "message of a timeout": Case(
        report["Message"], {"Execution": RUN, **timed_out}, states={"input": timed_out}
    ),
    "error passed on": Case(STATES["ReportFailure"]["Output"], failed, states={"input": failed}),
    "error of the run": Case(STATES["Failed"]["Error"], failed["Error"], states={"input": failed}),
    "cause of the run": Case(STATES["Failed"]["Cause"], failed["Cause"], states={"input": failed}),
}
ARGUMENTS = {
    "FindOlderRun": Case(STATES["FindOlderRun"]["Arguments"]),
    "FindInput": Case(listing, variables=told("s3://rows/input/")),
    "Transform": Case(request, variables=told("s3://rows/input/")),
    "ReportFailure": Case(report, states={"input": failed}),
}


@pytest.fixture(scope="module")
def answers() -> dict[str, dict[str, Any]]:
    """What all expressions become."""
    cases = CASES | ARGUMENTS
    return dict(zip(cases, evaluated([case.as_request() for case in cases.values()]), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_expression_becomes(name: str, answers: dict[str, dict[str, Any]]) -> None:
    assert answers[name] == {"value": CASES[name].expected}


def test_every_expression_is_evaluated() -> None:
    """Whoever adds an expression adds a case."""
    covered = json.dumps([case.field for case in (CASES | ARGUMENTS).values()])
    caught = {state["Catch"][0]["Output"] for state in STATES.values() if "Catch" in state}
    for expression in re.findall(r'"\{%.*?%\}"', json.dumps(STATES)):
        assert expression in covered or json.loads(expression) in caught


# Its arguments are what the services take.


@pytest.mark.parametrize("state", TASKS)
def test_arguments_are_what_the_service_takes(
    state: str, answers: dict[str, dict[str, Any]]
) -> None:
    shape = operation(STATES[state]["Resource"]).input_shape
    arguments = {member(shape, name): v for name, v in answers[state]["value"].items()}
    if state == "ReportFailure":
        # The optimized integration turns an object into the text that the API takes.
        arguments["Message"] = json.dumps(arguments["Message"])
    assert problems(shape, arguments) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"TransformResources": None}, 'Missing required parameter in input: "TransformResources"'),
        ({"Splits": "Line"}, "Unknown parameter"),
        ({"MaxPayloadInMB": "6"}, "Invalid type for parameter MaxPayloadInMB"),
        ({"BatchStrategy": "Multi"}, ".BatchStrategy: 'Multi' is not one of"),
        ({"DataProcessing": {"JoinSource": "input"}}, ".DataProcessing.JoinSource: 'input' is"),
        ({"ModelClientConfig": {"InvocationsMaxRetries": 4}}, "4 is more than 3"),
        ({"TransformJobName": "batch_transform"}, "'batch_transform' does not match"),
        ({"TransformJobName": "b" * 64}, "is longer than 63"),
    ],
)
def test_arguments_that_the_service_rejects_would_be_found(
    changes: dict[str, Any], problem: str, answers: dict[str, dict[str, Any]]
) -> None:
    changed = answers["Transform"]["value"] | changes
    arguments = {name: value for name, value in changed.items() if value is not None}
    assert problem in "\n".join(
        problems(operation(STATES["Transform"]["Resource"]).input_shape, arguments)
    )


@pytest.mark.parametrize("state", ["FindOlderRun", "FindInput", "Transform"])
def test_what_is_read_of_a_result_is_in_the_services_answer(state: str) -> None:
    paths = set(re.findall(r"\$states\.result\.([\w.\[\]-]+)", json.dumps(STATES[state])))
    assert paths
    model = operation(STATES[state]["Resource"])
    if STATES[state]["Resource"].endswith(".sync"):  # answers with the job as described
        model = model.service_model.operation_model("DescribeTransformJob")
    for path in paths:
        assert has_path(model.output_shape, path), path


# What every run asks of SageMaker is checked when the workflow is built.


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"instance_count": 0}, "instance_count is 0: choose a value from 1 to 100."),
        ({"instance_count": 101}, "instance_count is 101: choose a value from 1 to 100."),
        ({"max_payload_mb": -1}, "max_payload_mb is -1 MB: choose a value from 0 to 100 MB."),
        ({"max_payload_mb": 101}, "max_payload_mb is 101 MB: choose a value from 0 to 100 MB."),
        (
            {"max_concurrent_transforms": 17},
            "max_concurrent_transforms x max_payload_mb is 102 MB: keep it at or below 100 MB.",
        ),
        pytest.param(
            {"max_concurrent_transforms": -1},
            "max_concurrent_transforms is -1: choose a value from 0",
        ),
        (
            {"invocation_timeout": Duration.seconds(0)},
            "invocation_timeout is 0 s: choose a value from 1 to 3600 s.",
        ),
        (
            {"invocation_timeout": Duration.seconds(3601)},
            "invocation_timeout is 3601 s: choose a value from 1 to 3600 s.",
        ),
        ({"invocation_retries": -1}, "invocation_retries is -1: choose a value from 0 to 3."),
        ({"invocation_retries": 4}, "invocation_retries is 4: choose a value from 0 to 3."),
    ],
)
def test_bad_value_raises_with_the_value_and_the_fix(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        replace(JOB, **changes).check()
    assert message in str(raised.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"instance_count": 100},
        {"max_payload_mb": 0},
        {"max_payload_mb": 100, "max_concurrent_transforms": 1},
        {"max_payload_mb": 50, "max_concurrent_transforms": 2},
        {"invocation_timeout": Duration.seconds(1)},
        {"invocation_timeout": Duration.hours(1)},
        {"invocation_retries": 0},
        {"invocation_retries": 3},
    ],
    ids=str,
)
def test_edges_of_the_range_are_accepted(changes: dict[str, Any]) -> None:
    replace(JOB, **changes).check()


# The construct.


def workflow(parts: Parts, job: TransformJob) -> TransformWorkflow:
    return TransformWorkflow(
        parts.stack,
        "Workflow",
        model=parts.model,
        job=job,
        default_input_uri=parts.bucket.s3_url_for_object("input/"),
        output_uri=parts.bucket.s3_url_for_object("output"),
        failure_topic=parts.topic,
        timeout=Duration.hours(2),
        key=parts.key,
        log_retention=logs.RetentionDays.ONE_MONTH,
        removal_policy=RemovalPolicy.DESTROY,
    )


@pytest.fixture(scope="module")
def built(new_parts: type[Parts]) -> Parts:
    parts = new_parts()
    workflow(parts, JOB)
    return parts


@pytest.fixture(scope="module")
def machine(built: Parts) -> dict[str, Any]:
    (found,) = built.template.find_resources("AWS::StepFunctions::StateMachine").values()
    return dict(found["Properties"])


@pytest.fixture(scope="module")
def statements(built: Parts) -> list[dict[str, Any]]:
    """The statements of the workflow's role."""
    ((role, _),) = built.template.find_resources(
        "AWS::IAM::Role",
        {
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Statement": [{"Principal": {"Service": "states.amazonaws.com"}}]
                }
            }
        },
    ).items()
    (policy,) = built.template.find_resources(
        "AWS::IAM::Policy", {"Properties": {"Roles": [{"Ref": role}]}}
    ).values()
    return list(policy["Properties"]["PolicyDocument"]["Statement"])


def text(value: Any) -> str:
    """Returns a value of the template with its references in angle brackets."""
    match value:
        case {"Fn::Join": ["", parts]}:
            return "".join(map(text, parts))
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
    return str(value)


def test_bad_job_is_not_built(parts: Parts) -> None:
    with pytest.raises(InvalidArgument, match="invocation_retries is 4"):
        workflow(parts, replace(JOB, invocation_retries=4))


def test_state_machine_runs_the_definition(built: Parts, machine: dict[str, Any]) -> None:
    bucket = text(built.resolve(built.bucket.bucket_name))
    expected = workflow_definition(
        transform_request(
            JOB,
            text(built.resolve(built.model.name)),
            f"s3://{bucket}/output",
            text(built.resolve(built.key.key_arn)),
        ),
        f"s3://{bucket}/input/",
        text(built.resolve(built.topic.topic_arn)),
        Duration.hours(2),
    )
    assert json.loads(text(machine["DefinitionString"])) == expected


def test_state_machine_is_named_after_the_stack(machine: dict[str, Any]) -> None:
    assert machine["StateMachineName"] == {"Ref": "AWS::StackName"}


def test_every_event_is_logged_and_traced(built: Parts, machine: dict[str, Any]) -> None:
    (log_group,) = built.template.find_resources("AWS::Logs::LogGroup")
    assert machine["LoggingConfiguration"] == {
        "Level": "ALL",
        "IncludeExecutionData": True,
        "Destinations": [
            {"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": [log_group, "Arn"]}}}
        ],
    }
    assert machine["TracingConfiguration"] == {"Enabled": True}


def test_log_group_needs_no_resource_policy_and_is_encrypted(built: Parts) -> None:
    (found,) = built.template.find_resources("AWS::Logs::LogGroup").values()
    assert text(found["Properties"]["LogGroupName"]) == "/aws/vendedlogs/states/<AWS::StackName>"
    assert found["Properties"]["KmsKeyId"] == built.resolve(built.key.key_arn)


THIS_MACHINE = (
    "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:stateMachine:<AWS::StackName>"
)


def test_only_this_state_machine_may_assume_the_role(built: Parts) -> None:
    (statement,) = (
        statement
        for role in built.template.find_resources("AWS::IAM::Role").values()
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        if statement["Principal"] == {"Service": "states.amazonaws.com"}
    )
    assert statement["Condition"]["StringEquals"] == {
        "aws:SourceAccount": {"Ref": "AWS::AccountId"}
    }
    assert text(statement["Condition"]["ArnLike"]["aws:SourceArn"]) == THIS_MACHINE


@pytest.mark.parametrize(
    ("actions", "resource"),
    [
        ("states:ListExecutions", THIS_MACHINE),
        (
            [
                "sagemaker:AddTags",
                "sagemaker:CreateTransformJob",
                "sagemaker:DescribeTransformJob",
                "sagemaker:ListTags",
                "sagemaker:StopTransformJob",
            ],
            "arn:<AWS::Partition>:sagemaker:<AWS::Region>:<AWS::AccountId>"
            ":transform-job/batch-transform-*",
        ),
        (
            ["events:DescribeRule", "events:PutRule", "events:PutTargets"],
            "arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>"
            ":rule/StepFunctionsGetEventsForSageMakerTransformJobsRule",
        ),
    ],
)
def test_role_may_do_what_the_states_do_where_they_do_it(
    actions: str | list[str], resource: str, statements: list[dict[str, Any]]
) -> None:
    (granted,) = (statement for statement in statements if statement["Action"] == actions)
    assert text(granted["Resource"]) == resource


def test_role_may_report_to_the_topic(built: Parts, statements: list[dict[str, Any]]) -> None:
    (granted,) = (found for found in statements if found["Action"] == "sns:Publish")
    assert granted["Resource"] == built.resolve(built.topic.topic_arn)


@pytest.mark.parametrize(
    ("actions", "condition"),
    [
        ("kms:CreateGrant", {"Bool": {"kms:GrantIsForAWSResource": "true"}}),
        (
            ["kms:Decrypt", "kms:GenerateDataKey"],
            {"StringEquals": {"kms:ViaService": "sns.<AWS::Region>.<AWS::URLSuffix>"}},
        ),
    ],
)
def test_role_may_use_the_key_for_volumes_and_for_the_topic(
    actions: str | list[str],
    condition: dict[str, Any],
    built: Parts,
    statements: list[dict[str, Any]],
) -> None:
    (granted,) = (statement for statement in statements if statement["Action"] == actions)
    assert granted["Resource"] == built.resolve(built.key.key_arn)
    assert {
        operator: {name: text(value) for name, value in values.items()}
        for operator, values in granted["Condition"].items()
    } == condition


def test_only_log_delivery_and_tracing_know_no_resource(statements: list[dict[str, Any]]) -> None:
    (wide,) = (statement for statement in statements if statement["Resource"] == "*")
    assert {action.split(":")[0] for action in wide["Action"]} == {"logs", "xray"}
