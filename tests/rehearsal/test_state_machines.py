"""Tasks run under their state machine's role, wait for jobs, and fail by the services' names."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from rehearsal.account import ACCOUNT, REGION, EmulatedAccount
from tests.rehearsal.workflows import IMAGE, Workflows, until

RULES = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/StepFunctionsGetEventsForSageMaker*"
HEAR = (["events:PutTargets", "events:PutRule", "events:DescribeRule"], RULES)
JOBS = (["sagemaker:*"], f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:processing-job/*")
PASS = (["iam:PassRole"], f"arn:aws:iam::{ACCOUNT}:role/*")
FUNCTION = """
import os, boto3
def handler(event, context):
    if event.get("fail"):
        raise ValueError("no luck")
    if event.get("sleep"):
        __import__("time").sleep(event["sleep"])
    me = boto3.client("sts").get_caller_identity()["Arn"]
    return {"me": me, "endpoint": os.environ["AWS_ENDPOINT_URL"], "given": os.environ.get("GIVEN")}
"""


@pytest.fixture(scope="module")
def flows(account: EmulatedAccount) -> Workflows:
    return Workflows(account)


def run(flows: Workflows, states: dict[str, Any], *allowed: tuple[Any, str], **machine: Any) -> str:
    """Starts an execution of a new machine; its first state is the first one."""
    sfn = flows.client("stepfunctions")
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
    made = sfn.create_state_machine(
        name=flows.name("machine"),
        roleArn=flows.role("states", *allowed),
        definition=json.dumps(definition | machine),
    )
    return str(sfn.start_execution(stateMachineArn=made["stateMachineArn"])["executionArn"])


def ended(flows: Workflows, execution: str, *, skipping: float = 0) -> dict[str, Any]:
    def look() -> Any:
        if skipping:
            flows.account.advance(skipping)
        found = flows.client("stepfunctions").describe_execution(executionArn=execution)
        return found if found["status"] != "RUNNING" else None

    found: dict[str, Any] = until(look)
    return found


def task(resource: str, arguments: dict[str, Any], **more: Any) -> dict[str, Any]:
    named = f"arn:aws:states:::{resource}"
    return {"Do": {"Type": "Task", "Resource": named, "Arguments": arguments, "End": True, **more}}


def test_a_call_takes_the_roles_permission(flows: Workflows) -> None:
    flows.put("a/1.txt", "one")
    states = task("aws-sdk:s3:listObjectsV2", {"Bucket": flows.bucket, "Prefix": "a/"})
    refused = ended(flows, run(flows, states))
    assert refused["error"] == "S3.S3Exception"
    assert "s3:ListBucket" in refused["cause"]
    allowed = ("s3:ListBucket", f"arn:aws:s3:::{flows.bucket}")
    found = ended(flows, run(flows, states, allowed))
    assert json.loads(found["output"])["KeyCount"] == 1


def test_objects_are_read_and_missing_ones_are_named(flows: Workflows) -> None:
    flows.put("a/1.txt", "one")
    allowed = (["s3:GetObject", "s3:ListBucket"], f"arn:aws:s3:::{flows.bucket}*")
    states = task("aws-sdk:s3:getObject", {"Bucket": flows.bucket, "Key": "a/1.txt"})
    assert json.loads(ended(flows, run(flows, states, allowed))["output"])["Body"] == "one"
    states["Do"]["Arguments"]["Key"] = "a/2.txt"
    caught = {"ErrorEquals": ["S3.NoSuchKeyException"], "Next": "No"}
    states = {"Do": states["Do"] | {"Catch": [caught]}, "No": {"Type": "Succeed", "Output": "no"}}
    assert json.loads(ended(flows, run(flows, states, allowed))["output"]) == "no"


def test_a_condition_that_does_not_hold_has_dynamodbs_own_name(flows: Workflows) -> None:
    table = flows.name("table")
    flows.client("dynamodb").create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    item = {
        "TableName": table,
        "Item": {"k": {"S": "1"}},
        "ConditionExpression": "attribute_not_exists(k)",
    }
    allowed = ("dynamodb:PutItem", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}")
    first = ended(flows, run(flows, task("dynamodb:putItem", item), allowed))
    assert first["status"] == "SUCCEEDED", first
    optimized = ended(flows, run(flows, task("dynamodb:putItem", item), allowed))
    assert optimized["error"] == "DynamoDB.ConditionalCheckFailedException"
    sdk = ended(flows, run(flows, task("aws-sdk:dynamodb:putItem", item), allowed))
    assert sdk["error"] == "DynamoDb.ConditionalCheckFailedException"


def test_only_optimized_integrations_take_structures_for_text(flows: Workflows) -> None:
    url, arn = flows.queue()
    message = {"QueueUrl": url, "MessageBody": {"a": 1}}
    allowed = ("sqs:SendMessage", arn)
    assert ended(flows, run(flows, task("sqs:sendMessage", message), allowed))["output"]
    assert json.loads(flows.message(url)["Body"]) == {"a": 1}
    strict = ended(flows, run(flows, task("aws-sdk:sqs:sendMessage", message), allowed))
    assert strict["error"] == "States.Runtime"
    assert "must be a STRING" in strict["cause"]


def test_a_callback_waits_for_its_token(flows: Workflows) -> None:
    url, arn = flows.queue()
    body = {"token": "{% $states.context.Task.Token %}"}
    states = task("sqs:sendMessage.waitForTaskToken", {"QueueUrl": url, "MessageBody": body})
    execution = run(flows, states, ("sqs:SendMessage", arn))
    token = json.loads(flows.message(url)["Body"])["token"]
    flows.client("stepfunctions").send_task_success(taskToken=token, output='"done"')
    assert json.loads(ended(flows, execution)["output"]) == "done"


def test_waits_and_limits_are_of_the_rehearsals_time(flows: Workflows) -> None:
    wait = {"Wait": {"Type": "Wait", "Seconds": 7200, "End": True}}
    execution = run(flows, wait)
    assert ended(flows, execution, skipping=1800)["status"] == "SUCCEEDED"
    limited = run(flows, wait, TimeoutSeconds=600)
    assert ended(flows, limited, skipping=300)["status"] == "TIMED_OUT"


# .sync


def processing(flows: Workflows, program: str, **more: Any) -> dict[str, Any]:
    role = flows.job_role()
    request = {
        "ProcessingJobName": "{% 'job-' & $uuid() %}",
        "RoleArn": role,
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["python3", "-c", program],
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 5,
            }
        },
    }
    return task("sagemaker:createProcessingJob.sync", request, **more)


def test_sync_ends_with_the_job(flows: Workflows) -> None:
    execution = run(flows, processing(flows, "pass"), HEAR, JOBS, PASS)
    found = ended(flows, execution)
    assert found["status"] == "SUCCEEDED", found
    assert json.loads(found["output"])["ProcessingJobStatus"] == "Completed"
    failed = ended(flows, run(flows, processing(flows, "import no"), HEAR, JOBS, PASS))
    assert failed["error"] == "States.TaskFailed"
    assert json.loads(failed["cause"])["ProcessingJobStatus"] == "Failed"


@pytest.mark.parametrize(
    ("allowed", "error", "cause"),
    [
        ((JOBS, PASS), "States.TaskFailed", "not authorized to create managed-rule"),
        ((HEAR, PASS), "SageMaker.AmazonSageMakerException", "sagemaker:CreateProcessingJob"),
        ((HEAR, JOBS), "SageMaker.AmazonSageMakerException", "iam:PassRole"),
    ],
)
def test_sync_takes_what_the_documentation_lists(
    flows: Workflows, allowed: tuple[Any, ...], error: str, cause: str
) -> None:
    failed = ended(flows, run(flows, processing(flows, "pass"), *allowed))
    assert failed["error"] == error
    assert cause in failed["cause"]


def test_a_task_that_takes_too_long_stops_its_job(flows: Workflows) -> None:
    slow = processing(flows, "import time; time.sleep(60)", TimeoutSeconds=900)
    failed = ended(flows, run(flows, slow, HEAR, JOBS, PASS), skipping=300)
    assert failed["error"] == "States.Timeout"
    sagemaker = flows.client("sagemaker")

    def newest() -> bool:
        (job,) = sagemaker.list_processing_jobs(MaxResults=1)["ProcessingJobSummaries"]
        return bool(job["ProcessingJobStatus"] == "Stopped")

    assert until(newest)


def test_runs_are_counted_and_logged(flows: Workflows) -> None:
    group = flows.name("/aws/vendedlogs/states/test")
    flows.client("logs").create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*"
    sfn = flows.client("stepfunctions")
    definition = {"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Because"}}}
    machine = sfn.create_state_machine(
        name=flows.name("machine"),
        roleArn=flows.role("states"),
        definition=json.dumps(definition),
        loggingConfiguration={
            "level": "ALL",
            "includeExecutionData": True,
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}}],
        },
    )["stateMachineArn"]
    ended(flows, sfn.start_execution(stateMachineArn=machine)["executionArn"])
    events = flows.client("logs").filter_log_events(logGroupName=group)["events"]
    types = [json.loads(event["message"])["type"] for event in events]
    assert types[-1] == "ExecutionFailed"
    metrics = flows.client("cloudwatch").list_metrics(
        Namespace="AWS/States", Dimensions=[{"Name": "StateMachineArn", "Value": machine}]
    )["Metrics"]
    assert {"ExecutionsStarted", "ExecutionsFailed"} <= {one["MetricName"] for one in metrics}


# Functions


def function(flows: Workflows, *allowed: tuple[Any, str], **more: Any) -> str:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", FUNCTION)
    made = flows.client("lambda").create_function(
        FunctionName=flows.name("function"),
        Runtime="python3.12",
        Handler="index.handler",
        Role=flows.role("lambda", *allowed),
        Code={"ZipFile": packed.getvalue()},
        **more,
    )
    return str(made["FunctionArn"])


def test_a_function_runs_under_its_role_and_its_errors_have_their_names(flows: Workflows) -> None:
    arn = function(flows, Environment={"Variables": {"GIVEN": "1"}}, Timeout=30)
    call = {"FunctionName": arn, "Payload": {}}
    allowed = ("lambda:InvokeFunction", arn)
    refused = ended(flows, run(flows, task("lambda:invoke", call)))
    assert "lambda:InvokeFunction" in refused["cause"]
    found = ended(flows, run(flows, task("lambda:invoke", call), allowed))
    assert found["status"] == "SUCCEEDED", found
    answer = json.loads(found["output"])["Payload"]
    assert (answer["endpoint"], answer["given"]) == (flows.account.url, "1")
    assert ":assumed-role/role-" in answer["me"]
    failing = call | {"Payload": {"fail": True}}
    assert ended(flows, run(flows, task("lambda:invoke", failing), allowed))["error"] == (
        "ValueError"
    )


def test_a_function_is_ended_in_time_and_its_dead_letters_are_kept(flows: Workflows) -> None:
    url, queue = flows.queue()
    arn = function(
        flows, ("sqs:SendMessage", queue), Timeout=1, DeadLetterConfig={"TargetArn": queue}
    )
    client = flows.client("lambda")
    answer = client.invoke(FunctionName=arn, Payload=b'{"sleep": 20}')
    assert "Task timed out after 1" in answer["Payload"].read().decode()
    client.put_function_event_invoke_config(FunctionName=arn, MaximumRetryAttempts=0)
    client.invoke(FunctionName=arn, InvocationType="Event", Payload=b'{"fail": true}')
    assert json.loads(flows.message(url)["Body"]) == {"fail": True}
