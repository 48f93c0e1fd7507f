"""One run for a burst of events: the gate is executed, with DynamoDB and a SageMaker that counts.

What Step Functions does with a state is done here by a few lines: the definition, its JSONata and
its conditional writes are the real ones.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_logs as logs
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from moto import mock_aws

from mla_constructs.errors import InvalidArgument
from mla_constructs.orchestration.retraining_gate import RetrainingGate, gate_definition
from tests.support.states import Evaluator, validated

if TYPE_CHECKING:
    from tests.l3.conftest import Parts

TABLE = "claims"
WINDOW = 900
DEFINITION = gate_definition(
    table_name=TABLE,
    pipeline_name="retraining",
    parameters={"InputDataUri": "s3://rows/raw/"},
    window=Duration.seconds(WINDOW),
    failure_topic_arn="arn:aws:sns:us-east-1:123456789012:alarms",
)
STATES: dict[str, dict[str, Any]] = DEFINITION["States"]


class SageMaker:
    """Runs of a pipeline: takes what the service takes, and the same token as the same start."""

    def __init__(self) -> None:
        self.runs: list[dict[str, str]] = []
        self.tokens: dict[str, str] = {}
        self.broken = 0
        self.model = ServiceModel(Loader().load_service_model("sagemaker", "service-2"))

    def _check(self, operation: str, arguments: dict[str, Any]) -> None:
        shape = self.model.operation_model(operation).input_shape
        report = ParamValidator().validate(arguments, shape)
        assert not report.has_errors(), report.generate_report()

    def start_pipeline_execution(self, **arguments: Any) -> dict[str, Any]:
        self._check("StartPipelineExecution", arguments)
        token = arguments["ClientRequestToken"]
        if token not in self.tokens:
            self.tokens[token] = f"run-{len(self.runs)}"
            self.runs.append(
                {
                    "PipelineExecutionArn": self.tokens[token],
                    "PipelineExecutionStatus": "Executing",
                    "PipelineExecutionDescription": arguments["PipelineExecutionDescription"],
                }
            )
        if self.broken:  # the run is there, its answer is lost
            self.broken -= 1
            raise ClientError({"Error": {"Code": "InternalFailure", "Message": "lost"}}, "Start")
        return {"PipelineExecutionArn": self.tokens[token]}

    def list_pipeline_executions(self, **arguments: Any) -> dict[str, Any]:
        self._check("ListPipelineExecutions", arguments)
        return {"PipelineExecutionSummaries": list(reversed(self.runs))}

    def end(self, status: str = "Succeeded") -> None:
        for run in self.runs:
            run["PipelineExecutionStatus"] = status


@dataclass
class Execution:
    """One execution of the gate, between two states."""

    name: str
    given: dict[str, Any]
    state: str | None = DEFINITION["StartAt"]
    input: Any = None
    variables: dict[str, Any] = field(default_factory=dict)
    wakes: float = 0
    attempts: int = 0
    ended: str = ""

    def bindings(self, clock: float, **more: Any) -> dict[str, Any]:
        arn = f"arn:aws:states:us-east-1:123456789012:execution:gate:{self.name}"
        context = {"Execution": {"Id": arn, "Input": self.given}}
        return {
            "states": {"context": context, "input": self.input, **more},
            "clock": int(clock * 1000),
            **self.variables,
        }


class Gate:
    """Runs executions of the definition side by side, by a clock of its own."""

    def __init__(self, dynamodb: Any, evaluated: Evaluator) -> None:
        self.dynamodb = dynamodb
        self.evaluated = evaluated
        self.sagemaker = SageMaker()
        self.published: list[dict[str, Any]] = []
        self.clock = 1_795_000_000.0
        self.executions: list[Execution] = []
        self.names = itertools.count()

    def event(self, **given: Any) -> Execution:
        execution = Execution(f"event-{next(self.names)}", given, input=given)
        self.executions.append(execution)
        return execution

    def until(self, seconds: float) -> None:
        """Lets time pass; what is due goes on state by state, all executions in turn."""
        end = self.clock + seconds
        while True:
            going = [e for e in self.executions if e.state]
            due = [e for e in going if e.wakes <= self.clock]
            if due:
                self._step(due)
            elif going and (wakes := min(e.wakes for e in going)) <= end:
                self.clock = wakes
            else:
                self.clock = end
                return

    def _step(self, due: list[Execution]) -> None:
        asked = [
            {
                "value": STATES[e.state or ""].get("Arguments", {}),
                "bindings": e.bindings(self.clock),
            }
            for e in due
        ]
        for execution, answer in zip(due, self.evaluated(asked), strict=True):
            assert "error" not in answer, answer
            state = STATES[execution.state or ""]
            getattr(self, f"_{state['Type'].lower()}")(execution, state, answer["value"])

    def _wait(self, execution: Execution, state: dict[str, Any], _: Any) -> None:
        execution.wakes = self.clock + state["Seconds"]
        execution.state = state["Next"]

    def _choice(self, execution: Execution, state: dict[str, Any], _: Any) -> None:
        for choice in state["Choices"]:
            if self._become(execution, choice["Condition"]):
                execution.state = choice["Next"]
                return
        execution.state = state["Default"]

    def _succeed(self, execution: Execution, *_: Any) -> None:
        execution.state, execution.ended = None, "gathered"

    def _fail(self, execution: Execution, *_: Any) -> None:
        execution.state, execution.ended = None, "failed"

    def _task(self, execution: Execution, state: dict[str, Any], arguments: Any) -> None:
        try:
            result = self._call(state["Resource"], arguments)
        except ClientError as error:
            self._caught(execution, state, state["Resource"], error)
            return
        more = {"result": result}
        for name, value in state.get("Assign", {}).items():
            execution.variables[name] = self._become(execution, value, **more)
        execution.input = self._become(execution, state["Output"], **more)
        execution.state = state.get("Next")
        if not execution.state:
            execution.ended = "started"

    def _call(self, resource: str, arguments: dict[str, Any]) -> Any:
        match resource.split(":")[-2:]:
            case ["dynamodb", "putItem"]:
                return self.dynamodb.put_item(**arguments)
            case ["dynamodb", "deleteItem"]:
                return self.dynamodb.delete_item(**arguments)
            case ["sagemaker", "listPipelineExecutions"]:
                return self.sagemaker.list_pipeline_executions(**arguments)
            case ["sagemaker", "startPipelineExecution"]:
                return self.sagemaker.start_pipeline_execution(**arguments)
            case ["sns", "publish"]:
                return self.published.append(arguments)
        raise AssertionError(resource)

    def _caught(
        self, execution: Execution, state: dict[str, Any], resource: str, error: ClientError
    ) -> None:
        service = {"dynamodb": "DynamoDB", "sagemaker": "SageMaker"}[resource.split(":")[-2]]
        code = f"{service}.{error.response['Error']['Code']}"
        for retry in state.get("Retry", []):
            if execution.attempts < retry["MaxAttempts"]:
                execution.attempts += 1
                execution.wakes = self.clock + retry["IntervalSeconds"]
                return
        for catch in state["Catch"]:
            if code in catch["ErrorEquals"] or "States.ALL" in catch["ErrorEquals"]:
                told = {"errorOutput": {"Error": code, "Cause": str(error)}}
                execution.input = self._become(execution, catch["Output"], **told)
                execution.state = catch["Next"]
                return
        raise AssertionError(code)

    def _become(self, execution: Execution, value: Any, **more: Any) -> Any:
        asked = {"value": value, "bindings": execution.bindings(self.clock, **more)}
        (answer,) = self.evaluated([asked])
        assert "error" not in answer, answer
        return answer["value"]

    def claims(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.dynamodb.scan(TableName=TABLE)["Items"]
        return items


@pytest.fixture(scope="module")
def evaluator() -> Iterator[Evaluator]:
    evaluator = Evaluator()
    yield evaluator
    evaluator.close()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch, evaluator: Evaluator) -> Iterator[Gate]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        dynamodb = boto3.client("dynamodb", region_name="us-east-1")
        dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "Gate", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "Gate", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield Gate(dynamodb, evaluator)


# What happens with events.


def test_burst_of_ten_starts_one_run_and_a_later_event_another(gate: Gate) -> None:
    for number in range(10):
        gate.event(Reason=f"new data: {number}")
    gate.until(WINDOW + 1)
    assert len(gate.sagemaker.runs) == 1
    ended = [execution.ended for execution in gate.executions]
    assert sorted(ended) == ["gathered"] * 9 + ["started"]
    assert gate.claims() == []

    gate.sagemaker.end()
    gate.event(Reason="drift")
    gate.until(WINDOW + 1)
    descriptions = [run["PipelineExecutionDescription"] for run in gate.sagemaker.runs]
    assert descriptions == ["new data: 0", "drift"]


def test_event_within_the_window_is_in_the_run_that_follows_it(gate: Gate) -> None:
    gate.event(Reason="first")
    gate.until(WINDOW - 1)
    late = gate.event(Reason="late")
    gate.until(0)
    assert (late.ended, gate.sagemaker.runs) == ("gathered", [])
    gate.until(2)
    assert len(gate.sagemaker.runs) == 1


def test_nothing_starts_beside_a_run_that_goes_on(gate: Gate) -> None:
    gate.event(Reason="first")
    gate.until(WINDOW + 1)
    waiting = gate.event(Reason="second")
    gate.until(10 * WINDOW)
    assert len(gate.sagemaker.runs) == 1
    assert waiting.ended == ""
    # It keeps its claim, so that a third event still finds it.
    third = gate.event(Reason="third")
    gate.until(0)
    assert third.ended == "gathered"

    gate.sagemaker.end("Failed")
    gate.until(WINDOW + 1)
    assert waiting.ended == "started"
    assert len(gate.sagemaker.runs) == 2


def test_claim_of_an_aborted_execution_ends_by_itself(gate: Gate) -> None:
    aborted = gate.event(Reason="first")
    gate.until(10)
    aborted.state = None
    soon = gate.event(Reason="soon")
    gate.until(WINDOW + 300)
    assert soon.ended == "gathered"
    later = gate.event(Reason="later")
    gate.until(200)
    assert later.ended == "", "it holds the claim"
    gate.until(WINDOW)
    assert later.ended == "started"
    assert len(gate.sagemaker.runs) == 1


def test_execution_that_has_lost_its_claim_starts_nothing(gate: Gate) -> None:
    paused = gate.event(Reason="paused")
    gate.until(1)
    paused.wakes += 10 * WINDOW
    gate.until(WINDOW + 400)
    other = gate.event(Reason="other")
    gate.until(WINDOW - 100)
    paused.wakes = gate.clock
    gate.until(2 * WINDOW)
    assert (paused.ended, other.ended) == ("gathered", "started")
    assert len(gate.sagemaker.runs) == 1


def test_lost_answer_starts_no_second_run(gate: Gate) -> None:
    gate.sagemaker.broken = 2
    gate.event(Reason="first")
    gate.until(2 * WINDOW)
    assert [execution.ended for execution in gate.executions] == ["started"]
    assert len(gate.sagemaker.runs) == 1


def test_start_that_fails_is_reported_and_leaves_the_gate_open(gate: Gate) -> None:
    gate.sagemaker.broken = 100
    gate.event(Reason="first")
    gate.until(2 * WINDOW)
    assert [execution.ended for execution in gate.executions] == ["failed"]
    (message,) = gate.published
    assert message["Subject"] == "Retraining did not start"
    assert message["Message"]["Error"] == "SageMaker.InternalFailure"
    assert gate.claims() == []


def test_execution_without_a_reason_is_started_by_hand(gate: Gate) -> None:
    gate.event()
    gate.until(WINDOW + 1)
    (run,) = gate.sagemaker.runs
    assert run["PipelineExecutionDescription"] == "by hand"


# The definition and the construct.


def test_definition_is_valid(tmp_path: Path) -> None:
    result = validated(DEFINITION, tmp_path)
    assert result.returncode == 0, result.stderr


def test_definition_with_a_dangling_transition_would_not_be(tmp_path: Path) -> None:
    broken = copy.deepcopy(DEFINITION)
    broken["States"]["DoesOneRun"]["Default"] = "Nowhere"
    assert "Nowhere" in validated(broken, tmp_path).stderr


def test_gate_is_given_back_before_the_run_starts() -> None:
    """After it, an event between the two would be in no run."""
    assert STATES["Release"]["Next"] == "Start"


def built(parts: Parts, window: Duration) -> RetrainingGate:
    return RetrainingGate(
        parts.stack,
        "Gate",
        pipeline_name="retraining",
        parameters={},
        window=window,
        failure_topic=parts.topic,
        key=parts.key,
        log_retention=logs.RetentionDays.ONE_MONTH,
        removal_policy=RemovalPolicy.DESTROY,
    )


@pytest.mark.parametrize("seconds", [59, 43_201])
def test_window_out_of_range_raises(seconds: int, parts: Parts) -> None:
    message = f"window is {seconds} s: choose a value from 60 to 43200 s."
    with pytest.raises(InvalidArgument, match=message):
        built(parts, Duration.seconds(seconds))


def test_role_may_claim_list_and_start_and_no_more(parts: Parts) -> None:
    built(parts, Duration.minutes(15))
    policies = parts.template.find_resources("AWS::IAM::Policy").values()
    granted = {
        tuple(statement["Action"]) if isinstance(statement["Action"], list) else ()
        for policy in policies
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    }
    assert ("dynamodb:DeleteItem", "dynamodb:PutItem") in granted
    assert ("sagemaker:ListPipelineExecutions", "sagemaker:StartPipelineExecution") in granted


def test_claims_are_encrypted_and_expire(parts: Parts) -> None:
    built(parts, Duration.minutes(15))
    parts.template.has_resource_properties(
        "AWS::DynamoDB::Table",
        {
            "TimeToLiveSpecification": {"AttributeName": "ExpiresAt", "Enabled": True},
            "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS"},
        },
    )
