"""Guarded roll-out: new model -> new fleet -> some traffic -> alarms -> all traffic, or back."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.inference.built_in_image import BuiltInImage
from mla_constructs.inference.hosted_model import HostedModel
from mla_constructs.inference.realtime_endpoint import RealtimeEndpoint
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.rollout.deployment_guardrails import DeploymentGuardrails
from mla_constructs.rollout.traffic_shift import (
    TrafficShift,
    all_at_once,
    canary,
    linear,
    rolling,
)
from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import silence
from runtime.models import tumor_classifier
from stacks.deployment.blue_green_deployment.facts import FACTS
from stacks.reference_stack import ReferenceStack

ARTIFACTS: dict[str, Path] = {
    "champion": tumor_classifier.ARTIFACT,
    "challenger": tumor_classifier.CHALLENGER,
    # Loads, answers /ping, and fails every request: what a health check does not see.
    "broken": tumor_classifier.BROKEN,
}


class BlueGreenDeploymentStack(ReferenceStack):
    """Deploy it once, then again with another model: the second time shows the roll-out."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        alarms = AlarmTopic(self, "Alarms", key=key)

        # Another artifact is another model and another configuration, and so an update.
        model = HostedModel(
            self,
            "Model",
            image=BuiltInImage(self),
            artifact=Asset(self, "Artifact", path=str(ARTIFACTS[self.option("model")])),
            network_isolation=True,
        )
        endpoint = RealtimeEndpoint(
            self,
            "Endpoint",
            model=model,
            instance_type="ml.m5.large",
            # Two, so that half of a fleet is an instance; with the second fleet they are the four
            # that a new account may run.
            initial_instance_count=2,
            routing_strategy="LEAST_OUTSTANDING_REQUESTS",
            model_data_download_timeout=Duration.seconds(60),
            container_startup_health_check_timeout=Duration.seconds(60),
            data_capture=None,
            key=key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )
        silence(
            endpoint.config,
            "I9527",
            "Errors and latency judge this roll-out; realtime_endpoint shows what capture adds.",
        )

        # Both see the new fleet only: an old one in trouble must not stop its own repair.
        errors = alarms.watch(
            "NewFleetErrors",
            # A share: clients that send nonsense now and then roll nothing back.
            endpoint.metric_new_fleet("InvocationModelErrors", statistic="Average"),
            at_least=0.05,
            minutes=2,
            meaning="5 % of the requests fail on the newest configuration; during an update "
            "SageMaker takes all traffic back to the old fleet. Read the endpoint's logs.",
        )
        latency = alarms.watch(
            "NewFleetLatency",
            endpoint.metric_new_fleet(
                "ModelLatency", statistic="p99", unit=cloudwatch.Unit.MICROSECONDS
            ),
            at_least=500_000,
            minutes=3,
            meaning="One request in a hundred waits 0.5 s or more for the newest configuration; "
            "during an update SageMaker takes all traffic back to the old fleet.",
        )
        DeploymentGuardrails(
            self,
            "Guardrails",
            endpoint=endpoint,
            shift=self._shift(),
            alarms=[errors, latency],
            roles=[model.role],
        )

        self.output("EndpointName", endpoint.name, "Pass it to InvokeEndpoint")
        self.output(
            "TrafficCommand",
            f"python -m scripts.traffic {endpoint.name} --minutes 60",
            "Run it before and during an update: without requests no alarm can judge the new fleet",
        )
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _shift(self) -> TrafficShift:
        minutes, hour = Duration.minutes, Duration.hours(1)
        match self.option("rollout"):
            case "linear":
                # Equal steps, each watched: the slowest, and two fleets all the while. A large
                # fleet would go by 10 %.
                return linear(percent=50, bake=minutes(10), final_bake=minutes(5), timeout=hour)
            case "all_at_once":
                # The quickest: a bad model meets every client until an alarm goes off.
                return all_at_once(bake=minutes(10), timeout=hour)
            case "rolling":
                # One instance more at a time instead of a second fleet: for large fleets, and for
                # accelerators that are hard to get.
                return rolling(percent=50, bake=minutes(10), timeout=hour)
            case _:
                # A bad model meets half the clients here, 10 % where the fleet is large enough.
                return canary(percent=50, bake=minutes(10), final_bake=minutes(5), timeout=hour)
