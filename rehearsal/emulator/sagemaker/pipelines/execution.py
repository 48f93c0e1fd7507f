"""One execution of a pipeline: its steps, in the order in which they wait for one another."""

from __future__ import annotations

import operator
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from rehearsal.emulator import clock, host
from rehearsal.emulator.sagemaker.pipelines.definition import JOBS, awaited
from rehearsal.emulator.sagemaker.pipelines.values import ValueMissingError, Values
from rehearsal.emulator.sagemaker.records import Record

POLL_SECONDS = 0.1
ENDED = ("Succeeded", "Failed", "Stopped")
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}


class StepFailedError(Exception):
    """A step failed; the text is its FailureReason."""


@dataclass
class Execution:
    """An execution in progress.

    Attributes:
        record: What DescribePipelineExecution returns.
        steps: What ListPipelineExecutionSteps returns, oldest first.
        values: What its references lead to.
        client: SageMaker under the pipeline's role.
        stopped: Set when somebody wants it to end.
    """

    record: Record
    values: Values
    client: Any
    tell: Callable[[Record], None]
    steps: list[Record] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self, steps: list[Record], parallel: int) -> bool:
        """Runs steps and returns whether all of them that ran succeeded."""
        waiting = list(steps)
        running: dict[Future[list[Record]], str] = {}
        failed = False
        account = host.within_account
        with ThreadPoolExecutor(parallel) as pool:
            while waiting or running:
                done = {one["StepName"] for one in self.steps if one["StepStatus"] == "Succeeded"}
                ready = [step for step in waiting if awaited(step) <= done]
                if failed or self.stopped.is_set():
                    ready, waiting = [], []
                for step in ready:
                    waiting.remove(step)
                    running[pool.submit(account(self._step), step)] = step["Name"]
                if not running:
                    break
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    del running[future]
                    try:
                        waiting += future.result()
                    except StepFailedError:
                        failed = True
        return not failed

    def _step(self, step: Record) -> list[Record]:
        """Runs one step and returns those of the branch that it chose."""
        shown: Record = {
            "StepName": step["Name"],
            "StartTime": clock.now(),
            "StepStatus": "Executing",
            "AttemptCount": 1,
            "Metadata": {},
        }
        self.steps.append(shown)
        self.tell(shown)
        try:
            branch = self._do(step, shown)
        except StepFailedError as error:
            reason = str(error)
        except (ClientError, BotoCoreError) as error:
            reason = f"ClientError: {error}"
        except (ValueMissingError, KeyError, TypeError) as error:
            reason = f"ClientError: {error}"
        else:
            self._end(shown, "Succeeded")
            return branch
        self._end(shown, "Stopped" if self.stopped.is_set() else "Failed", reason)
        raise StepFailedError(reason)

    def _end(self, shown: Record, status: str, reason: str = "") -> None:
        shown.update(EndTime=clock.now(), StepStatus=status)
        if reason:
            shown["FailureReason"] = reason[:3072]
        self.tell(shown)

    def _do(self, step: Record, shown: Record) -> list[Record]:
        kind = step["Type"]
        if kind == "Condition":
            return self._choose(step["Arguments"], shown)
        arguments = self.values.resolve(step["Arguments"])
        if kind == "Fail":
            shown["Metadata"] = {"Fail": {"ErrorMessage": arguments["ErrorMessage"]}}
            raise StepFailedError(arguments["ErrorMessage"])
        if kind in JOBS:
            self.values.steps[step["Name"]] = self._job(step, arguments, shown)
        elif kind == "RegisterModel":
            made = self.client.create_model_package(**arguments)
            shown["Metadata"] = {"RegisterModel": {"Arn": made["ModelPackageArn"]}}
            self.values.steps[step["Name"]] = made
        else:
            name = f"pipelines-{self._id}-{step['Name']}-{uuid4().hex[:10]}"
            made = self.client.create_model(ModelName=name, **arguments)
            shown["Metadata"] = {"Model": {"Arn": made["ModelArn"]}}
            self.values.steps[step["Name"]] = {**made, "ModelName": name}
        return []

    def _choose(self, arguments: Record, shown: Record) -> list[Record]:
        met = all(self._holds(condition) for condition in arguments["Conditions"])
        shown["Metadata"] = {"Condition": {"Outcome": "True" if met else "False"}}
        branch: list[Record] = arguments.get("IfSteps" if met else "ElseSteps", [])
        return branch

    def _holds(self, condition: Record) -> bool:
        kind = condition["Type"]
        if kind == "Not":
            return not self._holds(condition["Expression"])
        if kind == "Or":
            return any(self._holds(inner) for inner in condition["Conditions"])
        if kind == "In":
            return self.values.resolve(condition["QueryValue"]) in self.values.resolve(
                condition["Values"]
            )
        if kind not in COMPARISONS:
            raise StepFailedError(f"The rehearsal does not know the condition {kind}.")
        left, right = (self.values.resolve(condition[side]) for side in ("LeftValue", "RightValue"))
        return COMPARISONS[kind](left, right)

    @property
    def _id(self) -> str:
        return str(self.record["PipelineExecutionArn"].rpartition("/")[2])

    def _job(self, step: Record, arguments: Record, shown: Record) -> Record:
        """Runs a job as the pipeline's role, and returns its description."""
        noun = JOBS[step["Type"]]
        method = {"ProcessingJob": "processing_job", "TrainingJob": "training_job"}.get(
            noun, "transform_job"
        )
        name = f"pipelines-{self._id}-{step['Name'][:20]}-{uuid4().hex[:10]}"
        made = getattr(self.client, f"create_{method}")(**{f"{noun}Name": name, **arguments})
        shown["Metadata"] = {noun: {"Arn": made[f"{noun}Arn"]}}
        asked_to_stop = False
        while True:
            described: Record = getattr(self.client, f"describe_{method}")(**{f"{noun}Name": name})
            status = described[f"{noun}Status"]
            if status in ("Completed", "Failed", "Stopped"):
                break
            if self.stopped.is_set() and not asked_to_stop:
                getattr(self.client, f"stop_{method}")(**{f"{noun}Name": name})
                asked_to_stop = True
            time.sleep(POLL_SECONDS)
        if status != "Completed":
            reason = described.get("FailureReason", "None")
            raise StepFailedError(
                f"ClientError: Failed to run {noun}: job {name} is {status}. {reason}"
            )
        for file in step.get("PropertyFiles", []):
            outputs = described["ProcessingOutputConfig"]["Outputs"]
            output = next(one for one in outputs if one["OutputName"] == file["OutputName"])
            uri = f"{output['S3Output']['S3Uri'].rstrip('/')}/{file['FilePath']}"
            self.values.files[step["Name"], file["PropertyFileName"]] = uri
        return described
