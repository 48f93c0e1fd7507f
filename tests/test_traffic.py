"""The traffic script: on time, told apart by outcome, each request under an ID of its own."""

from __future__ import annotations

import io
import itertools
import re
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from runtime.models import tumor_classifier
from scripts import traffic


class Runtime:
    """Stands in for the SageMaker runtime: every third request fails, every fifth times out."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self._count = itertools.count(1)
        self._lock = threading.Lock()

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        with self._lock:
            number = next(self._count)
            self.requests.append(request)
        if number % 5 == 0:
            raise ReadTimeoutError(endpoint_url="https://example.com")
        if number % 3 == 0:
            raise ClientError({"Error": {"Code": "ModelError", "Message": "500"}}, "InvokeEndpoint")
        return {"Body": io.BytesIO(b"0.5"), "InvokedProductionVariant": "AllTraffic"}


def test_every_request_is_sent_and_told_apart() -> None:
    runtime = Runtime()
    (line,) = traffic.run(runtime, "endpoint", rate=1000, seconds=0.03)
    assert line.startswith("16 answered by AllTraffic, 8 ModelError, 6 ReadTimeoutError; p50 ")
    assert len(runtime.requests) == 30


def test_requests_are_the_samples_under_ids_of_their_own() -> None:
    runtime = Runtime()
    list(traffic.run(runtime, "endpoint", rate=1000, seconds=0.03))
    assert {request["EndpointName"] for request in runtime.requests} == {"endpoint"}
    assert len({request["InferenceId"] for request in runtime.requests}) == 30
    samples = tumor_classifier.SAMPLE_REQUESTS.read_text().splitlines()
    assert {request["Body"] for request in runtime.requests} == set(samples)
    assert {request["ContentType"] for request in runtime.requests} == {"text/csv"}


def test_it_tells_while_it_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "REPORT_SECONDS", 0.01)
    lines = list(traffic.run(Runtime(), "endpoint", rate=500, seconds=0.1))
    assert len(lines) > 2
    told = re.findall(r"(\d+) (?:answered|ModelError|ReadTimeoutError)", "; ".join(lines))
    assert sum(map(int, told)) == 50


def test_percentiles_are_of_the_sorted_times() -> None:
    outcomes = [("answered", seconds / 1000) for seconds in range(100, 0, -1)]
    assert traffic.report(outcomes) == "100 answered; p50 0.050 s, p99 0.099 s"
    assert traffic.report([]) == "nothing answered"


@pytest.mark.parametrize("arguments", [["--rate", "0"], ["--minutes", "-1"]])
def test_values_that_send_nothing_are_refused(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["traffic", "endpoint", *arguments])
    with pytest.raises(SystemExit) as raised:
        traffic.main()
    assert raised.value.code == 2
    assert "give positive values" in capsys.readouterr().err
