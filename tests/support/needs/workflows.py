"""What state machines, pipelines and workflows ask for, as their definitions say.

Every task is a call, with its arguments evaluated: Step Functions' by the JSONata library that it
follows, SageMaker Pipelines' and Airflow's references by what they refer to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.support.needs.calls import of_call, operation_of, signed_as
from tests.support.needs.deployed import MANAGED, Ask, Deployed, Evidence, Need, arn, place
from tests.support.needs.jobs import LOGGING, ROLES, job, model_uri
from tests.support.states import Evaluator

JOBS = {f"Create{kind}Job": kind for kind in ("Processing", "Training", "Transform")}

# Step Functions

SYNC = "https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html"
MACHINE_LOGS = "https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html"
MACHINE_TRACES = MANAGED + "AWSXRayDaemonWriteAccess"

# The page's example has CreateLogStream and PutLogEvents as well. They are left out as CDK leaves
# them out: logs are delivered in the name of delivery.logs.amazonaws.com.
DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)
TRACING = (
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)


@cache
def _evaluator() -> Evaluator:
    return Evaluator()


def close() -> None:
    """Ends the process that evaluates JSONata, if one was started."""
    if _evaluator.cache_info().currsize:
        _evaluator().close()
        _evaluator.cache_clear()


def state_machines(deployed: Deployed) -> Iterator[Need]:
    """Yields what the tasks of state machines ask for, and the jobs that they create."""
    for name, properties in deployed.template.of_type("AWS::StepFunctions::StateMachine"):
        role = deployed.role(properties["RoleArn"])
        own = deployed.sample.arn(name)
        for operation, service, sync, given in _tasks(
            deployed, properties["DefinitionString"], own
        ):
            asks = of_call(deployed, service, operation, given)
            for ask in asks:
                yield Need(role, ask, Evidence.DOCUMENT, f"{name}: {operation}")
            if sync:
                for ask in _waiting(JOBS[operation], asks[0].resource):
                    yield Need(role, ask, Evidence.SERVICE, SYNC)
            yield from _created(deployed, operation, given)
        if properties.get("LoggingConfiguration"):
            for action in DELIVERY:
                yield Need(role, Ask(action, "*"), Evidence.SERVICE, MACHINE_LOGS)
        if properties.get("TracingConfiguration", {}).get("Enabled"):
            for action in TRACING:
                yield Need(role, Ask(action, "*"), Evidence.SERVICE, MACHINE_TRACES)


def _waiting(kind: str, created: str) -> Iterator[Ask]:
    """Yields what running a job and waiting for it takes beyond creating it."""
    for action in (f"Describe{kind}Job", f"Stop{kind}Job", "AddTags", "ListTags"):
        yield Ask(f"sagemaker:{action}", created)
    rule = arn("events", f"rule/StepFunctionsGetEventsForSageMaker{kind}JobsRule")
    for action in ("DescribeRule", "PutRule", "PutTargets"):
        yield Ask(f"events:{action}", rule)


def _tasks(
    deployed: Deployed, definition: dict[str, Any], own: str
) -> Iterator[tuple[str, str, bool, dict[str, Any]]]:
    """Yields operation, service, whether it is waited for, and arguments of every task."""
    definition = deployed.value(definition)
    states = definition["States"]
    context = {
        "Execution": {"Id": f"{own}:sample", "Name": "sample", "StartTime": "2026-11-22T00:00:00Z"},
        "StateMachine": {"Id": own, "Name": own.rsplit(":", maxsplit=1)[-1]},
    }
    context["Execution"]["Input"] = {}  # type: ignore[assignment]
    bindings: dict[str, Any] = {}
    waiting, seen = [definition["StartAt"]], set()
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        state = states[name]
        known = {"context": context, "input": {"Error": "Error", "Cause": "Cause"}}
        given: dict[str, Any] = {}
        if state["Type"] == "Task":
            given = _evaluate(state.get("Arguments", {}), {**bindings, "states": known})
            service, operation, sync = _resource(state["Resource"])
            yield operation, service, sync, given
            known["result"] = _answer(operation, given)
        bindings |= _evaluate(state.get("Assign", {}), {**bindings, "states": known})
        waiting += [state["Next"]] if "Next" in state else []
        waiting += [choice["Next"] for choice in state.get("Choices", [])]
        waiting += [state["Default"]] if "Default" in state else []
        waiting += [catch["Next"] for catch in state.get("Catch", [])]
    if seen != states.keys():
        raise ValueError(f"nothing leads to {sorted(states.keys() - seen)}")


def _evaluate(value: Any, bindings: dict[str, Any]) -> Any:
    (answer,) = _evaluator()([{"value": value, "bindings": bindings}])
    if "error" in answer:
        raise ValueError(f"{value}: {answer['error']}")
    return answer["value"]


def _resource(resource: str) -> tuple[str, str, bool]:
    """Returns service, operation and whether its end is waited for, of a task's Resource."""
    integration = resource.removeprefix("arn:aws:states:::").removeprefix("aws-sdk:")
    service, operation = integration.removesuffix(".sync").split(":")
    sdk = {"sfn": "stepfunctions"}.get(service, service)
    return signed_as(sdk), operation_of(sdk, operation), integration.endswith(".sync")


def _answer(operation: str, given: dict[str, Any]) -> dict[str, Any]:
    """Returns what a task's result has of which later states speak."""
    return {
        "CreateTrainingJob": lambda: {
            "ModelArtifacts": {"S3ModelArtifacts": model_uri(given)},
        },
        "GetObject": lambda: {"Body": json.dumps({"gate": {"roc_auc": 1, "lead": 0}})},
        "ListExecutions": lambda: {"Executions": []},
        "ListPipelineExecutions": lambda: {"PipelineExecutionSummaries": []},
    }.get(operation, dict)()


def _created(deployed: Deployed, operation: str, given: dict[str, Any]) -> Iterator[Need]:
    """Yields what a job that a workflow creates asks for under its own role."""
    kind = JOBS.get(operation)
    if kind == "Transform":
        yield from transform(deployed, given)
    elif kind:
        role = deployed.role(given["RoleArn"])
        for ask in job(deployed, kind, given):
            yield Need(role, ask, Evidence.SERVICE, ROLES)


def transform(deployed: Deployed, given: dict[str, Any]) -> Iterator[Need]:
    """Yields what a transform job asks for under the role of its model."""
    (model,) = (
        properties
        for name, properties in deployed.template.of_type("AWS::SageMaker::Model")
        if given["ModelName"] in (name, deployed.value(f"<{name}.ModelName>"))
    )
    role = deployed.role(model["ExecutionRoleArn"])
    bucket, prefix = place(given["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"])
    output = place(given["TransformOutput"]["S3OutputPath"])
    for ask in (
        Ask(
            "cloudwatch:PutMetricData",
            "*",
            {"cloudwatch:namespace": "/aws/sagemaker/TransformJobs"},
        ),
        *deployed.log("/aws/sagemaker/TransformJobs", *LOGGING),
        *deployed.list_below(bucket, prefix),
        *deployed.read(bucket, f"{prefix}sample.csv"),
        *deployed.upload(output[0], f"{output[1]}/sample.csv.out"),
    ):
        yield Need(role, ask, Evidence.SERVICE, ROLES)


# SageMaker Pipelines


def pipelines(deployed: Deployed) -> Iterator[Need]:
    """Yields what the steps of pipelines ask for, and the jobs that they create."""
    for name, properties in deployed.template.of_type("AWS::SageMaker::Pipeline"):
        role = deployed.role(properties["RoleArn"])
        body = deployed.value(properties["PipelineDefinition"]["PipelineDefinitionBody"])
        for operation, given in _steps(body):
            for ask in of_call(deployed, "sagemaker", operation, given):
                yield Need(role, ask, Evidence.DOCUMENT, f"{name}: {operation}")
            if kind := JOBS.get(operation):
                for action in (f"Describe{kind}Job", f"Stop{kind}Job", "AddTags"):
                    ask = Ask(f"sagemaker:{action}", arn("sagemaker", _job_arn(kind, given)))
                    yield Need(role, ask, Evidence.SERVICE, PIPELINE_ROLE)
            yield from _created(deployed, operation, given)
        for uri in _property_files(body):
            for ask in deployed.read(*place(uri)):
                yield Need(role, ask, Evidence.DOCUMENT, f"{name}: PropertyFiles")


PIPELINE_ROLE = "https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-access.html"


def _job_arn(kind: str, given: dict[str, Any]) -> str:
    return f"{kind.lower()}-job/{given[f'{kind}JobName']}"


def _steps(body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields operation and arguments of every step that calls SageMaker."""
    known = {f"Parameters.{each['Name']}": each["DefaultValue"] for each in body["Parameters"]}
    known["Execution.PipelineExecutionId"] = "sample"
    waiting = list(body["Steps"])
    while waiting:
        step = waiting.pop(0)
        arguments = step["Arguments"]
        waiting += arguments.get("IfSteps", []) + arguments.get("ElseSteps", [])
        if step["Type"] in {"Processing", "Training"}:
            given = _referred(arguments, known)
            yield (
                f"Create{step['Type']}Job",
                # https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-steps.html
                {f"{step['Type']}JobName": f"pipelines-sample-{step['Name']}-1", **given},
            )
            _remember(step["Name"], given, known)
        elif step["Type"] == "RegisterModel":
            yield "CreateModelPackage", _referred(arguments, known)
        elif step["Type"] not in {"Condition", "Fail"}:
            raise ValueError(f"{step['Type']} steps are not known here")


def _remember(name: str, given: dict[str, Any], known: dict[str, Any]) -> None:
    for output in given.get("ProcessingOutputConfig", {}).get("Outputs", []):
        where = f"ProcessingOutputConfig.Outputs['{output['OutputName']}'].S3Output.S3Uri"
        known[f"Steps.{name}.{where}"] = output["S3Output"]["S3Uri"]
    if "OutputDataConfig" in given:
        known[f"Steps.{name}.ModelArtifacts.S3ModelArtifacts"] = model_uri(given)


def _referred(value: Any, known: dict[str, Any]) -> Any:
    match value:
        case {"Get": str(name)} if len(value) == 1:
            found: Any = known[name]
        case {"Std:Join": {"On": str(separator), "Values": list(parts)}}:
            found = separator.join(str(_referred(part, known)) for part in parts)
        case dict():
            found = {name: _referred(item, known) for name, item in value.items()}
        case list():
            found = [_referred(item, known) for item in value]
        case _:
            found = value
    return found


def _property_files(body: dict[str, Any]) -> Iterator[str]:
    for step in body["Steps"]:
        for file in step.get("PropertyFiles", []):
            outputs = _referred(
                step["Arguments"]["ProcessingOutputConfig"]["Outputs"],
                {"Execution.PipelineExecutionId": "sample"},
            )
            (uri,) = (
                output["S3Output"]["S3Uri"]
                for output in outputs
                if output["OutputName"] == file["OutputName"]
            )
            yield f"{uri}/{file['FilePath']}"


# Airflow

OPERATORS = "airflow.providers.amazon.aws.operators.sagemaker.SageMaker"
OPERATORS_SOURCE = "https://airflow.apache.org/docs/apache-airflow-providers-amazon/9.32.0/operators/sagemaker.html"
WORKFLOW = "https://docs.aws.amazon.com/mwaa/latest/mwaa-serverless-userguide/get-started-execution-role.html"
WORKFLOW_DATA = (
    "https://docs.aws.amazon.com/mwaa/latest/mwaa-serverless-userguide/data-protection.html"
)


def airflow(deployed: Deployed) -> Iterator[Need]:
    """Yields what the tasks of Airflow's workflows ask for.

    That these are the calls that a run makes, no more and no fewer, tests/airflow shows.
    """
    for name, properties in deployed.template.of_type("AWS::MWAAServerless::Workflow"):
        role = deployed.role(properties["RoleArn"])
        for operation, service, given in _operators(deployed):
            for ask in of_call(deployed, service, operation, given):
                yield Need(role, ask, Evidence.RECORDED, f"{name}: {operation}")
            if operation.startswith("Create"):
                yield from _created(deployed, operation, given)
        group = deployed.value(properties["LoggingConfiguration"]["LogGroupName"])
        for ask in deployed.log(group, "CreateLogStream", "PutLogEvents"):
            yield Need(role, ask, Evidence.SERVICE, WORKFLOW)
        context = "kms:EncryptionContext:aws:airflow-serverless:workflow-arn"
        own = arn("airflow-serverless", f"workflow/{deployed.value(properties['Name'])}-a1b2c3d4e5")
        key = deployed.value(properties["EncryptionConfiguration"]["KmsKeyId"])
        for action in ("kms:Decrypt", "kms:GenerateDataKey"):
            yield Need(role, Ask(action, key, {context: own}), Evidence.SERVICE, WORKFLOW_DATA)


def _operators(deployed: Deployed) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yields operation, service and parameters of what the tasks call."""
    for _, written in deployed.template.of_type("Custom::WrittenObject"):
        (dag,) = deployed.value(written["Document"]).values()
        known = dict(dag["params"])
        for task in dag["tasks"].values():
            config = _rendered(task.get("config", {}), known)
            if "TrainingJobName" in config:
                known["model"] = model_uri(config)
            operator = task["operator"].removeprefix(OPERATORS)
            if kind := {"ProcessingOperator": "Processing", "TrainingOperator": "Training"}.get(
                operator
            ):
                yield f"Create{kind}Job", "sagemaker", config
                name = {f"{kind}JobName": config[f"{kind}JobName"]}
                yield f"Describe{kind}Job", "sagemaker", name
                for bucket, key in _looked_at(kind, config):
                    yield "HeadBucket", "s3", {"Bucket": bucket}
                    yield "HeadObject", "s3", {"Bucket": bucket, "Key": key}
                    if not key.endswith(".zip"):  # no object: is it a prefix?
                        yield "ListObjectsV2", "s3", {"Bucket": bucket, "Prefix": key}
                for output in config.get("ProcessingOutputConfig", {}).get("Outputs", []):
                    if output["OutputName"] == "evaluation":
                        bucket, prefix = place(output["S3Output"]["S3Uri"])
                        where = {"Bucket": bucket, "Key": f"{prefix}/evaluation.json"}
                        yield "GetObject", "s3", where
            elif task.get("python_callable") == "registration.register":
                request = task["op_kwargs"]["request"]
                yield "CreateModelPackage", "sagemaker", _rendered(request, known)


def _looked_at(kind: str, config: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields the inputs of which the training operator asks whether they are there."""
    if kind == "Training":
        for channel in config["InputDataConfig"]:
            yield place(channel["DataSource"]["S3DataSource"]["S3Uri"])


def _rendered(value: Any, parameters: dict[str, Any]) -> Any:
    """Returns a value as Airflow renders it: parameters, the trained model, and a run's name."""
    match value:
        case str():
            text = re.sub(
                r"\{\{ params\.(\w+) \}\}", lambda found: str(parameters[found[1]]), value
            )
            if "xcom_pull" in text and "S3ModelArtifacts" in text:
                return parameters["model"]
            return re.sub(r"\{\{.*?\}\}", "sample", text)
        case dict():
            return {name: _rendered(item, parameters) for name, item in value.items()}
        case list():
            return [_rendered(item, parameters) for item in value]
        case _:
            return value
