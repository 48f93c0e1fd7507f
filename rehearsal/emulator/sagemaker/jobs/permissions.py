"""What a job's role needs before its container starts.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
"""

from __future__ import annotations

import re

from rehearsal.emulator import host
from rehearsal.emulator.host import NotAssumableError
from rehearsal.emulator.sagemaker.containers import PRINCIPAL
from rehearsal.emulator.sagemaker.jobs.errors import JobFailedError

IMAGE = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[^.]+)\.[^/]+/(?P<name>[^:@]+)")


def require_job_permissions(
    role_arn: str, source_arn: str, *, image: str, volume_key: str | None
) -> None:
    """Returns if a role lets SageMaker pull the image and encrypt the volume.

    Raises:
        JobFailedError: It does not.
    """
    asked: list[tuple[str, str, dict[str, str]]] = []
    named = IMAGE.match(image)
    if named:
        repository = f"arn:aws:ecr:{named['region']}:{named['account']}:repository/{named['name']}"
        asked += [
            ("ecr:GetAuthorizationToken", "*", {}),
            ("ecr:BatchGetImage", repository, {}),
            ("ecr:GetDownloadUrlForLayer", repository, {}),
        ]
    if volume_key and volume_key.startswith("arn:"):
        asked.append(("kms:CreateGrant", volume_key, {"kms:GrantIsForAWSResource": "true"}))
    for action, resource, context in asked:
        try:
            denied = host.role_denial(
                role_arn,
                service=PRINCIPAL,
                source_arn=source_arn,
                action=action,
                resource=resource,
                context=context,
            )
        except NotAssumableError as error:
            raise JobFailedError(f"ClientError: {error}") from None
        if denied:
            raise JobFailedError(f"ClientError: {denied}")
