"""The container on a GPU: what can be told without one."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

import onnxruntime
import pytest

from catalogue.discover import ROOT
from runtime.containers.inference.errors import ModelError
from runtime.containers.inference.model import CUDA, Model
from runtime.containers.inference.settings import from_environment
from runtime.models import tumor_classifier
from tests.support.locks import pins

CPU, GPU = (ROOT / "runtime" / "containers" / name for name in ("inference", "inference_gpu"))
ONLY_GPU = {"onnxruntime-gpu"}
ONLY_CPU = {"onnxruntime", "awslambdaric", "simplejson", "snapshot-restore-py"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with tarfile.open(tumor_classifier.TENSOR_ARTIFACT) as tar:
        tar.extractall(tmp_path, filter="data")
    return tmp_path


def test_provider_is_chosen_by_the_environment() -> None:
    assert from_environment({}).provider == "cpu"
    assert from_environment({"SERVING_PROVIDER": "cuda"}).provider == "cuda"


def test_image_without_cuda_refuses_to_serve_from_the_cpu(folder: Path) -> None:
    with pytest.raises(ModelError, match="SERVING_PROVIDER is cuda, and this image has no CUDA"):
        Model(folder, "cuda")


def test_instance_without_gpu_refuses_to_serve_from_the_cpu(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX Runtime falls back in silence, whatever providers it was given."""
    session = onnxruntime.InferenceSession

    def on_cpu(*arguments: object, providers: object) -> onnxruntime.InferenceSession:
        assert CUDA in str(providers)
        return session(*arguments, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA])
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: None)
    monkeypatch.setattr(onnxruntime, "InferenceSession", on_cpu)
    with pytest.raises(ModelError, match="no GPU answers: is the driver too old"):
        Model(folder, "cuda")


def test_the_two_images_differ_in_the_engine_alone() -> None:
    cpu, gpu = pins(CPU / "requirements.txt"), pins(GPU / "requirements.txt")
    nvidia = {name for name in gpu if name.startswith("nvidia-")}
    assert gpu.keys() - nvidia - ONLY_GPU == cpu.keys() - ONLY_CPU
    for name in gpu.keys() & cpu.keys():
        assert gpu[name] == cpu[name], name


def test_cuda_is_that_of_the_instances_driver() -> None:
    """The stack asks for an AMI with CUDA 13.0: wheels of another major version would not load."""
    gpu = pins(GPU / "requirements.txt")
    assert gpu["nvidia-cuda-runtime"].startswith("13.")
    assert "nvidia-cudnn-cu13" in gpu


def test_dockerfile_copies_what_its_context_admits() -> None:
    admitted = (GPU / "Dockerfile.dockerignore").read_text().split()
    assert admitted[0] == "*"
    copied = re.findall(r"^COPY (?!--from)(\S+)", (GPU / "Dockerfile").read_text(), re.MULTILINE)
    assert {f"!{source}" for source in copied} == set(admitted[1:])
    for source in copied:
        assert list((ROOT / "runtime").glob(source)), source


def test_it_serves_on_the_gpu_as_no_root_in_exec_form() -> None:
    text = (GPU / "Dockerfile").read_text()
    assert "SERVING_PROVIDER=cuda" in text
    assert "NVIDIA_VISIBLE_DEVICES=all" in text
    assert 'ENTRYPOINT ["python", "-m", "inference"]' in text
    assert text.rstrip().endswith("USER ${RUN_AS}")
    assert re.search(r"^ARG RUN_AS=\d{5}$", text, re.MULTILINE)
