"""What makes it a comparison of processors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app import build
from catalogue.discover import discover
from catalogue.template import Template
from study.assembly import load

SLUG = "graviton_endpoint"


@pytest.fixture
def template(templates: Mapping[str, Template]) -> Template:
    return templates[SLUG]


@pytest.fixture(scope="module")
def with_gpu(tmp_path_factory: pytest.TempPathFactory) -> Template:
    outdir: Path = tmp_path_factory.mktemp("gpu")
    build({"stack": SLUG, "hardware": "gpu"}, outdir=str(outdir)).synth()
    return load([discover()[SLUG]], outdir)[0]


def variants(template: Template) -> dict[str, dict[str, Any]]:
    config = template.only("AWS::SageMaker::EndpointConfig")
    return {variant["VariantName"]: variant for variant in config["ProductionVariants"]}


def built_on(template: Template, variant: str) -> str:
    """The kind of machine on which the variant's image is built."""
    projects = dict(template.of_type("AWS::CodeBuild::Project"))
    (project,) = [p for name, p in projects.items() if name.startswith(f"{variant}Image")]
    return str(project["Environment"]["Type"])


def image(template: Template, variant: str) -> str:
    models = dict(template.of_type("AWS::SageMaker::Model"))
    (model,) = [
        m
        for name, m in models.items()
        if f"<{name}.ModelName>" == (variants(template)[variant]["ModelName"])
    ]
    return str(model["PrimaryContainer"]["Image"])


def test_two_processors_of_one_size_share_the_traffic(template: Template) -> None:
    found = variants(template)
    assert {name: v["InstanceType"] for name, v in found.items()} == {
        "X86": "ml.c6i.large",
        "Graviton": "ml.c7g.large",
    }
    assert {v["InitialVariantWeight"] for v in found.values()} == {1}
    assert {v["InitialInstanceCount"] for v in found.values()} == {1}


@pytest.mark.parametrize(
    ("variant", "machine"), [("X86", "LINUX_CONTAINER"), ("Graviton", "ARM_CONTAINER")]
)
def test_each_image_is_built_on_a_machine_of_its_kind(
    variant: str, machine: str, template: Template
) -> None:
    assert built_on(template, variant) == machine
    assert image(template, variant).endswith(".ImageDigest>")
    assert f"<{variant}ImageRepository" in image(template, variant)


def test_one_artifact_is_served_by_all(with_gpu: Template) -> None:
    models = [model["PrimaryContainer"] for _, model in with_gpu.of_type("AWS::SageMaker::Model")]
    assert len({model["ModelDataUrl"] for model in models}) == 1
    assert len({model["Image"] for model in models}) == len(models) == 3


def test_gpu_is_added_only_if_asked_for(template: Template, with_gpu: Template) -> None:
    assert "Gpu" not in variants(template)
    gpu = variants(with_gpu)["Gpu"]
    assert gpu["InstanceType"] == "ml.g4dn.xlarge"
    assert gpu["InitialVariantWeight"] == 1
    assert {k: variants(with_gpu)[k] for k in variants(template)} == variants(template)


def test_gpu_has_the_driver_that_its_container_needs(with_gpu: Template) -> None:
    """CUDA 13 in the container, CUDA 13.0 and driver 580 in this image of the instance."""
    gpu = variants(with_gpu)["Gpu"]
    assert gpu["InferenceAmiVersion"] == "al2023-ami-sagemaker-inference-gpu-4-1"
    projects = dict(with_gpu.of_type("AWS::CodeBuild::Project"))
    (project,) = [p for name, p in projects.items() if name.startswith("GpuImage")]
    assert "containers/inference_gpu/Dockerfile" in str(project["Environment"])


def test_each_cpu_variant_scales_on_its_own(template: Template) -> None:
    targets = [t for _, t in template.of_type("AWS::ApplicationAutoScaling::ScalableTarget")]
    assert {target["ResourceId"].rsplit("/", 1)[1] for target in targets} == {"X86", "Graviton"}
    assert sum(target["MaxCapacity"] for target in targets) <= 4


def test_every_variant_is_watched_and_drawn(with_gpu: Template) -> None:
    watched = {
        (dimension["Value"], alarm["MetricName"])
        for _, alarm in with_gpu.of_type("AWS::CloudWatch::Alarm")
        for dimension in alarm["Dimensions"]
        if dimension["Name"] == "VariantName"
    }
    body = str(with_gpu.only("AWS::CloudWatch::Dashboard")["DashboardBody"])
    for name in variants(with_gpu):
        assert {(name, "Invocation5XXErrors"), (name, "ModelLatency")} <= watched
        assert f"{name} p99" in body
