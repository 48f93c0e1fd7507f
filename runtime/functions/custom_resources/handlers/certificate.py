"""Has a certificate made by a build project, and deletes it from ACM with the stack."""

from __future__ import annotations

import time
from typing import Any

import boto3

from .builds import run
from .cloudformation import Done, Event, custom_resource, log

POLL_SECONDS = 5


@custom_resource
def handler(event: Event, context: Any) -> Done:
    """Runs the project `ProjectName` on Create and Update; the certificate's ARN is its result.

    The ARN is the physical id as well: after an update CloudFormation deletes the certificate that
    was there before.
    """
    if event["RequestType"] == "Delete":
        arn = event["PhysicalResourceId"]
        if arn.startswith("arn:"):  # else none was made
            delete(boto3.client("acm"), arn, context)
        return Done(arn)
    project = event["ResourceProperties"]["ProjectName"]
    codebuild = boto3.client("codebuild")
    return Done(run(codebuild, project, event, context, result="CERTIFICATE_ARN"))


def delete(acm: Any, arn: str, context: Any) -> None:
    """Deletes the certificate; a listener that has just gone may still hold it for a while.

    Raises:
        RuntimeError: It is in use for as long as the function may wait.
    """
    while True:
        try:
            acm.delete_certificate(CertificateArn=arn)
        except acm.exceptions.ResourceNotFoundException:
            log.info("%s is already gone", arn)
            return
        except acm.exceptions.ResourceInUseException:
            if context.get_remaining_time_in_millis() < 3 * POLL_SECONDS * 1000:
                raise RuntimeError(f"{arn} is still in use: remove the listener") from None
            time.sleep(POLL_SECONDS)
        else:
            return
