"""Shadow test: request -> production -> client; its copy -> shadow; both -> S3 -> SQL."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.analytics.captured_data import CapturedData
from mla_constructs.analytics.query_workgroup import QueryWorkgroup
from mla_constructs.inference.built_in_image import BuiltInImage
from mla_constructs.inference.hosted_model import HostedModel
from mla_constructs.inference.instance_variant import instance_variant
from mla_constructs.inference.realtime_endpoint import DataCapture
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.rollout.shadow_endpoint import ShadowEndpoint, Variant
from mla_constructs.security.data_key import DataKey
from mla_constructs.storage.buckets import AccessLogBucket, DataBucket
from runtime.models import tumor_classifier
from stacks.deployment.shadow_test.facts import FACTS
from stacks.reference_stack import ReferenceStack

QUERIES = Path(__file__).resolve().parents[3] / "runtime" / "athena" / "shadow_comparison"
KEPT_DAYS = 30


class ShadowTestStack(ReferenceStack):
    """Shows a new model every request, and its answers to nobody but the query.

    The shadow stands in the endpoint's configuration. An inference experiment would put it there
    too, for 1 hour to 30 days, and take it away again: behind the back of this template, whose
    endpoint would no longer be the one that runs.
    """

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        alarms = AlarmTopic(self, "Alarms", key=key)

        # Both write what they were asked and what they answered.
        captured = DataBucket(
            self,
            "Captured",
            key=key,
            access_logs=AccessLogBucket(self, "AccessLogs", removal_policy=self.data_removal),
            removal_policy=self.data_removal,
            expire_after=Duration.days(KEPT_DAYS),
        )
        champion = self._model("Champion", tumor_classifier.ARTIFACT, captured)
        challenger = self._model("Challenger", tumor_classifier.CHALLENGER, captured)

        endpoint = ShadowEndpoint(
            self,
            "Endpoint",
            production=_variant("Production", champion),
            # As many instances of the same type, so that its latency means something; the same
            # weight, so that all requests are copied: the shadow has to stand the whole load.
            shadow=_variant("Shadow", challenger),
            production_role=champion.role,
            shadow_role=challenger.role,
            data_capture=DataCapture(bucket=captured, prefix="capture", percentage=100),
            key=key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )

        # Metrics tell which one fails or is slow; answers stand in the captured data only.
        answers = CapturedData(
            self,
            "Answers",
            bucket=captured,
            prefix="capture",
            endpoint_name=endpoint.name,
            variant_names=[endpoint.variant_name, endpoint.shadow_variant_name],
            days=KEPT_DAYS,
        )
        workgroup = QueryWorkgroup(
            self,
            "Queries",
            key=key,
            bucket=captured,
            prefix="queries",
            scan_limit_mb=1000,  # a day of captured requests here is a few megabytes
        )
        agreement = workgroup.save(
            "Agreement",
            query=QUERIES / "agreement.sql",
            database=answers.database,
            meaning="How many answers were compared, how many tell another class, how far apart",
        )
        workgroup.save(
            "LargestDifferences",
            query=QUERIES / "largest_differences.sql",
            database=answers.database,
            meaning="The 20 requests on which the two models are furthest apart",
        )

        self._watch(endpoint, alarms)

        self.output("EndpointName", endpoint.name, "Pass it to InvokeEndpoint with an InferenceId")
        self.output(
            "TrafficCommand",
            f"python -m scripts.traffic {endpoint.name} --minutes 60",
            "Sends requests with inference IDs, by which the answers are paired",
        )
        self.output("Workgroup", workgroup.name, "Athena workgroup of the saved queries")
        self.output("AgreementQueryId", agreement.attr_named_query_id, "The query that compares")
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _model(self, id: str, artifact: Path, captured: DataBucket) -> HostedModel:
        model = HostedModel(
            self,
            id,
            image=BuiltInImage(self),
            artifact=Asset(self, f"{id}Artifact", path=str(artifact)),
            network_isolation=True,
        )
        captured.grant_write_below(model.role, "capture")
        return model

    def _watch(self, endpoint: ShadowEndpoint, alarms: AlarmTopic) -> None:
        shadow = endpoint.shadow_variant_name
        alarms.watch(
            "ServerErrors",
            endpoint.metric("Invocation5XXErrors", statistic="Sum"),
            at_least=1,
            minutes=1,
            meaning="Clients get errors from the production variant: read the endpoint's logs.",
        )
        alarms.watch(
            "ShadowErrors",
            endpoint.metric("InvocationModelErrors", statistic="Sum", variant_name=shadow),
            at_least=1,
            minutes=1,
            meaning="The shadow fails requests; no client notices. It is not ready to be promoted.",
        )
        alarms.watch(
            "ShadowLatency",
            endpoint.metric(
                "ModelLatency",
                statistic="p99",
                unit=cloudwatch.Unit.MICROSECONDS,
                variant_name=shadow,
            ),
            at_least=500_000,
            minutes=5,
            meaning="One copied request in a hundred takes the shadow 0.5 s or more.",
        )
        for name, variant in (("Capture", endpoint.variant_name), ("ShadowCapture", shadow)):
            alarms.watch(
                f"{name}Stops",
                endpoint.metric_instance(
                    "DiskUtilization", statistic="Maximum", variant_name=variant
                ),
                at_least=75,
                minutes=1,
                meaning="A disk is 75 % full: from here on SageMaker stops capturing data, and the "
                "comparison misses requests.",
            )


def _variant(name: str, model: HostedModel) -> Variant:
    return instance_variant(
        variant_name=name,
        model=model,
        instance_type="ml.m5.large",
        initial_instance_count=1,
        weight=1,
        routing_strategy="LEAST_OUTSTANDING_REQUESTS",
        model_data_download_timeout=Duration.seconds(60),
        container_startup_health_check_timeout=Duration.seconds(60),
    )
