"""What to know of serverless inference."""

from catalogue.model import (
    Availability,
    Confidence,
    Facts,
    InTemplate,
    Limit,
    Sourced,
)
from catalogue.sources import docs, github_issue, sagemaker_guide
from stacks.deployment.inference_sources import (
    CONFIG,
    MATRIX,
    OPTIONS,
    POLICY,
    PRICING,
    READ,
    TARGET,
    TRACKING,
)

GUIDE = sagemaker_guide("serverless-endpoints.html", READ)
AUTOSCALE = sagemaker_guide("serverless-endpoints-autoscale.html", READ)

SERVERLESS = "ProductionVariants[0].ServerlessConfig"

FACTS = Facts(
    title="Serverless endpoint",
    tasks=("3.1", "3.2"),
    c02=True,
    question="inference option",
    summary="A client calls InvokeEndpoint and gets the answer in the response, from compute that "
    "SageMaker starts when requests come; one environment is kept warm.",
    choose_when=(
        Sourced("traffic is intermittent or unpredictable, with idle time between", OPTIONS),
        Sourced("a cold start now and then is acceptable, or provisioned concurrency pays", GUIDE),
        Sourced("nobody wants to choose instances or scaling policies", OPTIONS),
    ),
    rather_than={
        "realtime_endpoint": "traffic pauses for so long that instances would mostly idle",
        "async_endpoint": "the client waits for the answer and the payload is at most 4 MB",
        "batch_transform": "rows come one by one and are wanted at once",
    },
    comparison={
        "Invocation": Sourced("InvokeEndpoint, answer in the response", GUIDE),
        "Payload": Sourced("4 MB", OPTIONS),
        "Processing time": Sourced("60 s", OPTIONS),
        "Compute": InTemplate(CONFIG, f"{SERVERLESS}.MemorySizeInMB", unit="MB of memory"),
        "Scaling dimension": InTemplate(TARGET, "ScalableDimension"),
        "Scaling metric": InTemplate(
            POLICY, f"{TRACKING}.PredefinedMetricSpecification.PredefinedMetricType"
        ),
        "Scaling target": InTemplate(
            POLICY, f"{TRACKING}.TargetValue", unit="of the warm environments in use"
        ),
        "Minimum capacity": InTemplate(
            TARGET, "MinCapacity", unit="warm environment; 0 without provisioned concurrency"
        ),
        "Maximum capacity": InTemplate(
            CONFIG, f"{SERVERLESS}.MaxConcurrency", unit="concurrent requests"
        ),
        "When idle": Sourced("nothing runs; only provisioned concurrency is billed", PRICING),
        "Cold start": Sourced(
            "after a pause and beyond the warm environments; part of OverheadLatency",
            sagemaker_guide("serverless-endpoints-monitoring.html", READ),
        ),
        "GPU": Sourced("no", GUIDE),
        "VPC": Sourced("no", GUIDE),
        "Network isolation": InTemplate("AWS::SageMaker::Model", "EnableNetworkIsolation"),
        "Data capture": Sourced("not supported", GUIDE),
        "Multi-model endpoint": Sourced("no", GUIDE),
        "Several variants": Sourced("no", GUIDE),
        "Deployment guardrails": Sourced("no", MATRIX),
        "Billing unit": Sourced(
            "milliseconds of compute by memory size, and data processed", PRICING
        ),
    },
    limits=(
        Limit(
            name="memory",
            value="1024 to 6144 MB in steps of 1024 MB",
            source=GUIDE,
            setting=InTemplate(CONFIG, f"{SERVERLESS}.MemorySizeInMB"),
            minimum=1024,
            maximum=6144,
            step=1024,
        ),
        Limit(
            name="maximum concurrency of an endpoint",
            value="1 to 200",
            source=GUIDE,
            setting=InTemplate(CONFIG, f"{SERVERLESS}.MaxConcurrency"),
            minimum=1,
            maximum=200,
        ),
        Limit(
            name="maximum concurrency of all endpoints of a new account",
            value="10; the guide gives 500 or 1000 per Region for accounts in general",
            source=docs("general/latest/gr/sagemaker.html", READ, Confidence.CONFLICTING),
            setting=InTemplate(CONFIG, f"{SERVERLESS}.MaxConcurrency"),
            maximum=10,
        ),
        Limit(
            name="provisioned concurrency",
            value="1 to the maximum concurrency",
            source=GUIDE,
            setting=InTemplate(CONFIG, f"{SERVERLESS}.ProvisionedConcurrency"),
            minimum=1,
            maximum=200,
        ),
        Limit(
            name="least provisioned concurrency that scaling keeps",
            value="1",
            source=AUTOSCALE,
            setting=InTemplate(TARGET, "MinCapacity"),
            minimum=1,
        ),
        Limit(
            name="scaling of provisioned concurrency by CloudFormation",
            value="the guide says it is not supported; the template reference lists the dimension "
            "and the metric",
            source=sagemaker_guide("serverless-endpoints.html", READ, Confidence.CONFLICTING),
        ),
        Limit(
            name="scaling of provisioned concurrency, as seen",
            value="a deployment created the scalable target; only a wrong metric was refused",
            source=github_issue("aws/aws-cdk", 29065, READ),
        ),
        Limit(
            name="update of a scaled variant",
            value="a new configuration sets provisioned concurrency back to its own value: "
            "retaining variant properties covers instance counts and weights only",
            source=docs(
                "AWSCloudFormation/latest/TemplateReference/"
                "aws-properties-sagemaker-endpoint-variantproperty.html",
                READ,
            ),
        ),
        Limit(name="container image", value="10 GB", source=GUIDE),
        Limit(name="disk", value="5 GB", source=GUIDE),
        Limit(
            name="time until the container answers /ping, download included",
            value="3 min",
            source=GUIDE,
        ),
    ),
    billing=(
        Sourced("compute per millisecond of a request, by memory size", PRICING),
        Sourced("data processed", PRICING),
        Sourced("provisioned concurrency by memory size for as long as it is on", GUIDE),
    ),
    availability=Availability(source=GUIDE),
    related=("realtime_endpoint", "async_endpoint", "batch_transform"),
)
