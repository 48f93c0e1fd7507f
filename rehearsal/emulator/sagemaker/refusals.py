"""What clients of an endpoint get instead of an answer."""

from __future__ import annotations

import json
from typing import Any

from rehearsal.emulator import host
from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.sagemaker.logs import group

SERVER_ERROR = 500


class ModelError(ServiceError):
    """The model did not answer with success.

    Attributes:
        members: What the error has beside its message.
    """

    def __init__(self, message: str, members: dict[str, Any]) -> None:
        super().__init__("ModelError", message, 424)
        self.members = members


def model_error(status: int, content: bytes, endpoint_name: str) -> ModelError:
    """Returns what SageMaker says when the container does not answer with success."""
    logs = group(endpoint_name)
    text = content.decode(errors="replace")
    side = "client" if 0 < status < SERVER_ERROR else "server"
    console = f"https://{host.REGION}.console.aws.amazon.com/cloudwatch/home?region={host.REGION}"
    return ModelError(
        f"Received {side} error ({status}) from primary with message "
        f'"{text}". See {console}#logEventViewer:group={logs} in account {host.ACCOUNT} for more '
        "information.",
        {
            "OriginalStatusCode": status,
            "OriginalMessage": text,
            "LogStreamArn": f"arn:aws:logs:{host.REGION}:{host.ACCOUNT}:log-group:{logs}",
        },
    )


def throttled() -> ServiceError:
    """Returns what a client gets above a limit of concurrency: the service gives no reason.

    Source: https://github.com/opensearch-project/ml-commons/issues/2429
    """
    return ServiceError("ThrottlingException", "", 400)


def rest_error(error: ServiceError) -> host.Answer:
    """Returns an error as the REST protocol of the runtime has it."""
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
    members = error.members if isinstance(error, ModelError) else {}
    return error.status, headers, json.dumps({"Message": str(error) or None, **members}).encode()
