"""One endpoint: what serves, what is about to serve, and in which status it is."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from typing import Any

from rehearsal.emulator import clock
from rehearsal.emulator.sagemaker.fleets import Fleet, Variant, containers_of
from rehearsal.emulator.sagemaker.records import Record


@dataclass
class Endpoint:
    """An endpoint and what runs for it.

    Attributes:
        record: What DescribeEndpoint tells whatever runs.
        fleet: What serves; None until the first fleet does.
        incoming: What is being deployed.
        waiting: Whether a deployment waits for time to pass.
        changing: Held by whatever changes it.
    """

    record: Record
    fleet: Fleet | None = None
    incoming: Fleet | None = None
    waiting: bool = False
    changing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.record["EndpointName"])

    @property
    def arn(self) -> str:
        """Its ARN."""
        return str(self.record["EndpointArn"])

    @property
    def variants(self) -> list[Variant]:
        """All variants of all fleets, whether they serve or not."""
        return [variant for fleet in (self.fleet, self.incoming) if fleet for variant in fleet]

    def status(self, status: str, reason: str = "") -> None:
        """Moves it into a status."""
        self.record["EndpointStatus"] = status
        self.record["LastModifiedTime"] = clock.now()
        self.record.pop("FailureReason", None)
        if reason:
            self.record["FailureReason"] = reason[:1024]

    def next_fleet(self) -> Fleet | None:
        """Returns the fleet that gets the next request, None if none serves."""
        incoming = self.incoming
        if incoming is not None and incoming.share and random.random() < incoming.share:  # noqa: S311
            return incoming
        return self.fleet

    def described(self) -> Record:
        """Returns it as DescribeEndpoint has it."""
        described = {key: value for key, value in self.record.items() if key != "Tags"}
        if self.fleet:
            config = self.fleet.config
            described["EndpointConfigName"] = self.fleet.name
            described.update(_variants(self.fleet, _summary))
            if "DataCaptureConfig" in config:
                described["DataCaptureConfig"] = _capture(config["DataCaptureConfig"])
            for key in ("AsyncInferenceConfig", "ExplainerConfig", "MetricsConfig"):
                if key in config:
                    described[key] = config[key]
        if self.incoming:
            described["PendingDeploymentSummary"] = {
                "EndpointConfigName": self.incoming.name,
                "StartTime": self.incoming.started,
                **_variants(self.incoming, _pending_summary),
            }
        return described


def _variants(fleet: Fleet, summary: Any) -> Record:
    found = {
        "ProductionVariants": [summary(variant) for variant in fleet.variants.values()],
        "ShadowProductionVariants": [summary(variant) for variant in fleet.shadows.values()],
    }
    return {key: value for key, value in found.items() if value}


def _summary(variant: Variant) -> Record:
    images = [container["Image"] for container in containers_of(variant.model)]
    summary: Record = {
        "VariantName": variant.name,
        "DeployedImages": [
            {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": variant.since}
            for image in images
        ],
        "CurrentWeight": variant.weight,
        "DesiredWeight": variant.desired_weight,
    }
    if variant.state:
        summary["VariantStatus"] = [{"Status": variant.state, "StartTime": variant.since}]
    for key in ("ManagedInstanceScaling", "RoutingConfig"):
        if key in variant.settings:
            summary[key] = variant.settings[key]
    if variant.serverless:
        current, desired = variant.concurrency, variant.desired_concurrency
        return {**summary, "CurrentServerlessConfig": current, "DesiredServerlessConfig": desired}
    counts = {"CurrentInstanceCount": len(variant.instances)}
    return {**summary, **counts, "DesiredInstanceCount": variant.desired}


def _pending_summary(variant: Variant) -> Record:
    kind = variant.settings.get("InstanceType")
    return {**_summary(variant), **({"InstanceType": kind} if kind else {})}


def _capture(config: Record) -> Record:
    enabled = config.get("EnableCapture", True)
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }
