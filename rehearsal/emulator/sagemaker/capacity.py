"""What variants can be changed to while they run."""

from __future__ import annotations

from rehearsal.emulator.sagemaker.exclusions import refused, require_concurrency
from rehearsal.emulator.sagemaker.fleets import Fleet, Variant
from rehearsal.emulator.sagemaker.records import Record


def require_conversion(before: Fleet, incoming: Fleet) -> None:
    """Holds an update against the kind that the endpoint is of.

    Raises:
        ServiceError: It makes a serverless endpoint of one with instances.
    """
    if any(v.serverless for v in incoming) and not all(v.serverless for v in before):
        raise refused("An endpoint with instances cannot be updated to serverless.")


def require_capacity(variant: Variant, desired: Record, *, to_zero: bool) -> None:
    """Holds a wish for capacity against what a variant can have.

    Args:
        variant: The variant.
        desired: One of DesiredWeightsAndCapacities.
        to_zero: Whether its endpoint may go down to no instance.

    Raises:
        ServiceError: It cannot have it.
    """
    if "ServerlessUpdateConfig" in desired and not variant.serverless:
        raise refused(f"Variant {variant.name} is not serverless.")
    if variant.serverless:
        if "DesiredInstanceCount" in desired:
            raise refused(f"Variant {variant.name} is serverless: it has no instances.")
        config = {**variant.concurrency, **desired.get("ServerlessUpdateConfig", {})}
        require_concurrency(variant.name, config)
    elif desired.get("DesiredInstanceCount", variant.desired) < 1 and not to_zero:
        raise refused(
            f"Variant {variant.name} needs at least one instance: only asynchronous endpoints and "
            "inference components go down to none."
        )
