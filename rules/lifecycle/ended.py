"""What nobody can create any more."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.model import Source
from catalogue.sources import docs, sagemaker_guide
from rules._base import READ, Finding, MlRule
from rules._endpoint import CONFIG, variants
from rules._world import World, is_kind

SUNSET = docs("general/latest/gr/sunset_services.html", READ)
SHUT_DOWN = docs("general/latest/gr/full_shutdown_services.html", READ)
EDGE = (
    "SageMaker Edge Manager ended on 2024-04-26: use Greengrass V2 with ONNX Runtime.",
    sagemaker_guide("edge-eol.html", READ),
)
ENDED: dict[str, tuple[str, Source]] = {
    "AWS::Greengrass::": (
        "Greengrass V1 ended on 2026-10-07: use AWS::GreengrassV2.",
        docs("greengrass/v2/developerguide/migrate-from-v1.html", READ),
    ),
    "AWS::KinesisAnalytics::": (
        "Kinesis Data Analytics for SQL ended on 2026-01-27: use Managed Service for Apache Flink "
        "(AWS::KinesisAnalyticsV2).",
        SHUT_DOWN,
    ),
    "AWS::LookoutEquipment::": ("Lookout for Equipment ended: train a model of your own.", SUNSET),
    "AWS::LookoutMetrics::": ("Lookout for Metrics ended: use CloudWatch anomalies.", SUNSET),
    "AWS::LookoutVision::": ("Lookout for Vision ended: train a model of your own.", SUNSET),
    "AWS::SageMaker::Device": EDGE,
    "AWS::SageMaker::DeviceFleet": EDGE,
}
"""Type, or what it begins with -> what to say, and the page."""


class Ended(MlRule):
    """A template needs a service that is no more."""

    id = "E9561"
    shortdesc = "A template uses nothing that has ended"
    description = (
        "Services that were shut down, and features of SageMaker that went with them: accelerators "
        "of Elastic Inference, notebook instances on Amazon Linux 2."
    )
    source = SHUT_DOWN
    tags = ("lifecycle",)

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields resources and settings of what has ended."""
        for resource in world.resources.values():
            for kind, (said, page) in ENDED.items():
                if is_kind(resource.type, kind):
                    yield Finding(resource, (), said, page)
        for config in world.of_type(CONFIG):
            for variant in variants(config):
                if str(variant.settings.get("AcceleratorType", "")).startswith("ml.eia"):
                    yield Finding(
                        config,
                        (*variant.path, "AcceleratorType"),
                        "Elastic Inference ended: use Inferentia or GPU instances.",
                    )
        for notebook in world.of_type("AWS::SageMaker::NotebookInstance"):
            platform = str(notebook.get("PlatformIdentifier"))
            if platform.startswith(("notebook-al1", "notebook-al2-")):
                yield Finding(
                    notebook,
                    ("PlatformIdentifier",),
                    f"{platform} cannot be created since 2026-07-01: use notebook-al2023-v1.",
                    sagemaker_guide("nbi-al2.html", READ),
                )
