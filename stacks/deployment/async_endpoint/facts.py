"""What to know of asynchronous inference."""

from catalogue.model import Availability, Confidence, Facts, InTemplate, Limit, Sourced
from catalogue.sources import sagemaker_api, sagemaker_guide
from stacks.deployment.inference_sources import (
    CONFIG,
    MATRIX,
    OPTIONS,
    POLICY,
    PRICING,
    QUOTAS,
    READ,
    TARGET,
    TRACKING,
    TYPE_QUOTA,
)

GUIDE = sagemaker_guide("async-inference.html", READ)
AUTOSCALE = sagemaker_guide("async-inference-autoscale.html", READ)
MONITOR = sagemaker_guide("async-inference-monitor.html", READ)
INVOKE = sagemaker_api("API_runtime_InvokeEndpointAsync.html", READ)


FACTS = Facts(
    title="Asynchronous endpoint",
    tasks=("3.1", "3.2"),
    c02=True,
    question="inference option",
    summary="A client puts a payload into S3 and calls InvokeEndpointAsync; the request waits in a "
    "queue, the answer appears in S3 and a topic tells of it; without requests no instance runs.",
    choose_when=(
        Sourced("payloads are as large as 1 GB or take as long as an hour", OPTIONS),
        Sourced("requests may wait in a queue", OPTIONS),
        Sourced("idle instances must cost nothing, GPU instances included", GUIDE),
    ),
    rather_than={
        "realtime_endpoint": "payloads or processing times exceed what a response can wait for, or "
        "requests come so seldom that an instance would mostly idle",
        "serverless_endpoint": "the model needs a GPU, more than 6 GB of memory, or more than 60 s",
        "batch_transform": "requests come one by one over the day and each is wanted soon",
    },
    comparison={
        "Invocation": Sourced("InvokeEndpointAsync, answer in S3, notice by SNS", INVOKE),
        "Payload": Sourced("1 GB in S3, or 128,000 B in the call", INVOKE),
        "Processing time": Sourced("1 h, 15 min unless the request says otherwise", INVOKE),
        "Compute": InTemplate(CONFIG, "ProductionVariants[0].InstanceType"),
        "Scaling dimension": InTemplate(TARGET, "ScalableDimension"),
        "Scaling metric": InTemplate(
            POLICY, f"{TRACKING}.CustomizedMetricSpecification.MetricName"
        ),
        "Scaling target": InTemplate(
            POLICY, f"{TRACKING}.TargetValue", unit="waiting requests per instance"
        ),
        "Minimum capacity": InTemplate(TARGET, "MinCapacity", unit="instances"),
        "Maximum capacity": InTemplate(TARGET, "MaxCapacity", unit="instances"),
        "When idle": Sourced("no instance runs, none is billed", PRICING),
        "Cold start": Sourced(
            "after idle time requests wait in the queue until an instance has started",
            AUTOSCALE,
        ),
        "GPU": Sourced("yes", MATRIX),
        "VPC": Sourced("yes", MATRIX),
        "Network isolation": InTemplate("AWS::SageMaker::Model", "EnableNetworkIsolation"),
        "Data capture": Sourced("not listed; input and output lie in S3 anyway", MATRIX),
        "Multi-model endpoint": Sourced("no", MATRIX),
        "Several variants": Sourced("no", MATRIX),
        "Deployment guardrails": Sourced("blue/green and rolling", MATRIX),
        "Billing unit": Sourced("instance time, nothing at zero instances", PRICING),
    },
    limits=(
        TYPE_QUOTA,
        Limit(
            name="requests that an instance works on at a time",
            value="1 to 1000",
            source=sagemaker_api("API_AsyncInferenceClientConfig.html", READ),
            setting=InTemplate(
                CONFIG, "AsyncInferenceConfig.ClientConfig.MaxConcurrentInvocationsPerInstance"
            ),
            minimum=1,
            maximum=1000,
        ),
        Limit(
            name="instances of a new account, per endpoint and over all endpoints",
            value="4",
            source=QUOTAS,
            setting=InTemplate(TARGET, "MaxCapacity"),
            maximum=4,
        ),
        Limit(
            name="minimum capacity",
            value="0, with a step policy on HasBacklogWithoutCapacity that wakes the endpoint",
            source=AUTOSCALE,
            setting=InTemplate(TARGET, "MinCapacity"),
            minimum=0,
        ),
        Limit(name="time to live of a waiting request", value="60 s to 6 h", source=INVOKE),
        Limit(
            name="dimensions of the queue's metrics",
            value="EndpointName alone: with VariantName beside it the metric does not exist",
            source=MONITOR,
        ),
        Limit(
            name="InvocationsPerInstance",
            value="not published: a policy on it never fires; one page still mentions it",
            source=sagemaker_guide("async-inference-monitor.html", READ, Confidence.CONFLICTING),
        ),
        Limit(
            name="failed requests",
            value="leave their reason below the failure path, if the configuration has one",
            source=sagemaker_api("API_AsyncInferenceOutputConfig.html", READ),
        ),
    ),
    billing=(
        Sourced("every instance for as long as it runs; nothing while there is none", PRICING),
    ),
    availability=Availability(source=GUIDE),
    related=("realtime_endpoint", "serverless_endpoint", "batch_transform"),
)
