"""Devices: component -> deployment -> devices -> MQTT -> rules -> metrics, bucket, alarms."""

from __future__ import annotations

from aws_cdk import Aws, Duration
from aws_cdk import aws_logs as logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.edge.component import Component
from mla_constructs.edge.fleet import Fleet, Rollout
from mla_constructs.edge.fleet_events import FleetEvents
from mla_constructs.edge.topic_rules import TopicRules
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.security.data_key import DataKey
from mla_constructs.storage.buckets import AccessLogBucket, DataBucket
from runtime.edge import tumor_classifier as component
from runtime.models import tumor_classifier as model
from stacks.deployment.edge_deployment.facts import FACTS
from stacks.reference_stack import ReferenceStack


class EdgeDeploymentStack(ReferenceStack):
    """Scores where the data arises, with or without a network; AWS delivers and watches."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        alarms = AlarmTopic(self, "Alarms", key=key)

        # Code, model, and the samples by which a device proves that both work on it.
        classifier = Component(
            self,
            "Classifier",
            recipe=component.RECIPE,
            artifacts={
                "program": Asset(
                    self,
                    "Program",
                    path=str(component.ARCHIVE),
                    exclude=["**/__pycache__", "**/*.in"],
                ),
                "model": Asset(self, "Model", path=str(model.ONNX_MODEL)),
                "requests": Asset(self, "Requests", path=str(model.SAMPLE_REQUESTS)),
                "answers": Asset(self, "Answers", path=str(model.SAMPLE_ANSWERS)),
            },
        )

        # An hour after its certificate is revoked, a stolen device has no credentials left.
        fleet = Fleet(self, "Fleet", credential_duration=Duration.hours(1))
        fleet.deploy(
            "Deployment",
            components=[classifier],
            rollout=Rollout(
                # Slow first, doubled whenever five more devices have succeeded.
                base_per_minute=5,
                factor=2,
                grow_after_succeeded=5,
                maximum_per_minute=50,
                # One device of ten that fails is no accident any more; one of one may be.
                abort_percentage=10,
                abort_after=5,
                # Longer than the recipe gives the installation: 15 minutes.
                device_timeout=Duration.minutes(20),
            ),
        )

        # What the devices report, without a single measurement of a patient.
        results = DataBucket(
            self,
            "Results",
            key=key,
            access_logs=AccessLogBucket(self, "AccessLogs", removal_policy=self.data_removal),
            removal_policy=self.data_removal,
            expire_after=Duration.days(90),
        )
        rules = TopicRules(
            self,
            "Rules",
            key=key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )
        rules.archive(
            "Archive",
            topic=f"{fleet.topic}/+/results",
            bucket=results,
            prefix="results",
        )

        self._watch(fleet, rules, alarms, key)

        self.output("ThingGroupName", fleet.group.ref, "Put a device's thing into this group")
        self.output(
            "ThingNamePrefix", f"{Aws.STACK_NAME}-", "A device's thing name begins with this"
        )
        self.output("CertificatePolicy", fleet.policy.ref, "Attach it to a device's certificate")
        self.output("RoleAlias", fleet.role_alias.ref, "iotRoleAlias of the core software")
        self.output("ComponentVersion", classifier.version, "What the devices run")
        self.output("ResultsUri", results.s3_url_for_object("results"), "What the devices reported")
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _watch(self, fleet: Fleet, rules: TopicRules, alarms: AlarmTopic, key: DataKey) -> None:
        events = FleetEvents(
            self,
            "Events",
            core_devices=fleet.core_devices,
            key=key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )
        alarms.watch(
            "DeploymentFailures",
            events.metric_failures(),
            at_least=1,
            minutes=1,
            meaning="A device could not take a deployment and went back, or a component broke: the "
            "log group of the fleet's events says which device and why.",
        )
        alarms.watch(
            "RejectedFiles",
            rules.measure("Rejected", topic=f"{fleet.topic}/+/rejected", metric="RejectedFiles"),
            at_least=1,
            minutes=5,
            meaning="Devices get samples that they cannot score, minute after minute: look at the "
            "reasons in the folder `rejected`, and at what measures.",
        )
        # A device that is switched off says goodbye; one that breaks, or is cut off, does not.
        alarms.watch(
            "LostConnections",
            rules.measure(
                "Lost",
                topic="$aws/events/presence/disconnected/+",
                where="clientInitiatedDisconnect = false "
                f"AND startswith(clientId, '{fleet.topic}-')",
                metric="LostConnections",
            ),
            at_least=3,
            minutes=1,
            meaning="Three devices or more lost their connection within a minute: they go on "
            "scoring, but is their network, or AWS IoT, in trouble?",
        )
        # No alarm: an empty fleet is healthy. It says how many devices work.
        rules.measure("Heartbeat", topic=f"{fleet.topic}/+/heartbeat", metric="Heartbeats")
        rules.measure(
            "Scored",
            topic=f"{fleet.topic}/+/results",
            metric="ScoredSamples",
            value="${rows}",
        )
