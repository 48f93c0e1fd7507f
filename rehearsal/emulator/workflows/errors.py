"""How Step Functions names the errors of services, so that Retry and Catch find them.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
Source: https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.session
from botocore.exceptions import ClientError

from rehearsal.emulator.workflows.calls import client_name

PREFIXES = {
    "dynamodb": "DynamoDB",
    "sagemaker": "SageMaker",
    "sns": "SNS",
    "sqs": "SQS",
    "eventbridge": "EventBridge",
    "events": "EventBridge",
    "states": "StepFunctions",
    "codebuild": "CodeBuild",
}
"""Of optimized integrations, whose general error is called Amazon<prefix>Exception."""

SDK_PREFIXES = {
    "cloudwatch": "CloudWatch",
    "cloudwatchlogs": "CloudWatchLogs",
    "dynamodb": "DynamoDb",
    "eventbridge": "EventBridge",
    "sagemaker": "SageMaker",
    "sagemakerruntime": "SageMakerRuntime",
    "secretsmanager": "SecretsManager",
}
"""Of `aws-sdk` integrations, whose general error is called <prefix>Exception."""


def error_name(service: str, sdk: bool, error: ClientError) -> tuple[str, str]:
    """Returns name and cause of a service's error."""
    detail = error.response["Error"]
    code = detail["Code"].rpartition("#")[2]
    service = service.lower()
    prefix = (SDK_PREFIXES if sdk else PREFIXES).get(service, service.capitalize())
    if code in _modelled(client_name(service), error.operation_name):
        name = code if code.endswith("Exception") else f"{code}Exception"
    elif sdk:
        name = f"{prefix}Exception"
    else:
        name = f"Amazon{prefix}Exception"
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    cause = f"{detail.get('Message', '')} (Service: {prefix}, Status Code: {status}, Code: {code})"
    return f"{prefix}.{name}", cause


@cache
def _modelled(service: str, operation: str) -> frozenset[str]:
    model: Any = botocore.session.get_session().get_service_model(service)
    codes = set()
    for shape in model.operation_model(operation).error_shapes:
        codes |= {shape.name, shape.metadata.get("error", {}).get("code", shape.name)}
    return frozenset(codes)
