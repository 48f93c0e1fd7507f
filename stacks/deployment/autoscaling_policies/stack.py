"""Scaling policies: load -> metric (or the clock) -> policy -> 1 to 4 instances of one endpoint."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.inference.built_in_image import BuiltInImage
from mla_constructs.inference.hosted_model import HostedModel
from mla_constructs.inference.realtime_endpoint import RealtimeEndpoint
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.scaling.instance_scaling import InstanceScaling, Step
from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import silence
from runtime.models import tumor_classifier
from stacks.deployment.autoscaling_policies.facts import FACTS
from stacks.reference_stack import ReferenceStack

MAX_INSTANCES = 4  # what a new account may run over all its endpoints
OFFICE = "Europe/Berlin"  # with daylight saving time; a schedule without a zone is in UTC


class AutoscalingPoliciesStack(ReferenceStack):
    """One endpoint and one policy at a time: a change of policy leaves the endpoint as it is.

    Four endpoints beside one another would take the four instances of a new account before the
    first of them scales. So the same load test runs once per policy, and one dashboard shows the
    runs one after the other.
    """

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        alarms = AlarmTopic(self, "Alarms", key=key)

        endpoint = RealtimeEndpoint(
            self,
            "Endpoint",
            model=HostedModel(
                self,
                "Model",
                image=BuiltInImage(self),
                artifact=Asset(self, "Artifact", path=str(tumor_classifier.ARTIFACT)),
                network_isolation=True,
            ),
            instance_type="ml.m5.large",
            initial_instance_count=1,
            # To the instance with the fewest requests in flight: a new one gets its share at once.
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
            "Load tests send made-up rows: there is no drift to find in them.",
        )
        in_flight = endpoint.metric("ConcurrentRequestsPerModel", statistic="Maximum")

        self._scale(endpoint, in_flight)

        # InvocationsPerInstance counts 1 / instances for each request: the quotient is how many.
        instances = cloudwatch.MathExpression(
            expression="invocations / per_instance",
            using_metrics={
                "invocations": endpoint.metric("Invocations", statistic="Sum"),
                "per_instance": endpoint.metric("InvocationsPerInstance", statistic="Sum"),
            },
            label="instances in service",
            period=Duration.minutes(1),
        )
        self._draw(endpoint, in_flight, instances)
        self._watch(endpoint, instances, alarms)

        self.output("EndpointName", endpoint.name, "Pass it to InvokeEndpoint, or to a load test")
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _scale(self, endpoint: RealtimeEndpoint, in_flight: cloudwatch.Metric) -> None:
        scaling = InstanceScaling(
            self, "Scaling", endpoint=endpoint, min_capacity=1, max_capacity=MAX_INSTANCES
        )
        match self.option("policy"):
            case "invocations":
                # 50 requests/s x 0.5 x 60 = 1500 invocations per instance and minute.
                scaling.track_invocations_per_instance(
                    max_requests_per_second=50,  # an assumption: replace it by a load test's figure
                    safety_factor=0.5,
                    scale_out_cooldown=Duration.seconds(60),
                    scale_in_cooldown=Duration.seconds(300),
                )
            case "concurrency":
                # Two vCPUs work on two requests; two more may wait. For requests of unequal
                # length, where the number per minute says little of the load.
                scaling.track_concurrent_requests(
                    target=4,
                    scale_out_cooldown=Duration.seconds(60),
                    scale_in_cooldown=Duration.seconds(300),
                )
            case "step":
                # The answer grows with the breach; target tracking would compute it itself.
                scaling.step_on(
                    in_flight.with_(period=Duration.seconds(10)),  # costs more than by the minute
                    steps=[Step(at=4, change=1), Step(at=8, change=2), Step(at=16, change=3)],
                    periods=3,
                    cooldown=Duration.seconds(60),
                )
                # Step policies come in only by a policy and an alarm of their own, and the margin
                # from 4 to 1 keeps the two from calling each other.
                scaling.step_on(
                    in_flight,
                    steps=[Step(at=1, change=-1)],
                    periods=15,
                    cooldown=Duration.seconds(300),
                )
            case "schedule":
                # By the clock alone: the minimum brings instances in the morning, and only the
                # maximum takes them away in the evening.
                scaling.schedule(
                    "Morning",
                    at=autoscaling.Schedule.cron(week_day="MON-FRI", hour="7", minute="45"),
                    min_capacity=3,
                    max_capacity=MAX_INSTANCES,
                    time_zone=OFFICE,
                )
                scaling.schedule(
                    "Evening",
                    at=autoscaling.Schedule.cron(week_day="MON-FRI", hour="19", minute="0"),
                    min_capacity=1,
                    max_capacity=1,
                    time_zone=OFFICE,
                )

    def _draw(
        self,
        endpoint: RealtimeEndpoint,
        in_flight: cloudwatch.Metric,
        instances: cloudwatch.MathExpression,
    ) -> None:
        per_instance = endpoint.metric("InvocationsPerInstance", statistic="Sum")
        latency = cloudwatch.Unit.MICROSECONDS
        dashboard = cloudwatch.Dashboard(self, "Dashboard", default_interval=Duration.hours(3))
        for title, metrics in (
            ("Capacity", [instances]),
            ("Invocations per instance and minute", [per_instance]),
            ("Requests in flight per container", [in_flight.with_(period=Duration.seconds(10))]),
            (
                "Model latency",
                [
                    endpoint.metric("ModelLatency", statistic=share, unit=latency)
                    for share in ("p50", "p99")
                ],
            ),
        ):
            dashboard.add_widgets(cloudwatch.GraphWidget(title=title, left=metrics, width=24))
        self.output("DashboardName", dashboard.dashboard_name, "Capacity and load of every run")

    def _watch(
        self,
        endpoint: RealtimeEndpoint,
        instances: cloudwatch.MathExpression,
        alarms: AlarmTopic,
    ) -> None:
        alarms.watch(
            "ServerErrors",
            endpoint.metric("Invocation5XXErrors", statistic="Sum"),
            at_least=1,
            minutes=1,
            meaning="Requests fail in the container or in SageMaker: read the endpoint's logs.",
        )
        alarms.watch(
            "ModelLatency",
            endpoint.metric("ModelLatency", statistic="p99", unit=cloudwatch.Unit.MICROSECONDS),
            at_least=500_000,
            minutes=5,
            meaning="One request in a hundred waits 0.5 s or more: the policy adds too little or "
            "too late.",
        )
        alarms.watch(
            "Ceiling",
            instances,
            at_least=MAX_INSTANCES - 0.5,  # a quotient, not a count
            minutes=15,
            meaning="All instances that scaling may add are in service: raise the maximum, and the "
            "account's quota before it, or expect slow answers.",
        )
