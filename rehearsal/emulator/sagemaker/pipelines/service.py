"""CreatePipeline, StartPipelineExecution and their kin."""

from __future__ import annotations

import secrets
from typing import Any

from botocore.exceptions import ClientError

from rehearsal.emulator import clock, host, session
from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.host import NotAssumableError
from rehearsal.emulator.sagemaker.containers import PRINCIPAL
from rehearsal.emulator.sagemaker.jobs.storage import JobStorage
from rehearsal.emulator.sagemaker.pipelines.definition import parameters, parse
from rehearsal.emulator.sagemaker.pipelines.execution import Execution
from rehearsal.emulator.sagemaker.pipelines.progress import count, move, run, tell, tell_step
from rehearsal.emulator.sagemaker.pipelines.values import Values
from rehearsal.emulator.sagemaker.records import Record, Table, arn

UNSUPPORTED = ("SelectiveExecutionConfig", "PipelineVersionId", "RoleArn")
MOST_PARALLEL = 50
SUMMARY = (
    "PipelineExecutionArn",
    "PipelineExecutionStatus",
    "PipelineExecutionDescription",
    "PipelineExecutionDisplayName",
)


class Pipelines:
    """Pipelines, and executions that run their steps; nothing is taken from a cache."""

    def __init__(self) -> None:
        self.table = Table("pipeline")
        self.executions: dict[str, Execution] = {}
        self._tokens: dict[str, str] = {}

    def create_pipeline(self, request: Record) -> Record:
        """Keeps a pipeline whose definition can be run."""
        name = request["PipelineName"]
        body = _body(request)
        parse(body)
        dropped = ("ClientRequestToken", "PipelineDefinitionS3Location")
        kept = {key: value for key, value in request.items() if key not in dropped}
        self.table.add(
            name,
            {
                **kept,
                "PipelineDefinition": body,
                "PipelineArn": arn("pipeline", name),
                "PipelineStatus": "Active",
            },
        )
        return {"PipelineArn": arn("pipeline", name)}

    def update_pipeline(self, request: Record) -> Record:
        """Changes a pipeline; executions that run go on as they began."""
        record = self._of(request["PipelineName"])
        changed = {k: v for k, v in request.items() if k != "PipelineDefinitionS3Location"}
        if {"PipelineDefinition", "PipelineDefinitionS3Location"} & set(request):
            changed["PipelineDefinition"] = _body(request)
            parse(changed["PipelineDefinition"])
        record.update(changed, LastModifiedTime=clock.now())
        return {"PipelineArn": record["PipelineArn"]}

    def describe_pipeline(self, request: Record) -> Record:
        """Returns a pipeline."""
        return self._of(request["PipelineName"])

    def list_pipelines(self, request: Record) -> Record:
        """Returns all pipelines, newest first."""
        del request
        keys = ("PipelineArn", "PipelineName", "RoleArn", "CreationTime", "LastModifiedTime")
        found = reversed(list(self.table))
        return {"PipelineSummaries": [{key: record[key] for key in keys} for record in found]}

    def delete_pipeline(self, request: Record) -> Record:
        """Forgets a pipeline that does not run, and its executions."""
        record = self._of(request["PipelineName"])
        of_it = self._executions(record)
        if any(one.record["PipelineExecutionStatus"] == "Executing" for one in of_it):
            raise ServiceError(
                "ConflictException",
                f"Pipeline {record['PipelineArn']} has executions that have not ended.",
            )
        for one in of_it:
            del self.executions[one.record["PipelineExecutionArn"]]
        self.table.remove(record["PipelineName"])
        return {"PipelineArn": record["PipelineArn"]}

    def start_pipeline_execution(self, request: Record) -> Record:
        """Starts an execution; the same token starts it once."""
        record = self._of(request["PipelineName"])
        for name in UNSUPPORTED:
            if name in request:
                raise ServiceError("ValidationException", f"The rehearsal does not know {name}.")
        token = f"{record['PipelineArn']} {request['ClientRequestToken']}"
        if token in self._tokens:
            return {"PipelineExecutionArn": self._tokens[token]}
        definition = parse(record["PipelineDefinition"])
        values = parameters(definition, request.get("PipelineParameters", []))
        execution = self._execution(record, request, values)
        execution_arn = execution.record["PipelineExecutionArn"]
        self.executions[execution_arn] = execution
        self._tokens[token] = execution_arn
        parallel = (
            request.get("ParallelismConfiguration") or record.get("ParallelismConfiguration") or {}
        ).get("MaxParallelExecutionSteps", MOST_PARALLEL)
        tell(execution, None)
        count(execution, "ExecutionStarted", 1)
        host.in_background(
            lambda: run(execution, definition["Steps"], min(parallel, MOST_PARALLEL)),
            execution_arn,
        )
        return {"PipelineExecutionArn": execution_arn}

    def describe_pipeline_execution(self, request: Record) -> Record:
        """Returns an execution."""
        return dict(self._execution_of(request).record)

    def list_pipeline_executions(self, request: Record) -> Record:
        """Returns the executions of a pipeline, newest first."""
        found = self._executions(self._of(request["PipelineName"]))
        if request.get("SortOrder") != "Ascending":
            found.reverse()
        summaries = []
        for one in found[: request.get("MaxResults", 100)]:
            summary = {key: one.record[key] for key in SUMMARY if key in one.record}
            summary["StartTime"] = one.record["CreationTime"]
            if "FailureReason" in one.record:
                summary["PipelineExecutionFailureReason"] = one.record["FailureReason"]
            summaries.append(summary)
        return {"PipelineExecutionSummaries": summaries}

    def list_pipeline_execution_steps(self, request: Record) -> Record:
        """Returns the steps that an execution has begun, the last one first."""
        steps = [dict(step) for step in self._execution_of(request).steps]
        if request.get("SortOrder") != "Ascending":
            steps.reverse()
        return {"PipelineExecutionSteps": steps[: request.get("MaxResults", 100)]}

    def list_pipeline_parameters_for_execution(self, request: Record) -> Record:
        """Returns the values of an execution's parameters."""
        values = self._execution_of(request).values.parameters
        return {"PipelineParameters": [{"Name": n, "Value": str(v)} for n, v in values.items()]}

    def stop_pipeline_execution(self, request: Record) -> Record:
        """Stops the running steps' jobs and starts no further step."""
        execution = self._execution_of(request)
        if execution.record["PipelineExecutionStatus"] != "Executing":
            raise ServiceError(
                "ConflictException",
                f"Execution {request['PipelineExecutionArn']} is in status "
                f"{execution.record['PipelineExecutionStatus']}.",
            )
        move(execution, "Stopping")
        execution.stopped.set()
        return {"PipelineExecutionArn": request["PipelineExecutionArn"]}

    def _of(self, name_or_arn: str) -> Record:
        name = name_or_arn.rpartition("/")[2]
        if name not in self.table:
            raise ServiceError(
                "ResourceNotFound", f"Pipeline '{arn('pipeline', name)}' does not exist."
            )
        return self.table.get(name)

    def _execution_of(self, request: Record) -> Execution:
        try:
            return self.executions[request["PipelineExecutionArn"]]
        except KeyError:
            raise ServiceError(
                "ResourceNotFound",
                f"Pipeline execution '{request.get('PipelineExecutionArn')}' does not exist.",
            ) from None

    def _executions(self, record: Record) -> list[Execution]:
        return [
            one
            for one in self.executions.values()
            if one.record["PipelineArn"] == record["PipelineArn"]
        ]

    def _execution(self, record: Record, request: Record, values: dict[str, Any]) -> Execution:
        identifier = secrets.token_hex(6)
        execution_arn = f"{record['PipelineArn']}/execution/{identifier}"
        try:
            client = session.as_role(
                "sagemaker",
                record["RoleArn"],
                principal=PRINCIPAL,
                source_arn=record["PipelineArn"],
            )
        except NotAssumableError as error:
            raise ServiceError("ValidationException", str(error)) from None
        now = clock.now()
        described: Record = {
            "PipelineArn": record["PipelineArn"],
            "PipelineExecutionArn": execution_arn,
            "PipelineExecutionDisplayName": f"execution-{int(now.timestamp() * 1000)}",
            "PipelineExecutionStatus": "Executing",
            "CreationTime": now,
            "LastModifiedTime": now,
        }
        for key in ("PipelineExecutionDisplayName", "PipelineExecutionDescription"):
            if key in request:
                described[key] = request[key]
        known = {
            "PipelineExecutionId": identifier,
            "PipelineExecutionArn": execution_arn,
            "PipelineName": record["PipelineName"],
            "PipelineArn": record["PipelineArn"],
            "StartDateTime": now.isoformat(),
        }
        storage = JobStorage(record["RoleArn"], record["PipelineArn"])
        execution = Execution(
            described, Values(values, known, storage.read), client, lambda _: None
        )
        execution.tell = lambda step: tell_step(execution, step)
        return execution


def _body(request: Record) -> str:
    """Returns a definition's text, from the request or from S3.

    Raises:
        ServiceError: It is nowhere.
    """
    if "PipelineDefinition" in request:
        return str(request["PipelineDefinition"])
    if "PipelineDefinitionS3Location" not in request:
        raise ServiceError("ValidationException", "Give PipelineDefinition, or where it lies.")
    location = request["PipelineDefinitionS3Location"]
    try:
        # The caller's own permission would be asked; who may create pipelines is an administrator.
        answer = session.as_account("s3").get_object(
            Bucket=location["Bucket"], Key=location["ObjectKey"]
        )
    except ClientError as error:
        raise ServiceError("ValidationException", f"{location}: {error}") from None
    return str(answer["Body"].read().decode())
