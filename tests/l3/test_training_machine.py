"""The training workflow as a state machine: its definition, and runs of it on this computer."""

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
from mla_constructs.orchestration.training_machine import (
    TrainingMachine,
    training_machine_definition,
)
from mla_constructs.orchestration.workflow_requests import WorkflowParameters
from runtime.jobs import tumor_workflow
from runtime.models import tumor_classifier
from tests.support import workflow
from tests.support.api import has_path, member, operation, problems, service
from tests.support.local_jobs import JobFailed, LocalSageMaker
from tests.support.states import evaluated, validated

if TYPE_CHECKING:
    from tests.l3.conftest import Parts

TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms"


def definition_of(
    parameters: WorkflowParameters = workflow.PARAMETERS,
    step_timeout: Duration | None = None,
) -> dict[str, Any]:
    return training_machine_definition(
        workflow.JOB,
        parameters=parameters,
        runs_bucket="workspace",
        model_package_group_name="tumors",
        approval_status="PendingManualApproval",
        step_timeout=step_timeout or Duration.hours(1),
        failure_topic_arn=TOPIC,
    )


DEFINITION = definition_of()
STATES: dict[str, dict[str, Any]] = DEFINITION["States"]
TASKS = [name for name, state in STATES.items() if state["Type"] == "Task"]


# The definition.


def test_definition_is_valid(tmp_path: Path) -> None:
    result = validated(DEFINITION, tmp_path)
    assert result.returncode == 0, result.stderr


def test_definition_with_a_dangling_transition_would_not_be(tmp_path: Path) -> None:
    broken = copy.deepcopy(DEFINITION)
    broken["States"]["IsGoodEnough"]["Default"] = "Nowhere"
    assert "Nowhere" in validated(broken, tmp_path).stderr


def test_jobs_are_waited_for_limited_in_time_and_tried_again() -> None:
    for name in ("Preprocess", "Train", "Evaluate"):
        state = STATES[name]
        assert state["Resource"].endswith("Job.sync"), name
        assert state["TimeoutSeconds"] == 3600, name
        (retry,) = state["Retry"]
        assert "SageMaker.ResourceLimitExceededException" in retry["ErrorEquals"]
        assert retry["BackoffRate"] > 1


def test_whatever_fails_is_reported_before_the_run_fails() -> None:
    for name in TASKS:
        if name != "ReportFailure":
            (catch,) = STATES[name]["Catch"]
            assert (catch["ErrorEquals"], catch["Next"]) == (["States.ALL"], "ReportFailure"), name
    assert STATES["Reject"]["Next"] == "ReportFailure"
    assert STATES["ReportFailure"]["Next"] == "Failed"


def test_what_is_read_of_a_result_is_in_the_services_answer() -> None:
    checked = 0
    for name in TASKS:
        model = operation(STATES[name]["Resource"])
        if STATES[name]["Resource"].endswith(".sync"):  # answers with the job as described
            described = model.name.replace("Create", "Describe")
            model = service("sagemaker").operation_model(described)
        for path in re.findall(r"\$states\.result\.([\w.\[\]]+)", json.dumps(STATES[name])):
            assert has_path(model.output_shape, path), path
            checked += 1
    assert checked == 3


@pytest.mark.parametrize("days", [0, 366])
def test_time_out_that_step_functions_rejects_raises(days: int) -> None:
    with pytest.raises(InvalidArgument, match=r"step_timeout is \d+ s: choose a value from 1"):
        definition_of(step_timeout=Duration.days(days))


def test_gate_without_effect_raises() -> None:
    with pytest.raises(InvalidArgument, match=r"minimum_roc_auc is 0\.3: choose a value from 0\.5"):
        definition_of(replace(workflow.PARAMETERS, minimum_roc_auc=0.3))


# Runs of it: the jobs are real, Step Functions is the few lines below.


@dataclass
class LocalStepFunctions:
    """Runs a definition in JSONata, state by state."""

    definition: dict[str, Any]
    sagemaker: LocalSageMaker
    published: list[dict[str, Any]] = field(default_factory=list)
    asked: dict[str, dict[str, Any]] = field(default_factory=dict)

    def run(self, name: str, **given: Any) -> tuple[str, Any]:
        """Returns how the execution ended, and its output or error."""
        self.execution = {"Id": f"arn:aws:states:::execution:tumors:{name}", "Name": name}
        self.variables: dict[str, Any] = {}
        self.jobs = 0
        state_name, value = self.definition["StartAt"], given
        while True:
            state = self.definition["States"][state_name]
            if state["Type"] == "Fail":
                return "Failed", self._evaluate(
                    {"Error": state["Error"], "Cause": state["Cause"]}, {"input": value}
                )
            state_name, value = self._step(state_name, state, value)
            if not state_name:
                return "Succeeded", value

    def _step(self, name: str, state: dict[str, Any], value: Any) -> tuple[str, Any]:
        if state["Type"] == "Choice":
            for option in state["Choices"]:
                if self._evaluate(option["Condition"], {"input": value}):
                    return option["Next"], value
            return state["Default"], value
        seen = {"input": value}
        if state["Type"] == "Task":
            try:
                seen["result"] = self._task(name, state, seen)
            except JobFailed as failure:
                (catch,) = state["Catch"]
                error = {"Error": "SageMaker.JobFailed", "Cause": str(failure)}
                return catch["Next"], self._evaluate(catch["Output"], {"errorOutput": error})
        assigned = self._evaluate(state.get("Assign", {}), seen)
        output = (
            self._evaluate(state["Output"], seen)
            if "Output" in state
            else (seen.get("result", value))
        )
        self.variables |= assigned
        return state.get("Next", ""), output

    def _task(self, name: str, state: dict[str, Any], seen: dict[str, Any]) -> Any:
        arguments = self.asked[name] = self._evaluate(state["Arguments"], seen)
        match state["Resource"].removeprefix("arn:aws:states:::"):
            case "sagemaker:createProcessingJob.sync":
                return self.sagemaker.create_processing_job(**self._named(arguments))
            case "sagemaker:createTrainingJob.sync":
                return self.sagemaker.create_training_job(**self._named(arguments))
            case "aws-sdk:sagemaker:createModelPackage":
                return self.sagemaker.create_model_package(**arguments)
            case "aws-sdk:s3:getObject":
                uri = f"s3://{arguments['Bucket']}/{arguments['Key']}"
                return {"Body": self.sagemaker.get(uri).decode()}
            case "sns:publish":
                self.published.append(arguments)
                return {"MessageId": "1"}
        raise AssertionError(f"no handler for {state['Resource']}")

    def _named(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Every job gets a name of its own: the tests' UUID is always the same."""
        self.jobs += 1
        (key,) = (key for key in arguments if key.endswith("JobName"))
        return arguments | {key: f"{arguments[key]}-{self.execution['Name']}-{self.jobs}"}

    def _evaluate(self, value: Any, states: dict[str, Any]) -> Any:
        context = {"Execution": self.execution}
        bindings = {"states": {"context": context, **states}, **self.variables}
        (answer,) = evaluated([{"value": value, "bindings": bindings}])
        assert "error" not in answer, answer
        return answer["value"]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> LocalStepFunctions:
    sagemaker = LocalSageMaker(tmp_path_factory.mktemp("sagemaker"))
    sagemaker.put(workflow.JOB.code_uri, b"the archive")
    sagemaker.put(workflow.PARAMETERS.raw_uri, tumor_workflow.RAW_DATA.read_bytes())
    sagemaker.put(workflow.PARAMETERS.approved_model_uri, tumor_classifier.ARTIFACT.read_bytes())
    return LocalStepFunctions(DEFINITION, sagemaker)


@pytest.fixture(scope="module")
def good(local: LocalStepFunctions) -> tuple[str, Any]:
    return local.run("good")


@pytest.fixture(scope="module")
def bad(local: LocalStepFunctions, good: tuple[str, Any]) -> tuple[str, Any]:
    assert good
    return local.run("bad", MaxDepth=1, Rounds="1")


def test_good_model_is_registered_with_its_evaluation(
    good: tuple[str, Any], local: LocalStepFunctions
) -> None:
    outcome, output = good
    assert outcome == "Succeeded"
    assert output["RocAuc"] > 0.97
    version = local.sagemaker.versions[0]
    assert output["ModelPackageArn"].endswith("model-package/tumors/1")
    assert version["ModelApprovalStatus"] == "PendingManualApproval"
    evaluation = version["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    assert evaluation == "s3://workspace/runs/good/evaluation/evaluation.json"
    assert json.loads(local.sagemaker.get(evaluation))["gate"]["roc_auc"] == output["RocAuc"]
    (container,) = version["InferenceSpecification"]["Containers"]
    assert local.sagemaker.get(container["ModelDataUrl"])


def test_bad_model_fails_the_run_and_is_reported_not_registered(
    bad: tuple[str, Any], local: LocalStepFunctions
) -> None:
    outcome, error = bad
    assert (outcome, error["Error"]) == ("Failed", "ModelNotGoodEnough")
    assert re.fullmatch(
        r"ROC AUC 0\.88\d+ of at least 0\.95, lead -0\.09\d+ of at least -0\.005", error["Cause"]
    )
    assert local.published[-1]["Message"]["Cause"] == error["Cause"]
    assert len(local.sagemaker.versions) == 1


def test_stricter_gate_of_a_run_stops_the_good_model(
    bad: tuple[str, Any], local: LocalStepFunctions
) -> None:
    assert bad
    assert local.run("strict", MinimumLead="0.1")[1]["Error"] == "ModelNotGoodEnough"
    assert len(local.sagemaker.versions) == 1


def test_bad_data_is_reported_in_the_scripts_own_words(
    bad: tuple[str, Any], local: LocalStepFunctions
) -> None:
    assert bad
    local.sagemaker.put("s3://workspace/raw/new/tumors.csv", b"id,diagnosis\n")
    outcome, error = local.run("empty", InputDataUri="s3://workspace/raw/new/")
    assert (outcome, error["Error"]) == ("Failed", "SageMaker.JobFailed")
    assert "tumors.csv has other columns than expected" in error["Cause"]
    assert local.published[-1]["Message"]["Execution"].endswith(":empty")


@pytest.mark.parametrize("name", TASKS)
def test_arguments_are_what_the_service_takes(
    name: str, good: tuple[str, Any], bad: tuple[str, Any], local: LocalStepFunctions
) -> None:
    assert good
    assert bad
    shape = operation(STATES[name]["Resource"]).input_shape
    arguments = {member(shape, key): value for key, value in local.asked[name].items()}
    if name == "ReportFailure":
        # The optimized integration turns an object into the text that the API takes.
        arguments["Message"] = json.dumps(arguments["Message"])
    assert problems(shape, arguments) == []


# The construct.


@pytest.fixture(scope="module")
def built(new_parts: type[Parts]) -> Parts:
    parts = new_parts()
    TrainingMachine(
        parts.stack,
        "Workflow",
        definition=DEFINITION,
        workspace=parts.workspace,
        failure_topic=parts.topic,
        key=parts.key,
        log_retention=logs.RetentionDays.ONE_MONTH,
        removal_policy=RemovalPolicy.DESTROY,
    )
    return parts


@pytest.fixture(scope="module")
def statements(built: Parts) -> list[dict[str, Any]]:
    ((_, policy),) = (
        found
        for found in built.template.find_resources("AWS::IAM::Policy").items()
        if found[0].startswith("WorkflowRole")
    )
    return list(policy["Properties"]["PolicyDocument"]["Statement"])


def test_state_machine_runs_the_definition_logged_and_traced(built: Parts) -> None:
    (machine,) = built.template.find_resources("AWS::StepFunctions::StateMachine").values()
    properties = machine["Properties"]
    assert json.loads(properties["DefinitionString"]) == DEFINITION
    assert properties["LoggingConfiguration"]["Level"] == "ALL"
    assert properties["TracingConfiguration"] == {"Enabled": True}
    assert properties["StateMachineName"] == {"Ref": "AWS::StackName"}


def test_role_may_hear_of_both_kinds_of_jobs(statements: list[dict[str, Any]]) -> None:
    (granted,) = (found for found in statements if "events:PutRule" in found["Action"])
    rules = {resource["Fn::Join"][1][-1] for resource in granted["Resource"]}
    assert rules == {
        ":rule/StepFunctionsGetEventsForSageMakerProcessingJobsRule",
        ":rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule",
    }


def test_role_may_create_jobs_of_the_definitions_names_only(
    statements: list[dict[str, Any]], local: LocalStepFunctions, good: tuple[str, Any]
) -> None:
    assert good
    for api, kind in (("Processing", "processing"), ("Training", "training")):
        (granted,) = (
            found for found in statements if f"sagemaker:Create{api}Job" in found["Action"]
        )
        assert granted["Resource"]["Fn::Join"][1][-1] == f":{kind}-job/workflow-*"
    assert all(name.startswith("workflow-") for name in local.sagemaker.jobs)
