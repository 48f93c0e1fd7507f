"""What a device tells AWS: the one place that knows Greengrass."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any, Protocol

log = logging.getLogger(__name__)


class Telemetry(Protocol):
    """Where messages go."""

    def publish(self, topic: str, message: Mapping[str, Any]) -> None:
        """Sends a message, or gives it up: scoring must not depend on it."""


class GreengrassTelemetry:
    """Publishes to AWS IoT Core through the core software, which keeps messages while offline.

    Args:
        client: A GreengrassCoreIPCClientV2.

    Source: https://docs.aws.amazon.com/greengrass/v2/developerguide/ipc-iot-core-mqtt.html
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def publish(self, topic: str, message: Mapping[str, Any]) -> None:
        """Sends a message at least once; refused by a full spooler, it is logged and dropped."""
        try:
            self._client.publish_to_iot_core(
                topic_name=topic, qos="1", payload=json.dumps(message).encode()
            )
        except Exception as error:
            log.warning("not published to %s: %s", topic, type(error).__name__)


def connect() -> GreengrassTelemetry:
    """Connects to the core software, which names its socket and the secret in the environment."""
    from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

    return GreengrassTelemetry(GreengrassCoreIPCClientV2())
