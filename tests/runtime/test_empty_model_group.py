"""The function that empties model package groups: run against SageMaker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from runtime.functions.custom_resources.handlers import empty_model_group

GROUP = "tumors"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/tumors"


@pytest.fixture
def sagemaker() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client(
        "sagemaker",
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106 - nobody's
    )
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


def page(*versions: int, token: str | None = None) -> dict[str, Any]:
    return {
        "ModelPackageSummaryList": [
            {
                "ModelPackageArn": f"{ARN}/{version}",
                "ModelPackageGroupName": GROUP,
                "ModelPackageVersion": version,
                "CreationTime": 0,
                "ModelPackageStatus": "Completed",
            }
            for version in versions
        ],
        **({"NextToken": token} if token else {}),
    }


def test_every_version_of_every_page_is_deleted(sagemaker: tuple[Any, Stubber]) -> None:
    client, stubber = sagemaker
    asked = {"ModelPackageGroupName": GROUP}
    stubber.add_response("list_model_packages", page(3, 2, token="more"), asked)  # noqa: S106
    stubber.add_response("list_model_packages", page(1), asked | {"NextToken": "more"})
    for version in (3, 2, 1):
        stubber.add_response("delete_model_package", {}, {"ModelPackageName": f"{ARN}/{version}"})
    assert empty_model_group.empty(client, GROUP) == 3


def test_empty_group_stays_as_it_is(sagemaker: tuple[Any, Stubber]) -> None:
    client, stubber = sagemaker
    stubber.add_response("list_model_packages", page(), {"ModelPackageGroupName": GROUP})
    assert empty_model_group.empty(client, GROUP) == 0


def test_refusal_is_not_swallowed(sagemaker: tuple[Any, Stubber]) -> None:
    client, stubber = sagemaker
    stubber.add_response("list_model_packages", page(1), {"ModelPackageGroupName": GROUP})
    stubber.add_client_error("delete_model_package", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        empty_model_group.empty(client, GROUP)
