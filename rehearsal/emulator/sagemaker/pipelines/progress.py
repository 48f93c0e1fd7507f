"""What an execution tells as it goes on: its status, events and metrics."""

from __future__ import annotations

import logging

from rehearsal.emulator import clock, host, host_events
from rehearsal.emulator.sagemaker.pipelines.execution import Execution
from rehearsal.emulator.sagemaker.records import Record

log = logging.getLogger(__name__)

NAMESPACE = "AWS/Sagemaker/ModelBuildingPipeline"


def run(execution: Execution, steps: list[Record], parallel: int) -> None:
    """Runs an execution to its end."""
    try:
        succeeded = execution.run(steps, parallel)
    except Exception as error:
        log.exception("the emulator itself failed on %s", execution.record["PipelineExecutionArn"])
        execution.record["FailureReason"] = f"InternalFailure: {error}"
        succeeded = False
    if execution.stopped.is_set():
        status = "Stopped"
    elif succeeded:
        status = "Succeeded"
    else:
        status = "Failed"
        execution.record.setdefault("FailureReason", "Step failure: One or multiple steps failed.")
    move(execution, status)
    count(execution, f"Execution{status}", 1)
    seconds = (execution.record["LastModifiedTime"] - execution.record["CreationTime"]).seconds
    count(execution, "ExecutionDuration", seconds * 1000)


def move(execution: Execution, status: str) -> None:
    """Moves an execution into a status."""
    before = execution.record["PipelineExecutionStatus"]
    execution.record.update(PipelineExecutionStatus=status, LastModifiedTime=clock.now())
    tell(execution, before)


def count(execution: Execution, name: str, value: float) -> None:
    """Records a metric of an execution's pipeline."""
    pipeline = execution.values.execution["PipelineName"]
    unit = "Milliseconds" if name == "ExecutionDuration" else "Count"
    host.put_metric(NAMESPACE, name, {"PipelineName": pipeline}, value, unit)


def tell(execution: Execution, before: str | None) -> None:
    """Publishes an execution's status; nothing was before its first."""
    record = execution.record
    detail = {
        "pipelineArn": record["PipelineArn"],
        "pipelineExecutionArn": record["PipelineExecutionArn"],
        "pipelineExecutionDisplayName": record["PipelineExecutionDisplayName"],
        "currentPipelineExecutionStatus": record["PipelineExecutionStatus"],
        "executionStartTime": record["CreationTime"].isoformat(),
    }
    if before:
        detail["previousPipelineExecutionStatus"] = before
        detail["executionEndTime"] = record["LastModifiedTime"].isoformat()
    host_events.publish(
        "aws.sagemaker",
        "SageMaker Model Building Pipeline Execution Status Change",
        detail,
        [record["PipelineArn"], record["PipelineExecutionArn"]],
    )


def tell_step(execution: Execution, step: Record) -> None:
    """Publishes a step's status."""
    host_events.publish(
        "aws.sagemaker",
        "SageMaker Model Building Pipeline Execution Step Status Change",
        {
            "pipelineArn": execution.record["PipelineArn"],
            "pipelineExecutionArn": execution.record["PipelineExecutionArn"],
            "stepName": step["StepName"],
            "currentStepStatus": step["StepStatus"],
            "metadata": step["Metadata"],
            "stepStartTime": step["StartTime"].isoformat(),
        },
        [execution.record["PipelineArn"], execution.record["PipelineExecutionArn"]],
    )
