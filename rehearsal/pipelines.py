"""Executions of a SageMaker pipeline, as a scenario starts and watches them."""

from __future__ import annotations

from rehearsal.stage import Stage


class PipelineRuns:
    """The executions of one pipeline.

    Args:
        stage: The rehearsal.
        pipeline: Its name.
    """

    def __init__(self, stage: Stage, pipeline: str) -> None:
        self.stage = stage
        self.pipeline = pipeline
        self._sagemaker = stage.client("sagemaker")

    def run(self, parameters: dict[str, str]) -> str:
        """Starts an execution and returns its ARN when it has ended."""
        started = self._sagemaker.start_pipeline_execution(
            PipelineName=self.pipeline,
            PipelineParameters=[
                {"Name": name, "Value": value} for name, value in parameters.items()
            ],
        )["PipelineExecutionArn"]
        self.stage.until("an execution ended", lambda: self.has_ended(started))
        return str(started)

    def stop(self, execution: str) -> None:
        """Stops an execution and returns when it has ended."""
        self._sagemaker.stop_pipeline_execution(PipelineExecutionArn=execution)
        self.stage.until("a stopped execution ended", lambda: self.has_ended(execution))

    def has_ended(self, execution: str) -> str:
        """Returns the status of an execution that has ended, nothing otherwise."""
        status = self.status(execution)
        return "" if status in ("Executing", "Stopping") else status

    def status(self, execution: str) -> str:
        """Returns the status of an execution."""
        described = self._sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution)
        return str(described["PipelineExecutionStatus"])

    def steps(self, execution: str) -> dict[str, str]:
        """Returns step -> status of what an execution has begun, in that order."""
        found = self._sagemaker.list_pipeline_execution_steps(
            PipelineExecutionArn=execution, SortOrder="Ascending"
        )["PipelineExecutionSteps"]
        return {step["StepName"]: step["StepStatus"] for step in found}

    def reasons(self, execution: str) -> dict[str, str]:
        """Returns step -> why it failed."""
        found = self._sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution)
        steps = found["PipelineExecutionSteps"]
        return {one["StepName"]: one["FailureReason"] for one in steps if "FailureReason" in one}

    def all(self) -> list[str]:
        """Returns the ARNs of the executions, newest first."""
        found = self._sagemaker.list_pipeline_executions(PipelineName=self.pipeline)
        return [one["PipelineExecutionArn"] for one in found["PipelineExecutionSummaries"]]
