"""The workflow of the accepted template in a real Airflow, with AWS behind botocore replaced.

The interpreter that runs the tests has Airflow; the step scripts need another one, which is the
first `python` on the path.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HOME = Path(tempfile.mkdtemp(prefix="airflow-"))
# Airflow reads its configuration when it is imported.
os.environ.update(
    {
        "AIRFLOW_HOME": str(HOME),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(HOME / "dags"),
        "AIRFLOW__DAG_FACTORY__ENABLE_TELEMETRY": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
)
sys.path[:0] = [str(ROOT), str(Path(__file__).parent), str(ROOT / "runtime" / "airflow" / "tasks")]

import botocore.client  # noqa: E402
import pytest  # noqa: E402
from airflow.models import DagBag, DagRun  # noqa: E402
from airflow.utils import db  # noqa: E402
from aws import Aws, SageMaker  # noqa: E402

from catalogue.template import Template  # noqa: E402
from runtime.jobs import tumor_workflow  # noqa: E402
from runtime.models import tumor_classifier  # noqa: E402
from study.sample import Sample  # noqa: E402
from tests.support.api import problems  # noqa: E402

Definition = dict[str, Any]


def pytest_sessionfinish() -> None:
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def template() -> Template:
    """The template, as it was accepted."""
    file = ROOT / "tests" / "snapshots" / "airflow_workflow.json"
    return Template(json.loads(file.read_text()), file.stem)


def properties(template: Template, resource_type: str) -> list[dict[str, Any]]:
    """Returns the properties of the resources of a type, as CloudFormation would fill them in."""
    return [Sample(template).value(found) for _, found in template.of_type(resource_type)]


@pytest.fixture
def definition(template: Template) -> Definition:
    """What the deployment writes for the service to read."""
    (written,) = properties(template, "Custom::WrittenObject")
    document: Definition = written["Document"]
    return document


@pytest.fixture(scope="session", autouse=True)
def database() -> None:
    db.initdb()


@pytest.fixture
def load(tmp_path: Path) -> Callable[[Definition], DagBag]:
    """Has Airflow read a definition as the service does: DAG Factory makes the DAG of it."""

    def load(definition: Definition) -> DagBag:
        file = tmp_path / "training_workflow.yaml"
        file.write_text(json.dumps(definition))
        loader = tmp_path / "load_dags.py"
        loader.write_text(
            "from dagfactory import load_yaml_dags  # the name tells Airflow of a dag in airflow\n"
            f"load_yaml_dags(globals_dict=globals(), config_filepath={str(file)!r})\n"
        )
        return DagBag(dag_folder=str(loader), include_examples=False)

    return load


@pytest.fixture
def aws(definition: Definition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """AWS after the deployment: the assets are there. Nobody waits for anything."""
    sagemaker = SageMaker(tmp_path / "aws")
    python = shutil.which("python")
    assert python, "put the project's own Python first on the path"
    sagemaker.python = python
    dag = definition["training_workflow"]
    code, _ = dag["tasks"]["process"]["config"]["ProcessingInputs"]
    sagemaker.put(code["S3Input"]["S3Uri"], _archive())
    sagemaker.put(dag["params"]["InputDataUri"], tumor_workflow.RAW_DATA.read_bytes())
    sagemaker.put(dag["params"]["ApprovedModelUri"], tumor_classifier.ARTIFACT.read_bytes())
    aws = Aws(sagemaker)

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        shape = client.meta.service_model.operation_model(operation).input_shape
        assert problems(shape, parameters) == [], operation
        return aws.answer(client.meta.service_model.signing_name, operation, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    monkeypatch.setattr(
        "airflow.providers.amazon.aws.hooks.sagemaker.time", SimpleNamespace(sleep=lambda _: None)
    )
    return aws


def _archive() -> bytes:
    """The zip that the deployment makes of the step scripts."""
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for file in sorted((tumor_workflow.CODE / "steps").glob("*.py")):
            archive.write(file, f"steps/{file.name}")
    return content.getvalue()


@dataclass(frozen=True)
class Run:
    """A run that has ended.

    Attributes:
        state: Of the run.
        tasks: Task -> its state.
        aws: What it met there.
        log: What Airflow and the tasks wrote.
    """

    state: str
    tasks: dict[str, str]
    aws: Aws
    log: str

    @classmethod
    def of(cls, run: DagRun, aws: Aws, log: str) -> Run:
        states = {task.task_id: str(task.state) for task in run.get_task_instances()}
        return cls(str(run.state), states, aws, log)
