"""The model registry, as a scenario looks into it."""

from __future__ import annotations

from typing import Any

from rehearsal.stage import Stage


def versions(stage: Stage, group: str) -> list[dict[str, Any]]:
    """Returns the versions of a model package group, newest first."""
    found = stage.client("sagemaker").list_model_packages(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending"
    )
    return list(found["ModelPackageSummaryList"])


def expect_pending(stage: Stage, group: str) -> None:
    """Expects one version that waits for its approval, and whose model is there."""
    found = versions(stage, group)
    states = [one["ModelApprovalStatus"] for one in found]
    stage.expect("one version waits for approval", states == ["PendingManualApproval"], states)
    version = stage.client("sagemaker").describe_model_package(
        ModelPackageName=found[0]["ModelPackageArn"]
    )
    (container,) = version["InferenceSpecification"]["Containers"]
    bucket, _, key = container["ModelDataUrl"].removeprefix("s3://").partition("/")
    size = stage.client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"]
    stage.show("its model", f"{key.rpartition('/')[2]} of {size:,} bytes")
