"""Deletes a model package group's versions with its stack: SageMaker deletes empty groups only."""

from __future__ import annotations

from typing import Any

import boto3

from .cloudformation import Done, Event, custom_resource, log


@custom_resource
def handler(event: Event, _context: Any) -> Done:
    """Empties the group `GroupName` on Delete, does nothing on Create and Update."""
    if event["RequestType"] == "Delete":
        deleted = empty(boto3.client("sagemaker"), event["ResourceProperties"]["GroupName"])
        log.info("deleted %d versions", deleted)
        return Done(event["PhysicalResourceId"])
    return Done(event["ResourceProperties"]["GroupName"])


def empty(sagemaker: Any, group: str) -> int:
    """Deletes every version of the group; returns how many there were."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    # All of them first: a page's token may not outlive what the page before it named.
    versions = [
        version["ModelPackageArn"] for page in pages for version in page["ModelPackageSummaryList"]
    ]
    for version in versions:
        sagemaker.delete_model_package(ModelPackageName=version)
    return len(versions)
