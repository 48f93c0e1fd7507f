"""What instance types have: processors, memory, architecture."""

from __future__ import annotations

import re

GIB = 2**30
MEMORY_PER_CPU = {"c": 2, "m": 4, "r": 8, "t": 2}
"""GiB, by the first letter of the family; other families are taken for m."""

TYPE = re.compile(
    r"ml\.(?P<family>[a-z])[a-z]*\d+(?P<features>[a-z]*)\.(?P<times>\d*)(?P<size>x?large|medium)"
)


def cpus(instance_type: str) -> int:
    """Returns the vCPUs of an instance type such as "ml.m5.large"."""
    match = TYPE.fullmatch(instance_type)
    if match is None:
        return 2
    return int(match["times"] or 1) * {"medium": 1, "large": 2, "xlarge": 4}[match["size"]]


def memory(instance_type: str) -> float:
    """Returns the bytes of memory of an instance type."""
    match = TYPE.fullmatch(instance_type)
    per_cpu = MEMORY_PER_CPU.get(match["family"], 4) if match else 4
    return float(cpus(instance_type) * per_cpu * GIB)


def architecture(instance_type: str) -> str | None:
    """Returns the architecture of an instance type, None where there is no instance."""
    match = TYPE.fullmatch(instance_type)
    if match is None:
        return None
    return "arm64" if match["features"].startswith("g") else "amd64"
