"""The inference container over HTTP: its contract, what it refuses, how it starts and ends."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.models import tumor_classifier
from tests.runtime.conftest import Container, Reply, Start, received

CSV, JSON = "text/csv", "application/json"
SAMPLES = tumor_classifier.SAMPLE_REQUESTS.read_bytes()
LINES = SAMPLES.splitlines()
ROWS: list[list[float]] = [[float(field) for field in line.split(b",")] for line in LINES]
ANSWERS = np.loadtxt(tumor_classifier.SAMPLE_ANSWERS)
TOLERANCE = 1e-6
LIMIT = 6 * 1024 * 1024


def as_json(rows: Any) -> bytes:
    return json.dumps({"instances": rows}).encode()


def with_value(text: str) -> bytes:
    """The first sample as CSV, its third value replaced."""
    fields = LINES[0].decode().split(",")
    return ",".join([*fields[:2], text, *fields[3:]]).encode()


def numbers(reply: Reply) -> Any:
    assert reply.status == 200, reply.body
    if reply.content_type == JSON:
        return reply.json["predictions"]
    return [float(line) for line in reply.body.decode().splitlines()]


# --- answers ---


def test_ping_is_an_empty_200(container: Container) -> None:
    reply = container.request("GET", "/ping")
    assert (reply.status, reply.body) == (200, b"")


def test_csv_gives_the_sample_answers(container: Container) -> None:
    reply = container.invoke(SAMPLES)
    assert reply.content_type == CSV
    np.testing.assert_allclose(numbers(reply), ANSWERS, rtol=0, atol=TOLERANCE)


def test_json_gives_the_sample_answers(container: Container) -> None:
    reply = container.invoke(as_json(ROWS), JSON)
    assert reply.content_type == JSON
    assert set(reply.json) == {"predictions"}
    np.testing.assert_allclose(numbers(reply), ANSWERS, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("number", range(3))
def test_each_sample_is_a_request_of_its_own(container: Container, number: int) -> None:
    for reply in (
        container.invoke(LINES[number]),
        container.invoke(as_json([ROWS[number]]), JSON),
    ):
        np.testing.assert_allclose(numbers(reply), [ANSWERS[number]], rtol=0, atol=TOLERANCE)


def test_line_ends_and_whitespace_of_other_systems_are_read(container: Container) -> None:
    windows = b"\r\n".join(LINES) + b"\r\n\r\n"
    assert numbers(container.invoke(windows)) == numbers(container.invoke(SAMPLES))


@pytest.mark.parametrize(
    ("content_type", "accept", "answered"),
    [
        (CSV, None, CSV),
        (CSV, "*/*", CSV),
        (CSV, "application/json", JSON),
        ("text/csv; charset=utf-8", "", CSV),
        ("TEXT/CSV;header=absent", "*/*", CSV),
        (JSON, "text/csv;q=0.9", CSV),
        (JSON, "image/png, text/csv", CSV),
        ("application/json; charset=utf-8", None, JSON),
    ],
)
def test_answer_has_the_type_that_is_asked_for(
    container: Container, content_type: str, accept: str | None, answered: str
) -> None:
    body = SAMPLES if content_type.lower().startswith(CSV) else as_json(ROWS)
    headers = {} if accept is None else {"Accept": accept}
    reply = container.invoke(body, content_type, **headers)
    assert (reply.status, reply.content_type) == (200, answered)
    assert len(numbers(reply)) == len(ROWS)


@pytest.mark.parametrize("content_type", [CSV, JSON])
def test_ten_thousand_rows_in_one_request(container: Container, content_type: str) -> None:
    repeated = 10_000 // len(ROWS)
    body = SAMPLES * repeated if content_type == CSV else as_json(ROWS * repeated)
    assert len(body) < LIMIT
    answers = numbers(container.invoke(body, content_type))
    np.testing.assert_allclose(answers, np.tile(ANSWERS, repeated), rtol=0, atol=TOLERANCE)


def test_ten_thousand_rows_in_as_many_requests_at_once(container: Container) -> None:
    def client(number: int) -> int:
        right = 0
        connection = container.connect()
        for request in range(number, 10_000, 50):
            row = request % len(ROWS)
            connection.request("POST", "/invocations", LINES[row], {"Content-Type": CSV})
            (answer,) = numbers(received(connection))
            right += abs(answer - ANSWERS[row]) < TOLERANCE
        connection.close()
        return right

    with ThreadPoolExecutor(50) as clients:
        assert sum(clients.map(client, range(50))) == 10_000
    assert container.ping() == 200


def test_batch_transform_is_told_what_the_container_takes(container: Container) -> None:
    assert container.request("GET", "/execution-parameters").json == {
        "MaxConcurrentTransforms": 1,
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 6,
    }


# --- what it refuses ---

NOT_UTF8 = with_value("\xff").decode().encode("latin-1")

BAD_INPUT: dict[str, tuple[bytes, str, tuple[int, str]]] = {
    "no body": (b"", CSV, (400, "undecodable_body")),
    "blank body": (b" \n\r\n ", CSV, (400, "undecodable_body")),
    "no body, JSON": (b"", JSON, (400, "undecodable_body")),
    "no content type": (SAMPLES, "", (415, "unsupported_content_type")),
    "another content type": (SAMPLES, "application/x-npy", (415, "unsupported_content_type")),
    "29 values": (LINES[0].rpartition(b",")[0], CSV, (422, "wrong_shape")),
    "31 values": (LINES[0] + b",1", CSV, (422, "wrong_shape")),
    "6000 values": (b"1," * 6000 + b"1", CSV, (422, "wrong_shape")),
    "ragged": (LINES[0] + b"\n1,2,3", CSV, (422, "wrong_shape")),
    "blank line between": (LINES[0] + b"\n\n" + LINES[1], CSV, (422, "wrong_shape")),
    "semicolons": (LINES[0].replace(b",", b";"), CSV, (422, "wrong_shape")),
    "NaN": (with_value("nan"), CSV, (422, "invalid_value")),
    "infinity": (with_value("-Infinity"), CSV, (422, "invalid_value")),
    "more than a float32": (with_value("1e39"), CSV, (422, "invalid_value")),
    "more than a float64": (with_value("1e999"), CSV, (422, "invalid_value")),
    "huge integer": (with_value("9" * 5000), CSV, (422, "invalid_value")),
    "missing value": (with_value(""), CSV, (422, "invalid_value")),
    "text": (with_value("secret-4711"), CSV, (422, "invalid_value")),
    "header": (b",".join([b"radius"] * 30) + b"\n" + SAMPLES, CSV, (422, "invalid_value")),
    "byte order mark": (b"\xef\xbb\xbf" + LINES[0], CSV, (422, "invalid_value")),
    "not UTF-8": (NOT_UTF8, CSV, (400, "undecodable_body")),
    "zero byte": (with_value("\0"), CSV, (422, "invalid_value")),
    "broken JSON": (b'{"instances": [[1, 2', JSON, (400, "undecodable_body")),
    "CSV sent as JSON": (SAMPLES, JSON, (422, "wrong_shape")),
    "not UTF-8, JSON": (b'{"instances": "\xff"}', JSON, (422, "wrong_shape")),
    "NaN, JSON": (as_json([[float("nan")] * 30]), JSON, (400, "undecodable_body")),
    "null": (as_json([[None] * 30]), JSON, (422, "invalid_value")),
    "true": (as_json([[True] * 30]), JSON, (422, "invalid_value")),
    "number as text": (as_json([["secret-4711"] * 30]), JSON, (422, "invalid_value")),
    "more than a float32, JSON": (as_json([[1e39] * 30]), JSON, (422, "invalid_value")),
    "huge integer, JSON": (as_json([[10**400] * 30]), JSON, (422, "invalid_value")),
    "29 values, JSON": (as_json([[1.0] * 29]), JSON, (422, "wrong_shape")),
    "ragged, JSON": (as_json([ROWS[0], [1.0]]), JSON, (422, "wrong_shape")),
    "no rows": (as_json([]), JSON, (422, "wrong_shape")),
    "a row instead of rows": (as_json(ROWS[0]), JSON, (422, "wrong_shape")),
    "another name": (json.dumps({"inputs": ROWS}).encode(), JSON, (422, "wrong_shape")),
    "a list": (json.dumps(ROWS).encode(), JSON, (422, "wrong_shape")),
    "deeply nested": (b'{"instances":' + b"[" * 100_000, JSON, (422, "invalid_value")),
    "deeply nested elsewhere": (b'{"a":' + b"[" * 100_000, JSON, (400, "undecodable_body")),
    "too many rows": (SAMPLES * 501, CSV, (413, "too_large")),
    "a million lines": (b"1\n" * 1_000_000, CSV, (413, "too_large")),
    "too many rows, JSON": (as_json([[1] * 30] * 10_001), JSON, (422, "wrong_shape")),
    "7 MB": (b"1" * 7_000_000, CSV, (413, "too_large")),
}


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_is_a_clear_error_and_the_next_request_is_answered(
    container: Container, name: str
) -> None:
    body, content_type, expected = BAD_INPUT[name]
    connection = container.connect()
    connection.request("POST", "/invocations", body, {"Content-Type": content_type})
    reply = received(connection)
    assert reply.error == expected
    assert reply.json["error"]["message"].endswith(".")
    assert "secret" not in reply.body.decode()
    logged = container.logged(reply.request_id)
    assert (logged["status"], logged["code"], logged["rows"]) == (*expected, 0)
    # On the same connection: what was not read of the bad one does not get into the next one.
    connection.request("POST", "/invocations", LINES[0], {"Content-Type": CSV})
    assert numbers(received(connection)) == pytest.approx([ANSWERS[0]], abs=TOLERANCE)
    connection.close()


def test_message_names_the_place(container: Container) -> None:
    body = b"\n".join([LINES[0], LINES[1], with_value("inf")])
    assert container.invoke(body).json["error"]["message"].startswith("Row 3, value 3 is not a ")


def test_unacceptable_accept(container: Container) -> None:
    assert container.invoke(SAMPLES, Accept="image/png").error == (406, "not_acceptable")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/invocations", 405), ("POST", "/models", 404)],
)
def test_other_routes_answer_in_the_same_form(
    container: Container, method: str, path: str, status: int
) -> None:
    assert container.request(method, path).error == (status, "no_such_route")


@pytest.mark.parametrize("chunk", [b"1" * 65_536, b"1,2\n" * 1000])
def test_chunked_body_is_counted(container: Container, chunk: bytes) -> None:
    chunks = (chunk for _ in range(7_000_000 // len(chunk)))
    assert container.invoke(chunks).error == (413, "too_large")


def test_chunked_body_is_read(container: Container) -> None:
    halves = iter([SAMPLES[:1000], SAMPLES[1000:]])
    assert len(numbers(container.invoke(halves))) == len(ROWS)


def test_body_at_the_limit_is_read(container: Container) -> None:
    at_limit = LINES[0] + b" " * (LIMIT - len(LINES[0]))
    assert len(numbers(container.invoke(at_limit))) == 1
    assert container.invoke(at_limit + b" ").error == (413, "too_large")


@contextmanager
def half_sent(container: Container) -> Iterator[tuple[socket.socket, bytes]]:
    """A request of which the second half is still to come, and that half."""
    half = len(SAMPLES) // 2
    head = (
        "POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
        f"Content-Length: {len(SAMPLES)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", container.port), timeout=20) as client:
        client.sendall(head.encode() + SAMPLES[:half])
        yield client, SAMPLES[half:]


def test_client_that_leaves_half_way_does_no_harm(container: Container) -> None:
    with half_sent(container):
        pass
    assert numbers(container.invoke(LINES[0])) == pytest.approx([ANSWERS[0]], abs=TOLERANCE)
    assert not [line for line in container.logs() if line["level"] == "error"]


def test_slow_clients_are_given_up_while_others_are_served(start: Start) -> None:
    container = start(SERVING_BODY_SECONDS="0.3")
    container.wait_for_ping()
    with half_sent(container) as (client, _):
        assert container.invoke(LINES[0]).status == 200
        assert client.recv(4096).startswith(b"HTTP/1.1 408 ")


def test_limits_are_settings(start: Start) -> None:
    container = start(SERVING_MAX_BYTES="1000", SERVING_MAX_ROWS="2")
    container.wait_for_ping()
    assert container.invoke(b"\n".join([b"1," * 29 + b"1"] * 2)).status == 200
    assert container.invoke(b"\n".join([b"1," * 29 + b"1"] * 3)).error == (413, "too_large")
    assert container.invoke(b" " * 1001).error == (413, "too_large")


# --- logs ---


def test_one_line_a_request(container: Container) -> None:
    reply = container.invoke(SAMPLES, **{"X-Request-Id": "abc-1"})
    assert reply.request_id == "abc-1"
    line = container.logged("abc-1")
    assert line.pop("ms") > 0
    assert line.pop("time") > 0
    assert line == {
        "level": "info",
        "message": "request",
        "status": 200,
        "rows": len(ROWS),
        "request_id": "abc-1",
    }


def test_no_value_gets_into_the_logs(container: Container) -> None:
    marker = "4711.08154"
    for body, content_type in [
        (with_value(marker), CSV),
        (with_value(marker + "x"), CSV),
        (with_value(marker) + b",1", CSV),
        (as_json([[marker] * 30]), JSON),
        (f'{{"instances": [[{marker}'.encode(), JSON),
        (json.dumps({marker: ROWS}).encode(), JSON),
    ]:
        reply = container.invoke(body, content_type)
        container.logged(reply.request_id)
        assert reply.status == 200 or marker not in reply.body.decode()
    assert marker not in container.output.read_text()


def test_request_ids_cannot_forge_lines(container: Container) -> None:
    reply = container.invoke(LINES[0], **{"X-Request-Id": '"}\t{"level":"error' + "x" * 500})
    assert reply.request_id is not None
    assert len(reply.request_id) <= 64
    assert container.logged(reply.request_id)["level"] == "info"


# --- start and end ---


def test_ping_is_503_until_the_model_is_loaded(
    start: Start, model_dir: Path, tmp_path: Path
) -> None:
    pipe = tmp_path / "model.onnx"
    os.mkfifo(pipe)  # reading it waits for a writer
    container = start(SM_MODEL_DIR=str(tmp_path))
    container.wait_for_ping(503)
    assert container.invoke(LINES[0]).error == (503, "not_ready")
    pipe.write_bytes((model_dir / "model.onnx").read_bytes())
    container.wait_for_ping(200)
    assert container.invoke(LINES[0]).status == 200
    assert container.end() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, r"model\.onnx cannot be read: No such file or directory\.$"),
        (b"", r"model\.onnx is no model to serve: \w+\.$"),
        (b"not a model", r"model\.onnx is no model to serve: \w+\.$"),
    ],
)
def test_without_a_model_the_container_ends_with_one_sentence(
    start: Start, tmp_path: Path, workers: str, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / "model.onnx").write_bytes(content)
    container = start(SM_MODEL_DIR=str(tmp_path), SERVING_WORKERS=workers)
    assert container.process.wait(20) == 1
    errors = [line["message"] for line in container.logs() if line["level"] == "error"]
    assert errors
    assert all(re.search(sentence, error) for error in errors)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SERVING_STEP", "guess"),
        ("SERVING_WORKERS", "many"),
        ("SERVING_WORKERS", "0"),
        ("SAGEMAKER_BIND_TO_PORT", "99999"),
        ("SERVING_THRESHOLD", "1.5"),
    ],
)
def test_setting_that_cannot_work_is_named(start: Start, variable: str, value: str) -> None:
    container = start(**{variable: value})
    assert container.process.wait(20) == 2
    (line,) = container.logs()
    assert variable in line["message"]


def test_port_in_use_is_said(start: Start, container: Container) -> None:
    second = start(SAGEMAKER_BIND_TO_PORT=str(container.port))
    assert second.process.wait(20) == 1
    (line,) = second.logs()
    assert line["message"] == f"Port {container.port} cannot be bound: Address already in use."


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_ends_with_the_answers_to_what_has_begun(start: Start, workers: str) -> None:
    container = start(SERVING_WORKERS=workers)
    container.wait_for_ping()
    codes: list[int] = []
    with half_sent(container) as (client, rest):
        accepted(container)
        ending = threading.Thread(target=lambda: codes.append(container.end()))
        ending.start()
        refused(container)
        client.sendall(rest)
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    ending.join()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"\n") >= len(ROWS)
    assert codes == [0]
    assert {line["level"] for line in container.logs()} == {"info"}


def accepted(container: Container) -> None:
    """Returns once workers have taken what was sent before: they answer in turn."""
    for _ in range(20):
        assert container.ping() == 200


def refused(container: Container) -> None:
    """Returns once nobody listens any more."""
    for _ in range(2000):
        if container.ping() == 0:
            return
    raise AssertionError("it goes on to accept")


def test_worker_that_dies_ends_the_container(start: Start) -> None:
    container = start(SERVING_WORKERS="2")
    container.wait_for_ping()
    children = Path(f"/proc/{container.process.pid}/task/{container.process.pid}/children")
    first, second = map(int, children.read_text().split())
    os.kill(first, 9)
    assert container.process.wait(20) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)


def test_once_ready_every_worker_is(start: Start) -> None:
    container = start(SERVING_WORKERS="3")
    container.wait_for_ping()
    assert {container.ping() for _ in range(60)} == {200}


def test_keep_alive_is_kept(container: Container) -> None:
    connection = HTTPConnection("127.0.0.1", container.port, timeout=20)
    ports = set()
    for line in LINES[:3]:
        connection.request("POST", "/invocations", line, {"Content-Type": CSV})
        assert received(connection).status == 200
        ports.add(connection.sock.getsockname())
    connection.close()
    assert len(ports) == 1
