"""What to know of multi-container endpoints in direct mode."""

from catalogue.model import Availability, Confidence, Facts, InTemplate, Limit, Sourced
from catalogue.sources import sagemaker_guide
from stacks.deployment.inference_sources import MATRIX, PRICING, READ, TARGET, TYPE_QUOTA
from stacks.deployment.packing_sources import (
    ALWAYS_BILLED,
    BLUE_GREEN_AND_ROLLING,
    COMPUTE,
    CONTAINER_COUNT,
    CONTAINERS,
    DIRECT,
    DOWNLOAD,
    INSTANCE_TIME,
    MODEL,
    NEW_ACCOUNT,
    NO_CAPTURE,
    NOT_SERVERLESS,
    ONE_INSTANCE,
    PER_INSTANCE,
    PORT,
    SCALING_DIMENSION,
    SCALING_METRIC,
    SHADOW,
    STARTUP,
    STARTUP_LOAD,
)

CREATE = sagemaker_guide("multi-container-create.html", READ)
UPDATE = sagemaker_guide("multi-container-update.html", READ)
SECURITY = sagemaker_guide("multi-container-security.html", READ)
METRICS = sagemaker_guide("multi-container-metrics.html", READ)
SCALING = sagemaker_guide("multi-container-auto-scaling.html", READ)
FAQ = sagemaker_guide("hosting-faqs.html", READ)


FACTS = Facts(
    title="Multi-container endpoint",
    tasks=("3.1", "3.2"),
    c02=False,
    question="model packing",
    summary="A client names the container that shall answer; containers of two frameworks run side "
    "by side on each of 1 to 4 instances.",
    choose_when=(
        Sourced("a few models in different frameworks leave instances of their own idle", PRICING),
        Sourced("all of them shall stay in memory, without a cold start", FAQ),
        Sourced("each request is for one of them", DIRECT),
        Sourced("their requests take similar CPU time: one metric scales them all", SCALING),
    ),
    rather_than={
        "multi_model_endpoint": "the models need different containers, and each shall be warm and "
        "have metrics of its own",
        "inference_pipeline": "each request is for one container, not for all in turn",
        "inference_components": "an endpoint configuration and a model are all it takes, and the "
        "few containers may scale together",
    },
    comparison={
        "Invocation": Sourced("InvokeEndpoint with TargetContainerHostname", DIRECT),
        "Model chosen by": Sourced(
            "TargetContainerHostname; without it, or with another name, a validation error", DIRECT
        ),
        "What is shared": Sourced("instances, their memory and their volume", SECURITY),
        "Isolation between models": Sourced(
            "a container each, sharing memory and volume of the instance", SECURITY
        ),
        "Frameworks": Sourced("one per container, any", CONTAINERS),
        "Number of models": Sourced("2 to 15 containers", CREATE),
        "Adding a model": Sourced("a new model, configuration and an endpoint update", UPDATE),
        "Cold start": Sourced("none while an instance runs: all containers are up on each", FAQ),
        "Compute": COMPUTE,
        "Scaling dimension": SCALING_DIMENSION,
        "Scaling metric": SCALING_METRIC,
        "Scaling target": PER_INSTANCE,
        "Minimum capacity": InTemplate(TARGET, "MinCapacity", unit="instance"),
        "Maximum capacity": InTemplate(TARGET, "MaxCapacity", unit="instances"),
        "Scaling of one model": Sourced(
            "none: where traffic moves to a dearer container and its volume stays, nothing scales",
            SCALING,
        ),
        "Metrics of one model": Sourced(
            "invocations, errors, latency, CPU and memory by EndpointName, VariantName and "
            "ContainerName",
            METRICS,
        ),
        "When idle": ALWAYS_BILLED,
        "GPU": Sourced("no", MATRIX),
        "Serverless": NOT_SERVERLESS,
        "Network isolation": InTemplate(MODEL, "EnableNetworkIsolation"),
        "Data capture": NO_CAPTURE,
        "Several variants": Sourced("yes", MATRIX),
        "Shadow tests": Sourced("no", SHADOW),
        "Deployment guardrails": BLUE_GREEN_AND_ROLLING,
        "Right to one model": InTemplate(
            "AWS::IAM::ManagedPolicy", "PolicyDocument.Statement[0].Condition.*|[0]|keys(@)[0]"
        ),
        "Billing unit": INSTANCE_TIME,
    },
    limits=(
        CONTAINER_COUNT,
        ONE_INSTANCE,
        NEW_ACCOUNT,
        TYPE_QUOTA,
        DOWNLOAD,
        STARTUP,
        STARTUP_LOAD,
        PORT,
        Limit(
            name="hostname of a container",
            value="required for each in direct mode",
            source=CREATE,
        ),
        Limit(
            name="mode",
            value="Serial unless InferenceExecutionConfig says Direct",
            source=CREATE,
        ),
        Limit(
            name="condition key for a container",
            value="contradicted: the text names sagemaker:TargetContainerHostname, the sample "
            "policies sagemaker:TargetModel; if the key is not set, an allowing condition fails "
            "closed: nobody gets in",
            source=sagemaker_guide("multi-container-endpoints.html", READ, Confidence.CONFLICTING),
        ),
        Limit(
            name="right to invoke",
            value="holds for every container unless a condition limits it",
            source=SECURITY,
        ),
        Limit(
            name="namespace of a container's CPU and memory",
            value="contradicted: aws/sagemaker/Endpoints on the page of these metrics, "
            "/aws/sagemaker/Endpoints on all others",
            source=sagemaker_guide("multi-container-metrics.html", READ, Confidence.CONFLICTING),
        ),
    ),
    billing=(
        Sourced(
            "every instance for as long as it runs; a container that nobody asks is paid with it",
            CONTAINERS,
        ),
    ),
    availability=Availability(source=CONTAINERS),
    related=("realtime_endpoint", "inference_pipeline", "inference_components"),
)
