"""Several models behind one endpoint: many on demand, several by name, components with copies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.account import EmulatedAccount
from runtime.models import tenant_classifiers, tumor_classifier
from tests.rehearsal.hosting import (
    ANSWERS,
    BUCKET,
    IMAGE,
    ROWS,
    Hosting,
    code,
    hosted,
    until,
    variant,
)
from tests.rehearsal.images import ECR, Workshop, inference

PULL = {
    "ecr:GetAuthorizationToken": "*",
    "ecr:BatchGetImage": ECR,
    "ecr:GetDownloadUrlForLayer": ECR,
    "s3:GetObject": f"arn:aws:s3:::{BUCKET}/models/*",
}
NAMES = ("one", "two")
ROOM_FOR_ONE = 80_000
"""Bytes: a tenant's model has some 50,000."""


@pytest.fixture(scope="module")
def hosting(account: EmulatedAccount) -> Iterator[Hosting]:
    yield from hosted(account)


@pytest.fixture(scope="module")
def image(account: EmulatedAccount) -> str:
    options = "--file containers/inference/Dockerfile"
    return Workshop(account).image(inference(), options=options)


# Multi-model


def multi_model(hosting: Hosting, most: int = 2**30, **settings: Any) -> str:
    """An endpoint for the models below a prefix of its own; returns its name."""
    prefix = f"models/{hosting.name('many')}"
    for tenant in tenant_classifiers.TENANTS:
        content = tenant_classifiers.artifact(tenant).read_bytes()
        hosting.s3.put_object(Bucket=BUCKET, Key=f"{prefix}/{tenant}.tar.gz", Body=content)
    name = hosting.name("model")
    hosting.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=hosting.role(),
        PrimaryContainer={
            "Image": IMAGE,
            "Mode": "MultiModel",
            "ModelDataUrl": f"s3://{BUCKET}/{prefix}/",
            "Environment": {"REHEARSAL_MODEL_BYTES": str(most)},
            **settings,
        },
    )
    return hosting.endpoint(hosting.config(variant(name)))


def ask(hosting: Hosting, endpoint: str, tenant: str) -> float:
    return float(hosting.invoke(endpoint, TargetModel=f"{tenant}.tar.gz")["Body"])


def known(tenant: str) -> float:
    return float(tenant_classifiers.sample_answers(tenant).read_text().split()[0])


def hits(hosting: Hosting, endpoint: str) -> tuple[float, float]:
    where = {"EndpointName": endpoint, "VariantName": "AllTraffic"}
    found = hosting.statistics("AWS/SageMaker", "ModelCacheHit", "Sum", **where)
    asked = hosting.statistics("AWS/SageMaker", "ModelCacheHit", "SampleCount", **where)
    return sum(found), sum(asked)


def test_each_model_answers_as_its_own_and_is_loaded_once(hosting: Hosting) -> None:
    endpoint = multi_model(hosting)
    for _ in range(2):
        for tenant in tenant_classifiers.TENANTS:
            assert ask(hosting, endpoint, tenant) == pytest.approx(known(tenant), abs=1e-6)
    assert hits(hosting, endpoint) == (3, 6)


def test_least_recently_used_model_makes_room(hosting: Hosting) -> None:
    endpoint = multi_model(hosting, most=ROOM_FOR_ONE)
    first, second, _ = tenant_classifiers.TENANTS
    for tenant in (first, second, first):
        assert ask(hosting, endpoint, tenant) == pytest.approx(known(tenant), abs=1e-6)
    found, asked = hits(hosting, endpoint)
    where = {"EndpointName": endpoint, "VariantName": "AllTraffic"}
    unloaded = hosting.statistics("AWS/SageMaker", "ModelUnloadingTime", "SampleCount", **where)
    assert (found, asked, sum(unloaded)) == (0, 3, 2)


def test_models_are_not_kept_where_the_cache_is_disabled(hosting: Hosting) -> None:
    endpoint = multi_model(hosting, MultiModelConfig={"ModelCacheSetting": "Disabled"})
    for _ in range(2):
        ask(hosting, endpoint, "north")
    assert hits(hosting, endpoint) == (0, 2)


def test_target_model_has_to_be_there_and_to_be_asked_for(hosting: Hosting) -> None:
    endpoint = multi_model(hosting)
    with pytest.raises(ClientError) as refused:
        ask(hosting, endpoint, "nobody")
    assert code(refused)[0] == "ValidationError"
    assert "Failed to download model data" in code(refused)[1]
    with pytest.raises(ClientError, match="missing a target model header"):
        hosting.invoke(endpoint)
    single = hosting.endpoint(hosting.config(variant(hosting.model())))
    with pytest.raises(ClientError, match="not a multi-model endpoint"):
        ask(hosting, single, "north")


# Several containers


def several(hosting: Hosting, image: str, mode: str) -> str:
    role = Workshop(hosting.account).role("sagemaker.amazonaws.com", PULL)
    name = hosting.name("model")
    artifacts = (tumor_classifier.ARTIFACT, tumor_classifier.ONNX_ARTIFACT)
    hosting.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=role,
        InferenceExecutionConfig={"Mode": mode},
        Containers=[
            {
                "ContainerHostname": hostname,
                "Image": each,
                "ModelDataUrl": hosting.upload(artifact),
                "Environment": {"SERVING_WORKERS": "1"},
            }
            for hostname, each, artifact in zip(NAMES, (IMAGE, image), artifacts, strict=True)
        ],
    )
    return hosting.endpoint(hosting.config(variant(name)))


def test_container_that_is_named_answers(hosting: Hosting, image: str) -> None:
    endpoint = several(hosting, image, "Direct")
    for name in NAMES:
        answer = hosting.invoke(endpoint, TargetContainerHostname=name)["Body"]
        assert float(answer) == pytest.approx(ANSWERS[0], abs=1e-5)
    with pytest.raises(ClientError, match="missing a target container hostname"):
        hosting.invoke(endpoint)
    with pytest.raises(ClientError, match="Could not find container"):
        hosting.invoke(endpoint, TargetContainerHostname="three")


def test_endpoint_does_not_start_what_its_role_cannot_pull(hosting: Hosting, image: str) -> None:
    for lacking in ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"):
        allowed = {action: where for action, where in PULL.items() if action != lacking}
        role = Workshop(hosting.account).role("sagemaker.amazonaws.com", allowed)
        described = hosting.describe(_endpoint_of(hosting, image, role))
        assert described["EndpointStatus"] == "Failed"
        assert "cannot be pulled" in described["FailureReason"]


@pytest.mark.parametrize(
    ("kind", "status"), [("ml.c7g.large", "Failed"), ("ml.c7i.large", "InService")]
)
def test_image_is_for_one_processor(hosting: Hosting, image: str, kind: str, status: str) -> None:
    role = Workshop(hosting.account).role("sagemaker.amazonaws.com", PULL)
    described = hosting.describe(_endpoint_of(hosting, image, role, InstanceType=kind))
    assert described["EndpointStatus"] == status
    assert status == "InService" or "exec format error" in described["FailureReason"]


def test_image_for_a_gpu_finds_none(hosting: Hosting, image: str) -> None:
    role = Workshop(hosting.account).role("sagemaker.amazonaws.com", PULL)
    described = hosting.describe(
        _endpoint_of(hosting, image, role, environment={"SERVING_PROVIDER": "cuda"})
    )
    assert described["EndpointStatus"] == "Failed"
    assert "no CUDA" in described["FailureReason"]


def _endpoint_of(
    hosting: Hosting,
    image: str,
    role: str,
    environment: dict[str, str] | None = None,
    **settings: Any,
) -> str:
    name = hosting.name("model")
    hosting.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=role,
        PrimaryContainer={
            "Image": image,
            "ModelDataUrl": hosting.upload(tumor_classifier.ONNX_ARTIFACT),
            "Environment": {"SERVING_WORKERS": "1", **(environment or {})},
        },
    )
    return hosting.endpoint(hosting.config(variant(name, **settings)))


# Inference components


@pytest.fixture(scope="module")
def shared(hosting: Hosting) -> str:
    """An endpoint of one to two instances without a model."""
    config = hosting.name("config")
    hosting.sagemaker.create_endpoint_config(
        EndpointConfigName=config,
        ExecutionRoleArn=hosting.role(),
        ProductionVariants=[
            {
                "VariantName": "AllTraffic",
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
                "ManagedInstanceScaling": {
                    "Status": "ENABLED",
                    "MinInstanceCount": 0,
                    "MaxInstanceCount": 2,
                },
            }
        ],
    )
    return hosting.endpoint(config)


@pytest.fixture
def component(hosting: Hosting, shared: str) -> Iterator[str]:
    """A component with one copy that takes a whole vCPU."""
    name = hosting.name("component")
    hosting.sagemaker.create_inference_component(
        InferenceComponentName=name,
        EndpointName=shared,
        VariantName="AllTraffic",
        Specification={
            "Container": {
                "Image": IMAGE,
                "ArtifactUrl": hosting.upload(tumor_classifier.ARTIFACT),
            },
            "ComputeResourceRequirements": {
                "NumberOfCpuCoresRequired": 1,
                "MinMemoryRequiredInMb": 1024,
            },
        },
        RuntimeConfig={"CopyCount": 1},
    )
    settled(hosting, name)
    yield name
    settled(hosting, name)
    hosting.sagemaker.delete_inference_component(InferenceComponentName=name)
    until(
        lambda: hosting.sagemaker.list_inference_components(NameContains=name),
        lambda listed: not listed["InferenceComponents"],
    )


def settled(hosting: Hosting, name: str) -> dict[str, Any]:
    return until(
        lambda: hosting.sagemaker.describe_inference_component(InferenceComponentName=name),
        lambda d: d["InferenceComponentStatus"] in ("InService", "Failed"),
    )


def resize(hosting: Hosting, name: str, copies: int) -> dict[str, Any]:
    hosting.sagemaker.update_inference_component_runtime_config(
        InferenceComponentName=name, DesiredRuntimeConfig={"CopyCount": copies}
    )
    return settled(hosting, name)


def running(hosting: Hosting, endpoint: str) -> int:
    return int(hosting.describe(endpoint)["ProductionVariants"][0]["CurrentInstanceCount"])


def test_copies_fill_instances_and_free_them(hosting: Hosting, shared: str, component: str) -> None:
    answer = hosting.invoke(shared, InferenceComponentName=component)["Body"]
    assert float(answer) == pytest.approx(ANSWERS[0], abs=1e-6)
    assert running(hosting, shared) == 1
    assert resize(hosting, component, 3)["RuntimeConfig"]["CurrentCopyCount"] == 3
    assert running(hosting, shared) == 2, "two copies of a vCPU each fit on an instance"
    full = resize(hosting, component, 5)
    assert "Not enough hardware resources" in full["FailureReason"]
    assert full["RuntimeConfig"] == {"DesiredCopyCount": 3, "CurrentCopyCount": 3}
    resize(hosting, component, 0)
    assert running(hosting, shared) == 0


def test_component_without_a_copy_has_no_capacity(
    hosting: Hosting, shared: str, component: str
) -> None:
    resize(hosting, component, 0)
    with pytest.raises(ClientError, match="has no capacity to process this request"):
        hosting.invoke(shared, InferenceComponentName=component)
    failures = hosting.statistics(
        "AWS/SageMaker", "NoCapacityInvocationFailures", "Sum", InferenceComponentName=component
    )
    assert sum(failures) == 1
    resize(hosting, component, 1)
    assert hosting.invoke(shared, InferenceComponentName=component)["Body"]


def test_update_that_does_not_start_is_taken_back(
    hosting: Hosting, shared: str, component: str
) -> None:
    before = hosting.sagemaker.describe_inference_component(InferenceComponentName=component)
    hosting.sagemaker.update_inference_component(
        InferenceComponentName=component,
        Specification={
            "Container": {"Image": IMAGE, "ArtifactUrl": hosting.upload(b"no archive")},
            "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 1024},
        },
    )
    after = settled(hosting, component)
    assert after["InferenceComponentStatus"] == "InService"
    assert "Failed to extract" in after["FailureReason"]
    assert after["Specification"] == before["Specification"]
    assert hosting.invoke(shared, InferenceComponentName=component)["Body"]


def test_component_has_to_be_named_and_to_be_there(
    hosting: Hosting, shared: str, component: str
) -> None:
    with pytest.raises(ClientError, match="Inference Component Name header is required"):
        hosting.invoke(shared, ROWS[0])
    with pytest.raises(ClientError, match="not found"):
        hosting.invoke(shared, InferenceComponentName="nobody")
    with pytest.raises(ClientError, match="hosts inference components"):
        hosting.sagemaker.delete_endpoint(EndpointName=shared)
    with pytest.raises(ClientError, match="already existing"):
        hosting.sagemaker.create_inference_component(
            InferenceComponentName=component,
            EndpointName=shared,
            VariantName="AllTraffic",
            Specification={
                "Container": {"Image": IMAGE},
                "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 128},
            },
            RuntimeConfig={"CopyCount": 1},
        )
