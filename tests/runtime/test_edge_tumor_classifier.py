"""The component that scores on devices, run as the recipe runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from threading import Event
from typing import Any

import onnx
import pytest
import yaml
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2
from awsiot.greengrasscoreipc.model import PublishToIoTCoreRequest, UnauthorizedError
from onnxruntime.capi.onnxruntime_pybind11_state import NoSuchFile

from runtime.edge import tumor_classifier as component
from runtime.edge.tumor_classifier import station as stations
from runtime.edge.tumor_classifier.__main__ import main
from runtime.edge.tumor_classifier.classifier import (
    MAX_BYTES,
    MAX_ROWS,
    BadSamples,
    Classifier,
)
from runtime.edge.tumor_classifier.station import Station
from runtime.edge.tumor_classifier.telemetry import GreengrassTelemetry
from runtime.models import tumor_classifier as model
from tests.support.locks import pins

REQUESTS = model.SAMPLE_REQUESTS.read_bytes()
ROW = REQUESTS.splitlines()[0]
ANSWERS = [float(line) for line in model.SAMPLE_ANSWERS.read_text().split()]


class Core:
    """What lies below Greengrass's own client: the connection to the core software."""

    def __init__(self, error: Exception | None = None) -> None:
        self.requests: list[PublishToIoTCoreRequest] = []
        self._error = error

    def new_publish_to_iot_core(self) -> Core:
        return self

    def activate(self, request: PublishToIoTCoreRequest) -> Future[None]:
        self.requests.append(request)
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def get_response(self) -> Future[None]:
        answer: Future[None] = Future()
        if self._error:
            answer.set_exception(self._error)
        else:
            answer.set_result(None)
        return answer


class Recorded:
    """Telemetry that keeps what it is told."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict[str, Any]]] = []

    def publish(self, topic: str, message: Mapping[str, Any]) -> None:
        self.messages.append((topic, dict(message)))


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(model.ONNX_MODEL)


@pytest.fixture
def told() -> Recorded:
    return Recorded()


@pytest.fixture
def station(classifier: Classifier, told: Recorded, tmp_path: Path) -> Station:
    return Station(classifier, tmp_path, told, topic="fleet/device-1", version="1.2.3")


# Classifier


def test_answers_are_those_of_the_model(classifier: Classifier) -> None:
    assert classifier.score(REQUESTS) == pytest.approx(ANSWERS, abs=1e-5)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "0 samples"),
        (b"\n\n", "0 samples"),
        (b"1,2,3\n", "Line 1 has 3 numbers, not 30"),
        (ROW + b"\n" + ROW.replace(b",", b";"), "Line 2 has a field that is no number"),
        (ROW.replace(ROW.split(b",")[4], b"nan", 1), "not finite"),
        (ROW.replace(ROW.split(b",")[4], b"-inf", 1), "not finite"),
        (b"\xff\xfe" + ROW, "ASCII"),
        (b"1," * MAX_BYTES, "bytes are more than"),
        (b"1\n" * (MAX_ROWS + 1), f"{MAX_ROWS + 1} samples"),
    ],
)
def test_bad_samples_are_refused_with_a_reason(
    classifier: Classifier, content: bytes, says: str
) -> None:
    with pytest.raises(BadSamples, match=re.escape(says)):
        classifier.score(content)


# Station


def test_answers_take_the_place_of_the_file(
    station: Station, told: Recorded, tmp_path: Path
) -> None:
    (tmp_path / "inbox" / "case.csv").write_bytes(REQUESTS)

    assert station.work(Event()) == 1

    assert list((tmp_path / "inbox").iterdir()) == []
    lines = (tmp_path / "outbox" / "case.csv").read_text().split()
    assert [float(line) for line in lines] == pytest.approx(ANSWERS, abs=1e-5)
    ((topic, message),) = told.messages
    assert topic == "fleet/device-1/results"
    assert message["rows"] == len(ANSWERS)
    assert message["malignant"] == sum(answer > 0.5 for answer in ANSWERS)
    assert message["mean_probability"] == pytest.approx(sum(ANSWERS) / len(ANSWERS), abs=1e-4)
    assert message["version"] == "1.2.3"
    assert message["milliseconds"] > 0


def test_no_measurement_leaves_the_device(station: Station, told: Recorded, tmp_path: Path) -> None:
    (tmp_path / "inbox" / "good.csv").write_bytes(REQUESTS)
    (tmp_path / "inbox" / "bad.csv").write_bytes(ROW + b",7\n")

    station.work(Event())

    sent = json.dumps(told.messages)
    assert not [number for number in ROW.decode().split(",") if number in sent]
    assert "case" not in sent
    assert "good" not in sent


def test_what_cannot_be_scored_is_kept_with_its_reason(
    station: Station, told: Recorded, tmp_path: Path
) -> None:
    (tmp_path / "inbox" / "bad.csv").write_text("1,2\n")
    (tmp_path / "inbox" / "good.csv").write_bytes(ROW)

    assert station.work(Event()) == 2

    rejected = tmp_path / "rejected"
    assert (rejected / "bad.csv").read_text() == "1,2\n"
    assert "not 30" in (rejected / "bad.csv.reason.txt").read_text()
    assert [topic for topic, _ in told.messages] == [
        "fleet/device-1/rejected",
        "fleet/device-1/results",
    ]


def test_a_file_that_is_still_written_is_left_alone(station: Station, tmp_path: Path) -> None:
    half = tmp_path / "inbox" / "case.csv.part"
    half.write_bytes(ROW[:20])
    assert station.work(Event()) == 0
    assert half.exists()


def test_after_a_power_cut_the_file_is_scored_again(station: Station, tmp_path: Path) -> None:
    (tmp_path / "outbox" / "case.csv.part").write_text("0.1")
    (tmp_path / "inbox" / "case.csv").write_bytes(ROW)
    station.work(Event())
    assert float((tmp_path / "outbox" / "case.csv").read_text()) == pytest.approx(
        ANSWERS[0], abs=1e-5
    )


def test_stopping_leaves_the_rest_for_the_next_start(station: Station, tmp_path: Path) -> None:
    (tmp_path / "inbox" / "case.csv").write_bytes(ROW)
    stopped = Event()
    stopped.set()
    assert station.work(stopped) == 0
    station.run(stopped)
    assert (tmp_path / "inbox" / "case.csv").exists()


def test_it_says_that_it_lives(
    station: Station, told: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Event()
    seconds = iter([0.0, 0.0, 0.0, 59.0, 60.0, 60.0])
    monkeypatch.setattr(stations.time, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(stations, "POLL_SECONDS", 0)
    rounds = iter([False, False, False, True])
    monkeypatch.setattr(stop, "is_set", lambda: next(rounds))

    station.run(stop)

    assert told.messages == [("fleet/device-1/heartbeat", {"version": "1.2.3"})] * 2


# Telemetry


def test_messages_go_through_greengrass_own_client() -> None:
    core = Core()
    telemetry = GreengrassTelemetry(GreengrassCoreIPCClientV2(client=core, executor=None))

    telemetry.publish("fleet/device-1/results", {"rows": 2})

    (request,) = core.requests
    assert request.topic_name == "fleet/device-1/results"
    assert request.qos == "1"  # at least once
    assert json.loads(request.payload) == {"rows": 2}


def test_scoring_goes_on_when_nothing_can_be_published(
    classifier: Classifier, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    core = Core(UnauthorizedError(message="spooler is full"))
    telemetry = GreengrassTelemetry(GreengrassCoreIPCClientV2(client=core, executor=None))
    station = Station(classifier, tmp_path, telemetry, topic="fleet/device-1", version="1.2.3")
    (tmp_path / "inbox" / "case.csv").write_bytes(REQUESTS)

    station.work(Event())

    assert (tmp_path / "outbox" / "case.csv").exists()
    assert "not published to fleet/device-1/results" in caplog.text


# As the recipe runs it


def on_a_device(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the component from the unpacked archive: nothing else of the project is there."""
    return subprocess.run(
        [sys.executable, "-m", "tumor_classifier", *arguments],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(component.ARCHIVE),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def known(**changed: Path) -> list[str]:
    paths = {
        "model": model.ONNX_MODEL,
        "requests": model.SAMPLE_REQUESTS,
        "answers": model.SAMPLE_ANSWERS,
    } | changed
    return ["check", *(item for name, path in paths.items() for item in (f"--{name}", str(path)))]


def test_installation_succeeds_with_the_known_answers() -> None:
    process = on_a_device(*known())
    assert process.returncode == 0, process.stderr
    assert "20 answers, equal to those that are known" in process.stdout


def test_installation_fails_with_another_model(tmp_path: Path) -> None:
    other = onnx.load(model.ONNX_MODEL)
    for node in other.graph.node:
        for attribute in node.attribute:
            if attribute.name in ("target_weights", "nodes_values", "leaf_weights", "base_values"):
                attribute.floats[:] = [-value for value in attribute.floats]
    onnx.save(other, tmp_path / "other.onnx")
    assert main(known(model=tmp_path / "other.onnx")) == 1


def test_installation_fails_with_fewer_answers(tmp_path: Path) -> None:
    fewer = tmp_path / "answers.csv"
    fewer.write_text("\n".join(map(repr, ANSWERS[:-1])))
    assert main(known(answers=fewer)) == 1


def test_run_needs_the_core_software(tmp_path: Path) -> None:
    """Without it the process ends with an error, and Greengrass starts it again."""
    process = on_a_device(
        "run",
        *("--model", str(model.ONNX_MODEL)),
        *("--folder", str(tmp_path)),
        *("--topic", "fleet/device-1", "--version", "1.2.3"),
    )
    assert process.returncode != 0
    assert "AWS_GG_NUCLEUS_DOMAIN_SOCKET" in process.stderr


def test_recipe_calls_what_there_is() -> None:
    recipe = yaml.safe_load(component.RECIPE.read_text())
    (manifest,) = recipe["Manifests"]
    install, run = (manifest["Lifecycle"][step]["Script"] for step in ("install", "run"))
    for script, command in ((install, "check"), (run, "run")):
        options = re.findall(r"--(\w+) ", script.split(f"tumor_classifier {command}")[1])
        placeholders = [item for name in options for item in (f"--{name}", "x")]
        with pytest.raises(NoSuchFile):  # options that it does not know would end it before
            main([command, *placeholders])
    assert f"{component.RECIPE.parent.name}/requirements.txt" in install
    assert (component.RECIPE.parent / "requirements.txt").is_file()


def test_recipe_lets_it_publish_what_it_publishes() -> None:
    recipe = yaml.safe_load(component.RECIPE.read_text())
    control = recipe["ComponentConfiguration"]["DefaultConfiguration"]["accessControl"]
    (policy,) = control["aws.greengrass.ipc.mqttproxy"].values()
    assert policy["operations"] == ["aws.greengrass#PublishToIoTCore"]
    source = Path(stations.__file__).read_text()
    kinds = set(re.findall(r'_publish\(\s*"(\w+)"', source))
    assert {f"$name/+/{kind}" for kind in kinds} == set(policy["resources"])


def test_requirements_are_those_of_the_inference_container() -> None:
    """One model, one runtime: what is tested in the container holds on the device."""
    folder = Path(__file__).resolve().parents[2] / "runtime"
    device = pins(component.RECIPE.parent / "requirements.txt")
    container = pins(folder / "containers" / "inference" / "requirements.txt")
    common = device.keys() & container.keys()
    assert {"onnxruntime", "numpy"} <= common
    assert {name: device[name] for name in common} == {name: container[name] for name in common}
