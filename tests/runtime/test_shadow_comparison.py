"""The saved queries, run over captured data of the two real models.

Athena's SQL is translated to DuckDB's, the files lie as SageMaker lays them, and the table's
columns are those of the template.
"""

from __future__ import annotations

import json
import re
import tarfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import sqlglot
import xgboost as xgb

from catalogue.discover import ROOT
from mla_constructs.analytics.captured_data import COLUMNS
from runtime.jobs.tumor_workflow.steps.classifier import MEMBER
from runtime.models import tumor_classifier
from runtime.models.tumor_classifier import train

QUERIES = ROOT / "runtime" / "athena" / "shadow_comparison"
NOW = datetime.now(UTC)
Capture = Callable[..., None]


def answers(artifact: Path, folder: Path, rows: train.Floats) -> list[float]:
    with tarfile.open(artifact) as tar:
        tar.extractall(folder, filter="data")
    booster = xgb.Booster({"nthread": 1})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        booster.load_model(str(folder / MEMBER))
    predicted: list[float] = booster.predict(xgb.DMatrix(rows, nthread=1)).tolist()
    return predicted


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[float]]:
    """What each model answers to the held-out rows."""
    rows = train.split().held_out
    return {
        name: answers(artifact, tmp_path_factory.mktemp(name), rows)
        for name, artifact in (
            ("Production", tumor_classifier.ARTIFACT),
            ("Shadow", tumor_classifier.CHALLENGER),
        )
    }


def line(answer: str, *, event: str, inference_id: str | None, request: str) -> str:
    """Returns a captured line in the form of SageMaker's guide."""
    side = {"observedContentType": "text/csv", "encoding": "CSV"}
    metadata = {"eventId": event, "inferenceTime": NOW.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return json.dumps(
        {
            "captureData": {
                "endpointInput": {**side, "mode": "INPUT", "data": request},
                "endpointOutput": {**side, "mode": "OUTPUT", "data": answer},
            },
            "eventMetadata": metadata | ({"inferenceId": inference_id} if inference_id else {}),
            "eventVersion": "0",
        }
    )


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    """Writes captured lines below endpoint/variant/yyyy/mm/dd/hh."""

    def write(variant: str, lines: list[str], *, at: datetime = NOW) -> None:
        folder = tmp_path / "endpoint" / variant / at.strftime("%Y/%m/%d/%H")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{len(list(folder.iterdir()))}.jsonl").write_text("\n".join(lines) + "\n")

    return write


def structure(hive: str) -> str:
    """Returns a type of the Glue table as DuckDB's json_transform takes it."""
    quoted = re.sub(r"(\w+):", r'"\1":', hive).replace(":string", ':"VARCHAR"')
    return quoted.replace("struct<", "{").replace(">", "}")


def lowered(value: Any) -> Any:
    """Lowers the names, as the table's SerDe does."""
    if isinstance(value, dict):
        return {name.lower(): lowered(item) for name, item in value.items()}
    return value


def captured(root: Path) -> Iterator[tuple[str, str, str]]:
    for file in sorted(root.rglob("*.jsonl")):
        variant, *hour = file.parent.relative_to(root / "endpoint").parts
        for text in file.read_text().splitlines():
            yield variant, "/".join(hour), json.dumps(lowered(json.loads(text)))


@pytest.fixture
def ask(tmp_path: Path) -> Callable[[str], list[dict[str, Any]]]:
    """Runs a saved query over what has been captured."""

    def run(query: str) -> list[dict[str, Any]]:
        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'UTC'")  # the hour in a path is in UTC
        connection.execute(
            "CREATE TABLE lines AS SELECT UNNEST($1) AS variant, UNNEST($2) AS hour, "
            "UNNEST($3)::JSON AS line",
            list(map(list, zip(*captured(tmp_path), strict=True))),
        )
        columns = ", ".join(
            f"json_transform(line->'{name}', '{structure(type_)}') AS {name}"
            if type_.startswith("struct")
            else f"line->>'{name}' AS {name}"
            for name, type_ in COLUMNS.items()
        )
        connection.execute(
            f"CREATE VIEW captured AS SELECT {columns}, variant, hour FROM lines"  # noqa: S608
        )
        text = (QUERIES / f"{query}.sql").read_text()
        (statement,) = sqlglot.transpile(text, read="athena", write="duckdb")
        result = connection.execute(statement)
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    return run


@pytest.fixture
def both(capture: Capture, told: Mapping[str, list[float]]) -> None:
    """Every request answered by both, with event IDs of their own."""
    for variant, given in told.items():
        capture(
            variant,
            [
                line(
                    f"{answer!r}\n",
                    event=f"{variant}-{number}",
                    inference_id=str(number),
                    request=f"row {number}",
                )
                for number, answer in enumerate(given)
            ],
        )


@pytest.mark.usefixtures("both")
def test_agreement_is_what_the_models_answers_say(
    ask: Callable[[str], list[dict[str, Any]]], told: Mapping[str, list[float]]
) -> None:
    production, shadow = np.array(told["Production"]), np.array(told["Shadow"])
    difference = np.abs(production - shadow)
    (found,) = ask("agreement")
    assert found["compared"] == len(difference) == 171
    assert found["without_shadow"] == found["without_production"] == 0
    assert found["other_class"] == ((production > 0.5) != (shadow > 0.5)).sum() > 0
    assert found["mean_difference"] == pytest.approx(difference.mean(), abs=1e-6)
    assert found["largest_difference"] == pytest.approx(difference.max(), abs=1e-6)
    assert found["p99_difference"] == pytest.approx(np.quantile(difference, 0.99), abs=0.05)


@pytest.mark.usefixtures("both")
def test_requests_on_which_they_differ_most_come_first(
    ask: Callable[[str], list[dict[str, Any]]], told: Mapping[str, list[float]]
) -> None:
    difference = np.abs(np.array(told["Production"]) - np.array(told["Shadow"]))
    found = ask("largest_differences")
    assert [row["request"] for row in found] == [
        f"row {number}" for number in np.argsort(-difference, kind="stable")[:20]
    ]
    assert found[0]["told"] == pytest.approx(told["Production"][int(difference.argmax())])
    assert any(row["other_class"] for row in found)


def test_what_has_no_partner_is_counted_and_not_compared(
    capture: Capture, ask: Callable[[str], list[dict[str, Any]]]
) -> None:
    def answered(answer: str, inference_id: str | None) -> str:
        return line(answer, event="same for all", inference_id=inference_id, request="row")

    capture("Production", [answered("0.9", "a"), answered("0.2", "b"), answered("0.2", None)])
    capture("Shadow", [answered("0.4", "a"), answered("0.7", "c"), answered("0.2", None)])
    (found,) = ask("agreement")
    assert found["compared"] == found["other_class"] == 1
    assert found["without_shadow"] == found["without_production"] == 2
    assert found["mean_difference"] == pytest.approx(0.5)


def test_answer_that_is_no_number_spoils_nothing(
    capture: Capture, ask: Callable[[str], list[dict[str, Any]]]
) -> None:
    capture("Production", [line("0.9", event="1", inference_id="a", request="row")])
    capture("Shadow", [line("Unable to evaluate", event="2", inference_id="a", request="row")])
    (found,) = ask("agreement")
    assert (found["compared"], found["without_shadow"], found["mean_difference"]) == (0, 0, None)


def test_yesterdays_requests_count_and_older_ones_do_not(
    capture: Capture, ask: Callable[[str], list[dict[str, Any]]]
) -> None:
    for hours, inference_id in ((1, "recent"), (23, "yesterday"), (30, "old")):
        for variant in ("Production", "Shadow"):
            capture(
                variant,
                [line("0.5", event="1", inference_id=inference_id, request="row")],
                at=NOW - timedelta(hours=hours),
            )
    (found,) = ask("agreement")
    assert found["compared"] == 2


@pytest.mark.parametrize("query", sorted(QUERIES.glob("*.sql")), ids=lambda path: path.stem)
def test_queries_are_sql_that_athena_parses(query: Path) -> None:
    (statement,) = sqlglot.parse(query.read_text(), read="athena")
    assert statement is not None
    assert {table.name for table in statement.find_all(sqlglot.exp.Table)} >= {"captured"}
