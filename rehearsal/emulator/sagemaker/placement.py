"""What instances have and what copies of inference components reserve of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rehearsal.emulator.sagemaker.fleets import Instance, Variant
from rehearsal.emulator.sagemaker.sizes import cpus, memory

MB = 1024 * 1024


def fits(instance: Instance, variant: Variant, needed: dict[str, Any]) -> bool:
    """Returns whether an instance has room for one more copy.

    All of an instance counts: what SageMaker keeps of it for itself is not published.
    """
    size = variant.settings["InstanceType"]
    taken = [copy.needs for copy in instance.copies]
    processors = sum(each.get("NumberOfCpuCoresRequired", 0) for each in taken)
    reserved = sum(each["MinMemoryRequiredInMb"] for each in taken)
    return bool(
        processors + needed.get("NumberOfCpuCoresRequired", 0) <= cpus(size)
        and (reserved + needed["MinMemoryRequiredInMb"]) * MB <= memory(size)
    )


def bounds(variant: Variant) -> tuple[int, int]:
    """Returns how few and how many instances a variant may have."""
    managed = variant.settings.get("ManagedInstanceScaling", {})
    fixed = variant.settings.get("InitialInstanceCount", 1)
    if managed.get("Status") != "ENABLED":
        return fixed, fixed
    return managed.get("MinInstanceCount", fixed), managed.get("MaxInstanceCount", fixed)


def emptiest(instances: Iterable[Instance]) -> list[Instance]:
    """Returns instances, those with the fewest copies first: copies are spread."""
    return sorted(instances, key=lambda instance: len(instance.copies))
