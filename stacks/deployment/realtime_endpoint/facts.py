"""What to know of real-time inference."""

from catalogue.model import (
    Availability,
    Confidence,
    Facts,
    InTemplate,
    Limit,
    Sourced,
)
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

VARIANT = sagemaker_api("API_ProductionVariant.html", READ)
CAPTURE = sagemaker_guide("model-monitor-data-capture-endpoint.html", READ)


FACTS = Facts(
    title="Real-time endpoint",
    tasks=("3.1", "3.2"),
    c02=True,
    question="inference option",
    summary="A client calls InvokeEndpoint and gets the answer in the response, from one of 1 to 4 "
    "instances that are always there; requests and answers are captured in S3.",
    choose_when=(
        Sourced("traffic is sustained and latency has to be low or throughput high", OPTIONS),
        Sourced("an answer takes at most 60 s, 8 min when it is streamed", OPTIONS),
        Sourced("the model needs a GPU, a VPC, data capture, or several variants", MATRIX),
    ),
    rather_than={
        "serverless_endpoint": "latency must not depend on cold starts, or the model needs what "
        "serverless lacks: GPU, VPC, network isolation, data capture",
        "async_endpoint": "the client waits for the answer, and it comes within a minute",
        "batch_transform": "rows come one by one and are wanted at once",
    },
    comparison={
        "Invocation": Sourced(
            "InvokeEndpoint, answer in the response",
            sagemaker_guide("realtime-endpoints.html", READ),
        ),
        "Payload": Sourced(
            "stay under 6 MiB: the guide says 25 MB, the feature matrix 6 MB, the SDK 6,291,456 B",
            sagemaker_guide("deploy-model-options.html", READ, Confidence.CONFLICTING),
        ),
        "Processing time": Sourced("60 s; 8 min streamed", OPTIONS),
        "Compute": InTemplate(CONFIG, "ProductionVariants[0].InstanceType"),
        "Scaling dimension": InTemplate(TARGET, "ScalableDimension"),
        "Scaling metric": InTemplate(
            POLICY, f"{TRACKING}.PredefinedMetricSpecification.PredefinedMetricType"
        ),
        "Scaling target": InTemplate(
            POLICY, f"{TRACKING}.TargetValue", unit="invocations per instance and minute"
        ),
        "Minimum capacity": InTemplate(TARGET, "MinCapacity", unit="instance"),
        "Maximum capacity": InTemplate(TARGET, "MaxCapacity", unit="instances"),
        "When idle": Sourced("the minimum of instances runs and is billed", PRICING),
        "Cold start": Sourced("none while an instance runs", OPTIONS),
        "GPU": Sourced("yes", MATRIX),
        "VPC": Sourced("yes", MATRIX),
        "Network isolation": InTemplate("AWS::SageMaker::Model", "EnableNetworkIsolation"),
        "Data capture": InTemplate(
            CONFIG, "DataCaptureConfig.InitialSamplingPercentage", unit="% of the requests"
        ),
        "Multi-model endpoint": Sourced("yes", MATRIX),
        "Several variants": Sourced("yes, up to 10; shadow variants too", MATRIX),
        "Deployment guardrails": Sourced("blue/green and rolling", MATRIX),
        "Billing unit": Sourced("instance time, idle included", PRICING),
    },
    limits=(
        Limit(
            name="variants of an endpoint",
            value="10",
            source=sagemaker_api("API_CreateEndpointConfig.html", READ),
            setting=InTemplate(CONFIG, "length(ProductionVariants)"),
            minimum=1,
            maximum=10,
        ),
        Limit(
            name="time to download the model",
            value="60 to 3600 s",
            source=VARIANT,
            setting=InTemplate(CONFIG, "ProductionVariants[0].ModelDataDownloadTimeoutInSeconds"),
            minimum=60,
            maximum=3600,
        ),
        Limit(
            name="time until the container answers /ping",
            value="60 to 3600 s",
            source=VARIANT,
            setting=InTemplate(
                CONFIG, "ProductionVariants[0].ContainerStartupHealthCheckTimeoutInSeconds"
            ),
            minimum=60,
            maximum=3600,
        ),
        Limit(
            name="captured share of the requests",
            value="0 to 100 %",
            source=CAPTURE,
            setting=InTemplate(CONFIG, "DataCaptureConfig.InitialSamplingPercentage"),
            minimum=0,
            maximum=100,
        ),
        Limit(
            name="instances of a new account, per endpoint and over all endpoints",
            value="4",
            source=QUOTAS,
            setting=InTemplate(TARGET, "MaxCapacity"),
            maximum=4,
        ),
        TYPE_QUOTA,
        Limit(
            name="minimum capacity of a variant that names a model",
            value="1 behind a real-time endpoint: to zero go asynchronous variants and inference "
            "components",
            source=sagemaker_guide("endpoint-auto-scaling-zero-instances.html", READ),
            setting=InTemplate(TARGET, "MinCapacity"),
            minimum=1,
        ),
        Limit(
            name="update of a scaled variant",
            value="SageMaker refuses to change its instance type or to remove it while it is a "
            "registered scalable target: deploy without the scaling first, then with the change",
            source=sagemaker_guide("endpoint-scaling-update.html", READ),
        ),
        Limit(
            name="data capture",
            value="stops while a disk of the instance is more than 75 % full",
            source=CAPTURE,
        ),
    ),
    billing=(
        Sourced("every instance for as long as it runs, whether requests come or not", PRICING),
    ),
    availability=Availability(source=sagemaker_guide("realtime-endpoints.html", READ)),
    related=("serverless_endpoint", "async_endpoint", "batch_transform"),
)
