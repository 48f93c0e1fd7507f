"""SageMaker on this computer: S3 is a folder, and jobs run the step scripts for real."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import shutil
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STEPS = "runtime.jobs.tumor_workflow"


class JobFailed(Exception):  # noqa: N818 - as SageMaker says it
    """A job ended with an exit code other than 0."""


@dataclass
class LocalSageMaker:
    """Runs what CreateProcessingJob and CreateTrainingJob are asked, one folder a job.

    Attributes:
        folder: Holds S3 below s3/<bucket>/<key> and a folder laid out as /opt/ml for every job.
        jobs: Name -> what the job was asked.
        versions: What CreateModelPackage was asked.
    """

    folder: Path
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: list[dict[str, Any]] = field(default_factory=list)

    def put(self, uri: str, content: bytes) -> str:
        path = self._path(uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return uri

    def get(self, uri: str) -> bytes:
        return self._path(uri).read_bytes()

    def create_processing_job(self, **request: Any) -> dict[str, Any]:
        root = self._new(request["ProcessingJobName"], request)
        for given in request["ProcessingInputs"]:
            local = _below(root, given["S3Input"]["LocalPath"])
            self._download(given["S3Input"]["S3Uri"], local)
        self._run(request["AppSpecification"], request["Environment"], root)
        for output in request["ProcessingOutputConfig"]["Outputs"]:
            local = _below(root, output["S3Output"]["LocalPath"])
            shutil.copytree(local, self._path(output["S3Output"]["S3Uri"]), dirs_exist_ok=True)
        return {**request, "ProcessingJobStatus": "Completed"}

    def create_training_job(self, **request: Any) -> dict[str, Any]:
        name = request["TrainingJobName"]
        root = self._new(name, request)
        for channel in request["InputDataConfig"]:
            local = root / "input" / "data" / channel["ChannelName"]
            self._download(channel["DataSource"]["S3DataSource"]["S3Uri"], local)
        config = root / "input" / "config" / "hyperparameters.json"
        config.parent.mkdir(parents=True)
        config.write_text(json.dumps(request["HyperParameters"]))
        self._run(request["AlgorithmSpecification"], request["Environment"], root)
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for file in sorted((root / "model").iterdir()):
                archive.add(file, file.name)
        uri = f"{request['OutputDataConfig']['S3OutputPath']}/{name}/output/model.tar.gz"
        self.put(uri, packed.getvalue())
        return {**request, "ModelArtifacts": {"S3ModelArtifacts": uri}}

    def create_model_package(self, **request: Any) -> dict[str, Any]:
        self.versions.append(request)
        group = request["ModelPackageGroupName"]
        arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/"
        return {"ModelPackageArn": f"{arn}{group}/{len(self.versions)}"}

    def _path(self, uri: str) -> Path:
        assert uri.startswith("s3://"), uri
        return self.folder / "s3" / uri.removeprefix("s3://")

    def _new(self, name: str, request: dict[str, Any]) -> Path:
        assert name not in self.jobs, f"{name} has been used before"
        self.jobs[name] = request
        root = self.folder / "jobs" / name
        root.mkdir(parents=True)
        return root

    def _download(self, uri: str, local: Path) -> None:
        """Fetches a whole key under its own name, or what lies below a prefix."""
        source = self._path(uri)
        assert source.exists(), f"no object has the prefix {uri}"
        local.mkdir(parents=True)
        if source.is_file():
            shutil.copy(source, local)
        else:
            shutil.copytree(source, local, dirs_exist_ok=True)

    def _run(self, container: dict[str, Any], environment: dict[str, str], root: Path) -> None:
        archive = _below(root, environment["PYTHONPATH"])
        assert archive.is_file(), f"the code is not where Python looks for it: {archive}"
        python, flag, module = container["ContainerEntrypoint"]
        assert (python, flag) == ("python3", "-m")
        # In this process: starting Python and its libraries anew takes longer than the step.
        step = importlib.import_module(f"{STEPS}.{module}")
        with contextlib.redirect_stdout(io.StringIO()) as log:
            try:
                step.main(["--root", str(root)])
            except SystemExit as end:
                raise JobFailed(str(end.code)) from end
        (root / "log").write_text(log.getvalue())


def _below(root: Path, path: str) -> Path:
    """Returns where a path of the container lies here."""
    return root / Path(path).relative_to("/opt/ml")
