"""Multi-model endpoint: client -> one container that loads the tenant's model when asked for it."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.inference.built_in_image import BuiltInImage
from mla_constructs.inference.invoke_policy import InvokePolicy
from mla_constructs.inference.multi_model import MultiModel
from mla_constructs.inference.realtime_endpoint import RealtimeEndpoint
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.scaling.instance_scaling import InstanceScaling
from mla_constructs.security.data_key import DataKey
from mla_constructs.storage.buckets import AccessLogBucket, DataBucket
from mla_constructs.storage.placed_objects import PlacedObjects
from runtime.models import tenant_classifiers
from stacks.deployment.multi_model_endpoint.facts import FACTS
from stacks.reference_stack import ReferenceStack

PREFIX = "tenants"
# An updated model is a new key: an old one of the same name may still be loaded somewhere.
VERSION = "1.tar.gz"


class MultiModelEndpointStack(ReferenceStack):
    """Answers for many tenants from one container, each from its own model and under its right."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        alarms = AlarmTopic(self, "Alarms", key=key)

        # A tenant more is an object more: no new endpoint, no update of this one.
        models = DataBucket(
            self,
            "Models",
            key=key,
            access_logs=AccessLogBucket(self, "AccessLogs", removal_policy=self.data_removal),
            removal_policy=self.data_removal,
            expire_after=None,
        )
        archives = Construct(self, "Archives")
        placed = PlacedObjects(
            self,
            "Placed",
            bucket=models,
            objects={
                f"{PREFIX}/{tenant}/{VERSION}": Asset(
                    archives, tenant, path=str(tenant_classifiers.artifact(tenant))
                )
                for tenant in tenant_classifiers.TENANTS
            },
        )
        model = MultiModel(
            self,
            "Model",
            image=BuiltInImage(self),
            bucket=models,
            prefix=PREFIX,
            # "Disabled" for many models that are each asked for once: nothing is kept for nobody.
            model_cache="Enabled",
            network_isolation=True,
        )
        model.node.add_dependency(placed)

        endpoint = RealtimeEndpoint(
            self,
            "Endpoint",
            model=model,
            # Its memory is the cache of loaded models, its vCPUs bound the requests at a time.
            instance_type="ml.m5.large",
            # AWS advises two, in two Availability Zones, at twice the price.
            initial_instance_count=1,
            # Among the instances on which SageMaker has loaded the model.
            routing_strategy="LEAST_OUTSTANDING_REQUESTS",
            model_data_download_timeout=Duration.seconds(60),
            container_startup_health_check_timeout=Duration.seconds(60),
            data_capture=None,  # not supported with several models
            key=key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )

        # All tenants' requests together decide: a busy tenant's model comes to stand on several
        # instances, a quiet one's on one. Target: 50 requests/s x 0.5 x 60 = 1500.
        InstanceScaling(
            self, "Scaling", endpoint=endpoint, min_capacity=1, max_capacity=4
        ).track_invocations_per_instance(
            max_requests_per_second=50,  # an assumption: load-test with your mix of models
            safety_factor=0.5,
            scale_out_cooldown=Duration.seconds(60),
            scale_in_cooldown=Duration.seconds(300),
        )

        self._watch(endpoint, alarms)

        self.output("EndpointName", endpoint.name, "Pass it to InvokeEndpoint")
        self.output(
            "ModelsUri", models.s3_url_for_object(PREFIX), "Put a tenant's archive below it"
        )
        callers = Construct(self, "Callers")
        for tenant in tenant_classifiers.TENANTS:
            # Without the condition whoever may invoke the endpoint may invoke every model.
            policy = InvokePolicy(
                callers,
                tenant,
                endpoint=endpoint,
                conditions={"StringLike": {"sagemaker:TargetModel": f"{tenant}/*"}},
                description=f"Lets whoever has it invoke the models of tenant {tenant}, no others",
            )
            self.output(
                f"{tenant.capitalize()}PolicyArn",
                policy.managed_policy_arn,
                f"Attach it to tenant {tenant}'s role; TargetModel is {tenant}/{VERSION}",
            )
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _watch(self, endpoint: RealtimeEndpoint, alarms: AlarmTopic) -> None:
        microseconds = cloudwatch.Unit.MICROSECONDS
        alarms.watch(
            "ServerErrors",
            endpoint.metric("Invocation5XXErrors", statistic="Sum"),
            at_least=1,
            minutes=1,
            meaning="Requests fail in the container or in SageMaker: read the endpoint's logs.",
        )
        alarms.watch(
            "CacheMisses",
            cloudwatch.MathExpression(
                expression="1 - hits",
                using_metrics={"hits": endpoint.metric("ModelCacheHit", statistic="Average")},
                label="Share of requests whose model was not loaded",
                period=Duration.minutes(1),
            ),
            at_least=0.5,
            minutes=15,
            meaning="Half of the requests find their model not loaded: more memory or instances.",
        )
        alarms.watch(
            "ColdModels",
            endpoint.metric("ModelLoadingWaitTime", statistic="Maximum", unit=microseconds),
            at_least=10_000_000,
            minutes=5,
            meaning="Requests wait 10 s or more for their model: smaller archives, or a warm-up "
            "call for each; beyond 60 s they fail with ModelNotReadyException.",
        )
        alarms.watch(
            "SlowLoading",
            endpoint.metric("ModelLoadingTime", statistic="Maximum", unit=microseconds),
            at_least=5_000_000,
            minutes=5,
            meaning="The container takes 5 s or more to load a model that is on the disk already.",
        )
        alarms.watch(
            "Thrashing",
            endpoint.metric("ModelUnloadingTime", statistic="SampleCount"),
            at_least=10,
            minutes=5,
            meaning="Models are unloaded 10 times a minute to make room: more memory or instances.",
        )
        alarms.watch(
            "StrayModels",
            endpoint.metric_instance("LoadedModelCount", statistic="Maximum", unit=None),
            at_least=len(tenant_classifiers.TENANTS) + 1,
            minutes=5,
            meaning="An instance holds more models than there are tenants: are old versions still "
            "invoked, or is something below the prefix that should not be?",
        )
