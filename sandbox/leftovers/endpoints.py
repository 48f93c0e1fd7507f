"""What serves: copies, endpoints, their configurations and models."""

from __future__ import annotations

from sandbox.aws import Account
from sandbox.leftovers.listed import Listed, wait_until_gone
from sandbox.leftovers.model import Cost, Leftover


class InferenceComponents(Listed):
    """Copies of a model on an endpoint, which does not go before them."""

    kind = "inference component"
    covers = ("sagemaker:inference-component",)
    service = "sagemaker"
    listing = ("list_inference_components", "InferenceComponents")
    id = "InferenceComponentName"
    arn = "InferenceComponentArn"
    deletion = ("delete_inference_component", "InferenceComponentName")

    def remove(self, account: Account, leftover: Leftover) -> None:
        """Deletes it and waits until it is gone."""
        super().remove(account, leftover)
        wait_until_gone(
            lambda: account.ask(
                "sagemaker", "describe_inference_component", InferenceComponentName=leftover.id
            ),
            leftover.name,
        )


class Endpoints(Listed):
    """Endpoints, whose instances are billed whether they are asked or not."""

    kind = "endpoint"
    covers = ("sagemaker:endpoint",)
    service = "sagemaker"
    listing = ("list_endpoints", "Endpoints")
    id = "EndpointName"
    arn = "EndpointArn"
    cost = Cost.HOUR
    deletion = ("delete_endpoint", "EndpointName")

    def remove(self, account: Account, leftover: Leftover) -> None:
        """Deletes it and waits until it is gone: its configuration must outlive it."""
        super().remove(account, leftover)
        wait_until_gone(
            lambda: account.ask("sagemaker", "describe_endpoint", EndpointName=leftover.id),
            leftover.name,
        )


class EndpointConfigs(Listed):
    """Endpoint configurations."""

    kind = "endpoint configuration"
    covers = ("sagemaker:endpoint-config",)
    service = "sagemaker"
    listing = ("list_endpoint_configs", "EndpointConfigs")
    id = "EndpointConfigName"
    arn = "EndpointConfigArn"
    deletion = ("delete_endpoint_config", "EndpointConfigName")


class Models(Listed):
    """Models."""

    kind = "model"
    covers = ("sagemaker:model",)
    service = "sagemaker"
    listing = ("list_models", "Models")
    id = "ModelName"
    arn = "ModelArn"
    deletion = ("delete_model", "ModelName")
