"""Data capture: what went into an endpoint and what came out, as JSON lines in S3.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from __future__ import annotations

import base64
import json
import logging
import random
import threading
import uuid
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlparse

from rehearsal.emulator.sagemaker.acting import Acting, NotAllowedError
from rehearsal.emulator.sagemaker.endpoint import Endpoint
from rehearsal.emulator.sagemaker.fleets import Fleet, Variant
from rehearsal.emulator.sagemaker.records import Record

log = logging.getLogger(__name__)

HUNDRED = 100

Kept = tuple[float, str, str, bytes, str, bytes]
"""When, inference ID, content type and content of the request, then of the answer."""


class Capture:
    """Keeps what an endpoint is asked and answers, and writes it once a minute."""

    def __init__(self) -> None:
        self._kept: defaultdict[tuple[str, str, str], list[Kept]] = defaultdict(list)
        self._fleets: dict[tuple[str, str, str], tuple[Endpoint, Fleet, Variant]] = {}
        self._keeping = threading.Lock()

    def wanted(self, fleet: Fleet) -> bool:
        """Returns whether the next request is among those to capture."""
        config = fleet.config.get("DataCaptureConfig")
        if config is None or not config.get("EnableCapture", True):
            return False
        percentage = int(config["InitialSamplingPercentage"])
        return percentage >= HUNDRED or random.random() * HUNDRED < percentage  # noqa: S311

    def keep(self, endpoint: Endpoint, fleet: Fleet, variant: Variant, kept: Kept) -> None:
        """Keeps one request and its answer."""
        key = endpoint.name, fleet.name, variant.name
        with self._keeping:
            self._kept[key].append(kept)
            self._fleets[key] = endpoint, fleet, variant

    def write(self, name: str | None = None) -> None:
        """Writes what was kept, of all endpoints or of one: one file for a variant and an hour."""
        with self._keeping:
            keys = [key for key in self._kept if name in (None, key[0])]
            taken = [(self._fleets.pop(key), self._kept.pop(key)) for key in keys]
        for (endpoint, fleet, variant), kept in taken:
            hours: defaultdict[str, list[Kept]] = defaultdict(list)
            for each in kept:
                hours[datetime.fromtimestamp(each[0], UTC).strftime("%Y/%m/%d/%H")].append(each)
            for hour, records in hours.items():
                self._put(endpoint, fleet, variant, hour, records)

    def _put(
        self, endpoint: Endpoint, fleet: Fleet, variant: Variant, hour: str, kept: list[Kept]
    ) -> None:
        config = fleet.config["DataCaptureConfig"]
        target = urlparse(config["DestinationS3Uri"])
        first = datetime.fromtimestamp(kept[0][0], UTC)
        file = f"{first:%M-%S}-{first.microsecond // 1000:03}-{uuid.uuid4()}.jsonl"
        prefix = target.path.strip("/")
        key = "/".join([*([prefix] if prefix else []), endpoint.name, variant.name, hour, file])
        body = "".join(f"{json.dumps(line(config, each))}\n" for each in kept)
        acting = Acting(variant.model["ExecutionRoleArn"], endpoint.arn)
        try:
            acting.write(
                f"s3://{target.netloc}/{key}",
                body.encode(),
                content_type="application/octet-stream",
                key=config.get("KmsKeyId", ""),
            )
        except NotAllowedError as error:
            # As in AWS: clients have their answers, the capture is missing.
            log.warning("nothing captured of %s %s: %s", endpoint.arn, variant.name, error)


def line(config: Record, kept: Kept) -> Record:
    """Returns a captured request as one line of the file has it."""
    at, inference_id, content_type, content, answered_type, answer = kept
    modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
    headers = config.get("CaptureContentTypeHeader", {})
    data: Record = {}
    if modes & {"Input", "InputAndOutput"}:
        data["endpointInput"] = side("INPUT", content_type, content, headers)
    if modes & {"Output", "InputAndOutput"}:
        data["endpointOutput"] = side("OUTPUT", answered_type, answer, headers)
    metadata = {"eventId": str(uuid.uuid4())}
    if inference_id:
        metadata["inferenceId"] = inference_id
    metadata["inferenceTime"] = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}


def side(mode: str, content_type: str, content: bytes, headers: dict[str, Any]) -> Record:
    """Returns what was sent or answered: as text if its type is named, else in base64."""
    media = content_type.partition(";")[0].strip().lower()
    encoding, text = "BASE64", ""
    for name in ("Csv", "Json"):
        if media in [named.lower() for named in headers.get(f"{name}ContentTypes", ())]:
            encoding, text = name.upper(), content.decode(errors="replace")
    if encoding == "BASE64":
        text = base64.b64encode(content).decode()
    return {"observedContentType": content_type, "mode": mode, "data": text, "encoding": encoding}
