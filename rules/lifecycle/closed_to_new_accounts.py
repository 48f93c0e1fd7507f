"""What an account that has not used it can no longer begin to use."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.model import Source
from catalogue.sources import docs, sagemaker_guide
from rules._base import READ, Finding, MlRule
from rules._endpoint import CONFIG
from rules._world import World, is_kind

CLARIFY = sagemaker_guide("clarify-availability-change.html", READ)
MONITOR = sagemaker_guide("model-monitor-availability-change.html", READ)
MAINTENANCE = docs("general/latest/gr/maintenance_services.html", READ)
DRIFT = "an open drift library in a Processing job, over data that data capture keeps"
CLOSED: dict[str, tuple[str, str, Source]] = {
    "AWS::Bedrock::Agent": (
        "Bedrock Agents (2026-07-30)",
        "Bedrock AgentCore",
        docs("bedrock/latest/userguide/agents-classic-maintenance-mode.html", READ),
    ),
    "AWS::CloudTrail::EventDataStore": (
        "CloudTrail Lake (2026-05-31)",
        "a trail into CloudWatch Logs",
        MAINTENANCE,
    ),
    "AWS::CodeGuruReviewer::": (
        "CodeGuru Reviewer",
        "Amazon Inspector",
        docs("codeguru/latest/reviewer-ug/codeguru-reviewer-availability-change.html", READ),
    ),
    "AWS::DevOpsGuru::": (
        "DevOps Guru (2026-10-29)",
        "CloudWatch anomaly detection",
        docs("devops-guru/latest/userguide/devops-guru-end-of-support.html", READ),
    ),
    "AWS::Forecast::": ("Amazon Forecast (2024-07-29)", "SageMaker Canvas", MAINTENANCE),
    "AWS::FraudDetector::": (
        "Amazon Fraud Detector (2025-11-07)",
        "AutoGluon in a training job",
        MAINTENANCE,
    ),
    "AWS::Kendra::": (
        "Amazon Kendra (2026-07-30)",
        "Bedrock Knowledge Bases",
        docs("kendra/latest/dg/kendra-availability-change.html", READ),
    ),
    "AWS::QBusiness::": (
        "Amazon Q Business (2026-07-30)",
        "Amazon Quick",
        docs("amazonq/latest/qbusiness-ug/qbusiness-availability-change.html", READ),
    ),
    "AWS::S3ObjectLambda::": (
        "S3 Object Lambda (2025-11-07)",
        "a function that writes the changed object",
        docs("AmazonS3/latest/userguide/amazons3-ol-change.html", READ),
    ),
    "AWS::SageMaker::DataQualityJobDefinition": ("Model Monitor (2026-07-30)", DRIFT, MONITOR),
    "AWS::SageMaker::HumanTaskUi": (
        "Augmented AI (2026-07-30)",
        "a review step of your own in the workflow",
        sagemaker_guide("a2i-use-augmented-ai-a2i-human-review-loops.html", READ),
    ),
    "AWS::SageMaker::ModelBiasJobDefinition": (
        "SageMaker Clarify (2026-07-30)",
        "bias metrics in a Processing job",
        CLARIFY,
    ),
    "AWS::SageMaker::ModelExplainabilityJobDefinition": (
        "SageMaker Clarify (2026-07-30)",
        "SHAP in a Processing job",
        CLARIFY,
    ),
    "AWS::SageMaker::ModelQualityJobDefinition": ("Model Monitor (2026-07-30)", DRIFT, MONITOR),
    "AWS::SageMaker::MonitoringSchedule": ("Model Monitor (2026-07-30)", DRIFT, MONITOR),
}
"""Type, or what it begins with -> what is closed and since when, what is open, and the page."""


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
            for kind, (closed, instead, page) in CLOSED.items():
                if is_kind(resource.type, kind):
                    yield Finding(resource, (), _said(closed, instead), page)
            if resource.type == CONFIG and resource.get("ExplainerConfig") is not None:
                said = _said("SageMaker Clarify (2026-07-30)", "SHAP in the container")
                yield Finding(resource, ("ExplainerConfig",), said, CLARIFY)


def _said(closed: str, instead: str) -> str:
    return f"Closed to new accounts: {closed}. Use {instead}."
