"""One asynchronous invocation: payload from S3, answer of the model, answer into S3, notice."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rehearsal.emulator import clock, host
from rehearsal.emulator.sagemaker.acting import Acting, NotAllowedError
from rehearsal.emulator.sagemaker.backlog import Backlog, Waiting
from rehearsal.emulator.sagemaker.fleets import Fleet, Instance, Variant
from rehearsal.emulator.sagemaker.metrics import InvocationMetrics, errors, short
from rehearsal.emulator.sagemaker.records import Record
from rehearsal.emulator.sagemaker.refusals import model_error
from rehearsal.emulator.sagemaker.runtime import (
    ATTRIBUTES,
    OK,
    REDIRECTION,
    Answered,
    Asked,
    Runtime,
    ask,
)

log = logging.getLogger(__name__)

LARGEST_PAYLOAD = 2**30
HEADERS = {"content-type": "x-amzn-sagemaker-content-type", "accept": "x-amzn-sagemaker-accept"}
"""Of the container's request -> where the client's has them."""


class FailedError(Exception):
    """An invocation cannot go on.

    Attributes:
        metric: That counts such failures, empty if none does.
    """

    def __init__(self, reason: str, metric: str = "") -> None:
        super().__init__(reason)
        self.metric = metric


@dataclass
class Invocation:
    """A request on its way from the queue to S3.

    Attributes:
        runtime: Has the connections to containers.
        metrics: Counts what becomes of it.
        backlog: Where it was.
        request: What was asked.
        loop: On which containers are called.
        counted: Values of metrics, told at the end.
    """

    runtime: Runtime
    metrics: InvocationMetrics
    backlog: Backlog
    request: Waiting
    loop: asyncio.AbstractEventLoop
    counted: dict[str, float] = field(default_factory=dict)

    def run(self, fleet: Fleet, variant: Variant, instance: Instance) -> None:
        """Lets an instance answer, and does with the answer what the configuration says."""
        acting = self._acting(variant)
        taken = self.request.taken or clock.now()
        waited = (taken - self.request.received).total_seconds() * 1e3
        self.counted = {"TimeInBacklog": short(waited), "InvocationsProcessed": 1.0}
        again = False
        try:
            try:
                answered = self._answer(acting, instance)
                if answered.status == 0 and instance not in variant.instances:
                    again = True  # it was taken away: the request goes to another one
                    return
                self._keep(acting, fleet, answered)
            except FailedError as error:
                self._fail(acting, fleet, str(error), error.metric)
            self._tell(variant)
        except Exception:
            log.exception("the emulator itself failed on %s", self.request.inference_id)
        finally:
            self.backlog.done(self.request, instance, again=again)

    def expire(self) -> None:
        """Gives a request up that has waited for too long."""
        fleet = self.backlog.endpoint.fleet
        assert fleet is not None  # noqa: S101 - it has taken requests
        variant = next(iter(fleet.variants.values()))
        seconds = self.request.lives.total_seconds()
        reason = f"The request was in the queue for more than its TTL of {seconds:.0f} seconds."
        self.counted = {"ExpiredRequests": 1.0}
        self._give_up(self._acting(variant), fleet, reason)
        self._tell(variant)

    def _acting(self, variant: Variant) -> Acting:
        return Acting(variant.model["ExecutionRoleArn"], self.backlog.endpoint.arn)

    def _answer(self, acting: Acting, instance: Instance) -> Answered:
        body, began = self.request.body, time.perf_counter()
        if self.request.input_location:
            try:
                body = acting.read(self.request.input_location)
            except NotAllowedError as error:
                raise FailedError(str(error), "RequestDownloadFailures") from None
            self.counted["RequestDownloadLatency"] = short((time.perf_counter() - began) * 1e6)
        if len(body) > LARGEST_PAYLOAD:
            raise FailedError(f"The payload exceeds {LARGEST_PAYLOAD} bytes.")
        asked = Asked(_passed_on(self.request.headers), body, began)
        answering = ask(self.runtime.calls, instance, asked, self.request.seconds)
        return asyncio.run_coroutine_threadsafe(answering, self.loop).result()

    def _keep(self, acting: Acting, fleet: Fleet, answered: Answered) -> None:
        self.counted |= {"ModelLatency": short(answered.seconds * 1e6), **errors(answered.status)}
        if not OK <= answered.status < REDIRECTION:
            error = model_error(answered.status, answered.content, self.backlog.endpoint.name)
            side = "Client" if answered.status and answered.status < 500 else "Server"  # noqa: PLR2004
            raise FailedError(f"{side}Error: {error}")
        output, began = _output(fleet), time.perf_counter()
        try:
            acting.write(
                self.request.output_location,
                answered.content,
                content_type=answered.content_type,
                key=output.get("KmsKeyId", ""),
            )
        except NotAllowedError as error:
            raise FailedError(str(error), "ResponseUploadFailures") from None
        self.counted["ResponseUploadLatency"] = short((time.perf_counter() - began) * 1e6)
        told = {
            "invocationStatus": "Completed",
            "responseParameters": {
                "contentType": answered.content_type,
                "outputLocation": self.request.output_location,
            },
        }
        self._notify(acting, _topics(output).get("SuccessTopic", ""), told)

    def _fail(self, acting: Acting, fleet: Fleet, reason: str, metric: str) -> None:
        self.counted["InvocationFailures"] = 1.0
        if metric:
            self.counted[metric] = 1.0
        self._give_up(acting, fleet, reason)

    def _give_up(self, acting: Acting, fleet: Fleet, reason: str) -> None:
        """Writes the reason of a failure below the failure path and tells the error topic."""
        output = _output(fleet)
        if self.request.failure_location:
            try:
                acting.write(
                    self.request.failure_location,
                    reason.encode(),
                    content_type="text/plain",
                    key=output.get("KmsKeyId", ""),
                )
            except NotAllowedError as error:
                log.warning("%s: %s", self.request.inference_id, error)
                self.counted["ResponseUploadFailures"] = 1.0
        told = {"invocationStatus": "Failed", "failureReason": reason}
        self._notify(acting, _topics(output).get("ErrorTopic", ""), told)

    def _notify(self, acting: Acting, topic_arn: str, told: Record) -> None:
        if not topic_arn:
            return
        try:
            acting.publish(topic_arn, json.dumps(notice(self.backlog, self.request, told)))
        except NotAllowedError as error:
            # As in AWS: the answer lies in S3, and nobody hears of it.
            log.warning("%s: %s", self.request.inference_id, error)
            self.counted["NotificationFailures"] = 1.0

    def _tell(self, variant: Variant) -> None:
        took = (clock.now() - self.request.received).total_seconds() * 1e3
        self.counted["TotalProcessingTime"] = short(took)
        # The guide names the dimensions: the configuration is none of them.
        self.metrics.count((self.backlog.endpoint.name, variant.name, ""), self.counted)


def notice(backlog: Backlog, request: Waiting, told: Record) -> Record:
    """Returns what a topic is told of a request.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-check-predictions.html
    """
    parameters = {
        "contentType": request.headers.get(HEADERS["content-type"]),
        "endpointName": backlog.endpoint.name,
        "inputLocation": request.input_location or None,
    }
    return {
        "awsRegion": host.REGION,
        "eventTime": _stamp(clock.now()),
        "receivedTime": _stamp(request.received),
        "requestParameters": {key: value for key, value in parameters.items() if value},
        **told,
        "inferenceId": request.inference_id,
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }


def _output(fleet: Fleet) -> Record:
    return dict(fleet.config["AsyncInferenceConfig"]["OutputConfig"])


def _topics(output: Record) -> Record:
    return dict(output.get("NotificationConfig", {}))


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    passed = {name: headers[theirs] for name, theirs in HEADERS.items() if theirs in headers}
    if ATTRIBUTES in headers:
        passed[ATTRIBUTES] = headers[ATTRIBUTES]
    return passed


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
