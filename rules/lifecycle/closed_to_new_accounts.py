"""What an account that has not used it can no longer begin to use."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._closed import AUGMENTED_AI, CLARIFY, MODEL_MONITOR, Closed
from rules._endpoint import CONFIG
from rules._world import World, is_kind

MAINTENANCE = docs("general/latest/gr/maintenance_services.html", READ)
CLOSED: dict[str, Closed] = {
    "AWS::Bedrock::Agent": Closed(
        "Bedrock Agents (2026-07-30)",
        "Bedrock AgentCore",
        docs("bedrock/latest/userguide/agents-classic-maintenance-mode.html", READ),
    ),
    "AWS::CloudTrail::EventDataStore": Closed(
        "CloudTrail Lake (2026-05-31)",
        "a trail into CloudWatch Logs",
        MAINTENANCE,
    ),
    "AWS::CodeGuruReviewer::": Closed(
        "CodeGuru Reviewer",
        "Amazon Inspector",
        docs("codeguru/latest/reviewer-ug/codeguru-reviewer-availability-change.html", READ),
    ),
    "AWS::DevOpsGuru::": Closed(
        "DevOps Guru (2026-10-29)",
        "CloudWatch anomaly detection",
        docs("devops-guru/latest/userguide/devops-guru-end-of-support.html", READ),
    ),
    "AWS::Forecast::": Closed("Amazon Forecast (2024-07-29)", "SageMaker Canvas", MAINTENANCE),
    "AWS::FraudDetector::": Closed(
        "Amazon Fraud Detector (2025-11-07)",
        "AutoGluon in a training job",
        MAINTENANCE,
    ),
    "AWS::Kendra::": Closed(
        "Amazon Kendra (2026-07-30)",
        "Bedrock Knowledge Bases",
        docs("kendra/latest/dg/kendra-availability-change.html", READ),
    ),
    "AWS::QBusiness::": Closed(
        "Amazon Q Business (2026-07-30)",
        "Amazon Quick",
        docs("amazonq/latest/qbusiness-ug/qbusiness-availability-change.html", READ),
    ),
    "AWS::S3ObjectLambda::": Closed(
        "S3 Object Lambda (2025-11-07)",
        "a function that writes the changed object",
        docs("AmazonS3/latest/userguide/amazons3-ol-change.html", READ),
    ),
    "AWS::SageMaker::DataQualityJobDefinition": MODEL_MONITOR,
    "AWS::SageMaker::HumanTaskUi": AUGMENTED_AI,
    "AWS::SageMaker::ModelBiasJobDefinition": CLARIFY,
    "AWS::SageMaker::ModelExplainabilityJobDefinition": CLARIFY,
    "AWS::SageMaker::ModelQualityJobDefinition": MODEL_MONITOR,
    "AWS::SageMaker::MonitoringSchedule": MODEL_MONITOR,
}
"""Type, or what it begins with -> what is closed."""


class ClosedToNewAccounts(MlRule):
    """A template needs a service that takes no new customers."""

    id = "W9560"
    shortdesc = "A template uses nothing that is closed to new accounts"
    description = (
        "These services and features go on for who used them before; in any other account the "
        "deployment fails. The finding names the day and what is open in its place."
    )
    source = MAINTENANCE
    tags = ("lifecycle",)

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields resources and settings of closed services."""
        for resource in world.resources.values():
            for kind, closed in CLOSED.items():
                if is_kind(resource.type, kind):
                    yield Finding(resource, (), closed.said(), closed.source)
            if resource.type == CONFIG and resource.get("ExplainerConfig") is not None:
                online = CLARIFY._replace(instead="SHAP in the container")
                yield Finding(resource, ("ExplainerConfig",), online.said(), online.source)
