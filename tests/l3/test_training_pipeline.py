"""The training workflow as a pipeline: its document, its graph, and runs on this computer."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration

from mla_constructs.errors import InvalidArgument
from mla_constructs.orchestration.training_pipeline import (
    StepPolicy,
    TrainingPipeline,
    training_pipeline_definition,
)
from mla_constructs.orchestration.workflow_requests import WorkflowParameters
from runtime.jobs import tumor_workflow
from runtime.models import tumor_classifier
from tests.support import workflow
from tests.support.api import has_path, problems, service
from tests.support.local_jobs import JobFailed, LocalSageMaker

if TYPE_CHECKING:
    from tests.l3.conftest import Parts

Step = dict[str, Any]

POLICY = StepPolicy(retries=3, retry_interval=Duration.minutes(1), cache_for=Duration.days(30))


def definition_of(
    parameters: WorkflowParameters = workflow.PARAMETERS, policy: StepPolicy = POLICY
) -> dict[str, Any]:
    return training_pipeline_definition(
        workflow.JOB,
        parameters=parameters,
        runs_uri="s3://workspace/runs",
        model_package_group_name="tumors",
        approval_status="PendingManualApproval",
        policy=policy,
    )


DEFINITION = definition_of()


def steps(definition: dict[str, Any]) -> Iterator[Step]:
    """Yields every step, those of a condition's branches too."""
    for step in definition["Steps"]:
        yield step
        if step["Type"] == "Condition":
            yield from step["Arguments"]["IfSteps"] + step["Arguments"]["ElseSteps"]


STEPS = {step["Name"]: step for step in steps(DEFINITION)}


def references(value: Any) -> Iterator[str]:
    """Yields every {"Get": ...} of a value."""
    match value:
        case {"Get": str(path)}:
            yield path
        case dict():
            for item in value.values():
                yield from references(item)
        case list():
            for item in value:
                yield from references(item)


# Each step's arguments are those of the API.

APIS = {
    "Processing": ("CreateProcessingJob", "ProcessingJobName", "DescribeProcessingJob"),
    "Training": ("CreateTrainingJob", "TrainingJobName", "DescribeTrainingJob"),
    "RegisterModel": ("CreateModelPackage", None, "DescribeModelPackage"),
}


def filled(value: Any) -> Any:
    """Returns a value with text in place of what is known only in the run."""
    match value:
        case {"Get": path} if path in ("Parameters.MinimumRocAuc", "Parameters.MinimumLead"):
            return 0.5
        case {"Get": _} | {"Std:Join": _}:
            return "s3://bucket/placeholder"
        case dict():
            return {name: filled(item) for name, item in value.items()}
        case list():
            return [filled(item) for item in value]
    return value


def rejected(step: Step) -> list[str]:
    action, name, _ = APIS[step["Type"]]
    # Pipelines names the jobs.
    arguments = filled(step["Arguments"]) | ({name: "given-by-pipelines"} if name else {})
    shape = service("sagemaker").operation_model(action).input_shape
    return problems(shape, arguments)


@pytest.mark.parametrize("name", ["Preprocess", "Train", "Evaluate", "Register"])
def test_arguments_are_what_the_service_takes(name: str) -> None:
    assert rejected(STEPS[name]) == []


@pytest.mark.parametrize(
    ("name", "changes", "problem"),
    [
        ("Preprocess", {"Splits": 3}, "Unknown parameter"),
        ("Train", {"RoleArn": None}, "Invalid type for parameter RoleArn"),
        ("Train", {"RoleArn": "jobs"}, ".RoleArn: 'jobs' does not match"),
        ("Evaluate", {"StoppingCondition": {"MaxRuntimeInSeconds": 777_601}}, "more than 777600"),
        ("Register", {"ModelApprovalStatus": "Pending"}, "'Pending' is not one of"),
    ],
)
def test_arguments_that_the_service_rejects_would_be_found(
    name: str, changes: dict[str, Any], problem: str
) -> None:
    broken = {**STEPS[name], "Arguments": STEPS[name]["Arguments"] | changes}
    assert problem in "\n".join(rejected(broken))


def test_jobs_are_isolated_encrypted_limited_and_tagged() -> None:
    for name in ("Preprocess", "Train", "Evaluate"):
        arguments = STEPS[name]["Arguments"]
        cluster = (
            arguments.get("ResourceConfig") or (arguments["ProcessingResources"]["ClusterConfig"])
        )
        output = arguments.get("OutputDataConfig") or arguments["ProcessingOutputConfig"]
        network = arguments.get("NetworkConfig", arguments)
        assert network["EnableNetworkIsolation"] is True
        assert cluster["VolumeKmsKeyId"] == output["KmsKeyId"] == workflow.JOB.key_arn
        assert arguments["StoppingCondition"] == {"MaxRuntimeInSeconds": 1800}
        assert {tag["Key"] for tag in arguments["Tags"]} == {"workflow"}


# The graph.


def waits_for(step: Step) -> set[str]:
    """Returns the steps that a step has to wait for."""
    named = [path.split(".")[1] for path in references(step) if path.startswith("Steps.")]
    return {*named, *step.get("DependsOn", [])}


def graph_problems(definition: dict[str, Any]) -> list[str]:
    """Returns what Pipelines would find wrong with references, files, parameters and order."""
    known = {step["Name"]: step for step in steps(definition)}
    declared = {parameter["Name"] for parameter in definition["Parameters"]}
    found = [f"{path} of no parameter" for path in _unknown_parameters(definition, declared)]
    used = {
        path.split(".")[1]
        for path in references(definition["Steps"])
        if path.startswith("Parameters.")
    }
    found += [f"parameter {name} is not used" for name in declared - used]
    if len(known) != len(list(steps(definition))):
        found.append("a name stands for two steps")
    for name, step in known.items():
        found += [
            f"{name}: {path} leads nowhere"
            for path in references(step)
            if path.startswith("Steps.") and not _resolves(path, known)
        ]
        found += [
            f"{name}: {other} is a fail step or none"
            for other in step.get("DependsOn", [])
            if known.get(other, {"Type": "Fail"})["Type"] == "Fail"
        ]
    return found + [f"cycle through {name}" for name in known if _reaches_itself(name, known)]


def _unknown_parameters(definition: dict[str, Any], declared: set[str]) -> Iterator[str]:
    for path in references(definition["Steps"]):
        kind, name = path.split(".")[:2]
        if kind == "Parameters" and name not in declared:
            yield path


def _resolves(path: str, known: dict[str, Step]) -> bool:
    _, name, rest = path.split(".", maxsplit=2)
    step = known.get(name)
    if step is None or step["Type"] not in APIS:
        return False
    if rest.startswith("PropertyFiles."):
        return _property_file_exists(step, rest.split(".")[1])
    if output := re.search(r"Outputs\['(.+?)'\]", rest):
        outputs = step["Arguments"]["ProcessingOutputConfig"]["Outputs"]
        if output[1] not in [declared["OutputName"] for declared in outputs]:
            return False
    answer = service("sagemaker").operation_model(APIS[step["Type"]][2]).output_shape
    return has_path(answer, rest)


def _property_file_exists(step: Step, name: str) -> bool:
    outputs = [o["OutputName"] for o in step["Arguments"]["ProcessingOutputConfig"]["Outputs"]]
    return any(
        file["PropertyFileName"] == name and file["OutputName"] in outputs
        for file in step.get("PropertyFiles", [])
    )


def _reaches_itself(name: str, known: dict[str, Step]) -> bool:
    seen: set[str] = set()
    ahead = waits_for(known[name])
    while ahead:
        seen |= ahead
        ahead = {n for s in ahead & known.keys() for n in waits_for(known[s])} - seen
    return name in seen


def test_references_lead_somewhere_and_everything_is_used() -> None:
    assert graph_problems(DEFINITION) == []


def test_steps_wait_for_what_they_read() -> None:
    assert {name: waits_for(step) for name, step in STEPS.items()} == {
        "Preprocess": set(),
        "Train": {"Preprocess"},
        "Evaluate": {"Preprocess", "Train"},
        "IsGoodEnough": {"Evaluate", "Train"},
        "Register": {"Evaluate", "Train"},
        "Reject": {"Evaluate"},
    }


def _replaced(old: str, new: str) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(DEFINITION).replace(old, new))
    return changed


def _without_property_files() -> dict[str, Any]:
    changed = copy.deepcopy(DEFINITION)
    del changed["Steps"][2]["PropertyFiles"]
    return changed


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (_replaced("Steps.Train.Model", "Steps.Fit.Model"), "Steps.Fit.ModelArtifacts"),
        (_replaced("S3ModelArtifacts", "S3Artifacts"), "S3Artifacts leads nowhere"),
        (_replaced("Outputs['test']", "Outputs['held_out']"), "held_out'].S3Output.S3Uri leads"),
        (_replaced("Parameters.MaxDepth", "Parameters.Depth"), "parameter MaxDepth is not used"),
        (_replaced("Parameters.MaxDepth", "Parameters.Depth"), "Parameters.Depth of no parameter"),
        (_replaced('"Name": "Register"', '"Name": "Train"'), "a name stands for two steps"),
        (_replaced("Parameters.InputDataUri", "Steps.Train.TrainingJobName"), "cycle through"),
        (_without_property_files(), "Steps.Evaluate.PropertyFiles.Evaluation leads nowhere"),
    ],
)
def test_broken_graph_would_be_found(broken: dict[str, Any], problem: str) -> None:
    assert problem in "\n".join(graph_problems(broken))


def test_names_are_what_pipelines_takes() -> None:
    for name in [*STEPS, *(parameter["Name"] for parameter in DEFINITION["Parameters"])]:
        assert re.fullmatch(r"[A-Za-z0-9-_]{1,64}", name), name


def test_job_steps_are_retried_and_cached_and_the_registration_is_never_cached() -> None:
    for name in ("Preprocess", "Train", "Evaluate"):
        assert STEPS[name]["CacheConfig"] == {"Enabled": True, "ExpireAfter": "P30D"}, name
        (policy,) = STEPS[name]["RetryPolicies"]
        assert (policy["MaxAttempts"], policy["IntervalSeconds"]) == (3, 60)
    assert "CacheConfig" not in STEPS["Register"]
    assert STEPS["Register"]["RetryPolicies"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"retries": 21}, "retries is 21: choose a value from 0 to 20."),
        (
            {"retry_interval": Duration.hours(13)},
            "retry_interval is 46800 s: choose a value from 1 to 43200 s.",
        ),
    ],
)
def test_bad_policy_raises_with_the_value_and_the_fix(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(message)):
        definition_of(policy=replace(POLICY, **changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"minimum_roc_auc": 0.4}, "minimum_roc_auc is 0.4: choose a value from 0.5 to 1."),
        ({"minimum_lead": 0.6}, "minimum_lead is 0.6: choose a value from -0.5 to 0.5."),
    ],
)
def test_gate_without_effect_raises(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(message)):
        definition_of(replace(workflow.PARAMETERS, **changes))


# A run of it: the jobs are real, Pipelines is the few lines below.


@dataclass
class LocalPipelines:
    """Runs a definition step by step, as soon as what a step waits for has run."""

    definition: dict[str, Any]
    sagemaker: LocalSageMaker

    def run(self, execution_id: str, **given: Any) -> str:
        """Returns how the execution ended."""
        self.values = {
            f"Parameters.{parameter['Name']}": given.pop(
                parameter["Name"], parameter["DefaultValue"]
            )
            for parameter in self.definition["Parameters"]
        } | {"Execution.PipelineExecutionId": execution_id}
        assert not given, f"no parameter {given.keys()}"
        self.answers: dict[str, dict[str, Any]] = {}
        self.id = execution_id
        waiting = list(self.definition["Steps"])
        while waiting:
            ready = [step for step in waiting if waits_for(step) <= self.answers.keys()]
            assert ready, "no step can run"
            for step in ready:
                if outcome := self._step(step):
                    return outcome
            waiting = [step for step in waiting if step not in ready]
        return "Succeeded"

    def _step(self, step: Step) -> str:
        match step["Type"]:
            case "Processing" | "Training" as kind:
                name = f"pipelines-{self.id}-{step['Name']}"
                create = getattr(self.sagemaker, f"create_{kind.lower()}_job")
                arguments = self.resolve(step["Arguments"])
                self.answers[step["Name"]] = create(**{f"{kind}JobName": name}, **arguments)
            case "RegisterModel":
                self.sagemaker.create_model_package(**self.resolve(step["Arguments"]))
            case "Fail":
                return "Failed: " + self.resolve(step["Arguments"]["ErrorMessage"])
            case "Condition":
                holds = all(self._holds(condition) for condition in step["Arguments"]["Conditions"])
                for then in step["Arguments"]["IfSteps" if holds else "ElseSteps"]:
                    if outcome := self._step(then):
                        return outcome
        return ""

    def _holds(self, condition: dict[str, Any]) -> bool:
        assert condition["Type"] == "GreaterThanOrEqualTo"
        return bool(self.resolve(condition["LeftValue"]) >= self.resolve(condition["RightValue"]))

    def resolve(self, value: Any) -> Any:
        match value:
            case {"Get": path}:
                return self.values[path] if path in self.values else self._answer(path)
            case {"Std:Join": {"On": on, "Values": values}}:
                return on.join(str(self.resolve(item)) for item in values)
            case {"Std:JsonGet": {"PropertyFile": {"Get": file}, "Path": path}}:
                return self._property(file, path)
            case dict():
                return {name: self.resolve(item) for name, item in value.items()}
            case list():
                return [self.resolve(item) for item in value]
        return value

    def _answer(self, path: str) -> Any:
        _, step, rest = path.split(".", maxsplit=2)
        value: Any = self.answers[step]
        for name, output in re.findall(r"(\w+)(?:\['(.+?)'\])?", rest):
            value = value[name]
            if output:
                (value,) = (item for item in value if item["OutputName"] == output)
        return value

    def _property(self, file: str, path: str) -> Any:
        _, name, _, file_name = file.split(".")
        (step,) = (step for step in self.definition["Steps"] if step["Name"] == name)
        (declared,) = (f for f in step["PropertyFiles"] if f["PropertyFileName"] == file_name)
        folder = self._answer(
            f"Steps.{name}.ProcessingOutputConfig.Outputs['{declared['OutputName']}'].S3Output.S3Uri"
        )
        value = json.loads(self.sagemaker.get(f"{folder}/{declared['FilePath']}"))
        for key in path.split("."):
            value = value[key]
        return value


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> LocalPipelines:
    sagemaker = LocalSageMaker(tmp_path_factory.mktemp("sagemaker"))
    sagemaker.put(workflow.JOB.code_uri, b"the archive")
    sagemaker.put(workflow.PARAMETERS.raw_uri, tumor_workflow.RAW_DATA.read_bytes())
    sagemaker.put(workflow.PARAMETERS.approved_model_uri, tumor_classifier.ARTIFACT.read_bytes())
    return LocalPipelines(DEFINITION, sagemaker)


def test_good_model_is_registered_with_its_evaluation(local: LocalPipelines) -> None:
    assert local.run("good") == "Succeeded"
    version = local.sagemaker.versions.pop()
    assert version["ModelApprovalStatus"] == "PendingManualApproval"
    (container,) = version["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"] == (
        "s3://workspace/runs/good/model/pipelines-good-Train/output/model.tar.gz"
    )
    evaluation = version["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    assert json.loads(local.sagemaker.get(evaluation))["gate"]["lead"] >= -0.005
    assert local.sagemaker.get(container["ModelDataUrl"])


def test_bad_model_fails_the_execution_and_is_not_registered(local: LocalPipelines) -> None:
    assert local.run("bad", MaxDepth="1", Rounds="1") == (
        "Failed: The model is not registered: ROC AUC below 0.95 or lead below -0.005 in "
        "s3://workspace/runs/bad/evaluation"
    )
    assert local.sagemaker.versions == []


def test_stricter_gate_stops_the_good_model(local: LocalPipelines) -> None:
    assert local.run("strict", MinimumLead=0.1).startswith("Failed: ")
    assert local.sagemaker.versions == []


def test_bad_data_fails_the_first_step(local: LocalPipelines) -> None:
    local.sagemaker.put("s3://workspace/raw/new/tumors.csv", b"id,diagnosis\n")
    with pytest.raises(JobFailed, match=r"tumors\.csv has other columns than expected"):
        local.run("empty", InputDataUri="s3://workspace/raw/new/")


# The construct.


@pytest.fixture(scope="module")
def built(new_parts: type[Parts]) -> Parts:
    parts = new_parts()
    TrainingPipeline(
        parts.stack,
        "Pipeline",
        definition=DEFINITION,
        workspace=parts.workspace,
        max_parallel_steps=2,
        failure_topic=parts.topic,
    )
    return parts


def of_type(built: Parts, type_: str) -> dict[str, Any]:
    """Properties of the one resource of a type."""
    (found,) = built.template.find_resources(type_).values()
    properties: dict[str, Any] = found["Properties"]
    return properties


def test_pipeline_is_the_definition(built: Parts) -> None:
    pipeline = of_type(built, "AWS::SageMaker::Pipeline")
    assert json.loads(pipeline["PipelineDefinition"]["PipelineDefinitionBody"]) == DEFINITION
    assert pipeline["ParallelismConfiguration"] == {"MaxParallelExecutionSteps": 2}
    assert pipeline["PipelineName"] == {"Ref": "AWS::StackName"}


def test_definition_fits_into_the_request() -> None:
    assert len(json.dumps(DEFINITION)) < 1_048_576


def test_failed_executions_of_this_pipeline_are_published(built: Parts) -> None:
    rule = of_type(built, "AWS::Events::Rule")
    pattern = rule["EventPattern"]
    assert pattern["source"] == ["aws.sagemaker"]
    assert pattern["detail-type"] == ["SageMaker Model Building Pipeline Execution Status Change"]
    assert pattern["detail"]["currentPipelineExecutionStatus"] == ["Failed"]
    (arn,) = pattern["detail"]["pipelineArn"]
    assert arn["Fn::Join"][1][-2:] == [":pipeline/", {"Ref": "AWS::StackName"}]
    (target,) = rule["Targets"]
    assert target["Arn"] == built.resolve(built.topic.topic_arn)
    assert target["DeadLetterConfig"]


def test_metrics_are_those_of_the_pipeline(new_parts: type[Parts]) -> None:
    parts = new_parts()
    pipeline = TrainingPipeline(
        parts.stack,
        "Pipeline",
        definition=DEFINITION,
        workspace=parts.workspace,
        max_parallel_steps=1,
        failure_topic=parts.topic,
    )
    metric = pipeline.metric("ExecutionFailed", statistic="Sum")
    assert metric.namespace == "AWS/Sagemaker/ModelBuildingPipeline"
    assert parts.resolve(metric.dimensions) == {"PipelineName": {"Ref": "AWS::StackName"}}


def test_pipeline_waits_for_its_roles_policy(built: Parts) -> None:
    (pipeline,) = built.template.find_resources("AWS::SageMaker::Pipeline").values()
    assert any(name.startswith("PipelineRoleDefaultPolicy") for name in pipeline["DependsOn"])
