"""What to know of multi-model endpoints."""

from catalogue.model import Availability, Confidence, Facts, InTemplate, Limit, Sourced
from catalogue.sources import sagemaker_guide
from stacks.deployment.inference_sources import PRICING, READ, TARGET, TYPE_QUOTA
from stacks.deployment.packing_sources import (
    ALWAYS_BILLED,
    BLUE_GREEN_AND_ROLLING,
    COMPUTE,
    DOWNLOAD,
    INSTANCE_TIME,
    MODEL,
    MULTI_MODEL,
    NEW_ACCOUNT,
    NO_CAPTURE,
    ONE_INSTANCE,
    PER_INSTANCE,
    SCALING_DIMENSION,
    SCALING_METRIC,
    SERVERLESS,
    SHADOW,
)

INVOKE = sagemaker_guide("invoke-multi-model-endpoint.html", READ)
CREATE = sagemaker_guide("create-multi-model-endpoint.html", READ)
ADD = sagemaker_guide("add-models-to-endpoint.html", READ)
SECURITY = sagemaker_guide("multi-model-endpoint-security.html", READ)
SUPPORT = sagemaker_guide("multi-model-support.html", READ)
METRICS = sagemaker_guide("multi-model-endpoint-cloudwatch-metrics.html", READ)
SCALING = sagemaker_guide("multi-model-endpoints-autoscaling.html", READ)
INSTANCES = sagemaker_guide("multi-model-endpoint-instance.html", READ)


FACTS = Facts(
    title="Multi-model endpoint",
    tasks=("3.1", "3.2"),
    c02=True,
    question="model packing",
    summary="A client names its tenant's archive in the request; one container on 1 to 4 instances "
    "fetches it from below an S3 prefix when it is first asked for, and keeps it while there is "
    "room.",
    choose_when=(
        Sourced("many models use the same framework, as those of many tenants do", MULTI_MODEL),
        Sourced(
            "some are asked often and others seldom, and all are of similar size and latency",
            MULTI_MODEL,
        ),
        Sourced("the application bears a slow first request to a model", MULTI_MODEL),
    ),
    rather_than={
        "inference_pipeline": "requests go to one of many models, not through several in turn; a "
        "pipeline may hold one multi-model container",
        "multi_container_endpoint": "there are more models than 15, and one container serves them "
        "all",
        "inference_components": "models come and go by the hundred and none of them needs vCPUs, "
        "memory or a scaling of its own",
    },
    comparison={
        "Invocation": Sourced("InvokeEndpoint with TargetModel", INVOKE),
        "Model chosen by": Sourced(
            "TargetModel: the archive's key below the prefix, such as north/1.tar.gz", INVOKE
        ),
        "What is shared": Sourced("instances, container, memory and disk", MULTI_MODEL),
        "Isolation between models": Sourced(
            "none inside the container: models lie side by side in its memory and on its disk",
            SECURITY,
        ),
        "Frameworks": Sourced(
            "one: XGBoost, k-NN, Linear Learner, RCF, TensorFlow, scikit-learn, MXNet, PyTorch, or "
            "a container of one's own; on GPUs Triton",
            SUPPORT,
        ),
        "Number of models": Sourced(
            "as many as lie below the prefix; as many at once as memory holds", MULTI_MODEL
        ),
        "Adding a model": Sourced("put its archive below the prefix: no update", ADD),
        "Cold start": Sourced(
            "each model's first request on an instance waits for download and loading", INVOKE
        ),
        "Compute": COMPUTE,
        "Scaling dimension": SCALING_DIMENSION,
        "Scaling metric": SCALING_METRIC,
        "Scaling target": PER_INSTANCE,
        "Minimum capacity": InTemplate(TARGET, "MinCapacity", unit="instance"),
        "Maximum capacity": InTemplate(TARGET, "MaxCapacity", unit="instances"),
        "Scaling of one model": Sourced(
            "none: all models' requests together scale the instances; a busy model is loaded on "
            "several of them",
            SCALING,
        ),
        "Metrics of one model": Sourced("none: not supported", METRICS),
        "When idle": ALWAYS_BILLED,
        "GPU": Sourced("yes, on types with one GPU, with Triton", SUPPORT),
        "Serverless": Sourced("no", SERVERLESS),
        "Network isolation": InTemplate(MODEL, "EnableNetworkIsolation"),
        "Data capture": NO_CAPTURE,
        "Several variants": Sourced(
            "contradicted: A/B testing by the feature's own page, not listed in the matrix",
            sagemaker_guide("multi-model-endpoints.html", READ, Confidence.CONFLICTING),
        ),
        "Shadow tests": Sourced("no", SHADOW),
        "Deployment guardrails": BLUE_GREEN_AND_ROLLING,
        "Right to one model": InTemplate(
            "AWS::IAM::ManagedPolicy", "PolicyDocument.Statement[0].Condition.*|[0]|keys(@)[0]"
        ),
        "Billing unit": INSTANCE_TIME,
    },
    limits=(
        ONE_INSTANCE,
        NEW_ACCOUNT,
        TYPE_QUOTA,
        DOWNLOAD,
        Limit(
            name="first request to a model",
            value="60 s, then ModelNotReadyException; loading goes on for up to 360 s: try again, "
            "with a socket time-out of 70 s",
            source=INVOKE,
        ),
        Limit(
            name="update of a model",
            value="under a new key: an overwritten archive may still be loaded in its old form",
            source=ADD,
        ),
        Limit(
            name="removal of a model",
            value="stop asking for it and delete its archive; it is unloaded when room is needed",
            source=ADD,
        ),
        Limit(
            name="right to invoke",
            value="holds for every model below the prefix unless sagemaker:TargetModel limits it",
            source=SECURITY,
        ),
        Limit(
            name="model cache",
            value="Enabled by default; Disabled drops a model after each request, which pays off "
            "where each is asked for once",
            source=sagemaker_guide("multi-model-caching.html", READ),
        ),
        Limit(
            name="dimensions of a tracked CPUUtilization",
            value="contradicted: the sample policies name ModelName, though metrics per model are "
            "not supported; other pages EndpointName and VariantName",
            source=sagemaker_guide(
                "multi-model-endpoints-autoscaling.html", READ, Confidence.CONFLICTING
            ),
        ),
        Limit(
            name="instances for high availability",
            value="at least 2, which stand in several Availability Zones",
            source=CREATE,
        ),
        Limit(
            name="memory of an instance",
            value="is the cache of loaded models; some of it has to stay free for models that come "
            "over from a failed instance",
            source=INSTANCES,
        ),
        Limit(
            name="container in a pipeline",
            value="one multi-model container at most",
            source=MULTI_MODEL,
        ),
        Limit(
            name="image",
            value="needs the label com.amazonaws.sagemaker.capabilities.multi-models=true and the "
            "calls to load, list and unload models",
            source=sagemaker_guide("build-multi-model-build-container.html", READ),
        ),
    ),
    billing=(
        Sourced(
            "every instance for as long as it runs: with more models on it, less for each", PRICING
        ),
    ),
    availability=Availability(source=MULTI_MODEL),
    related=("realtime_endpoint", "inference_components", "multi_container_endpoint"),
)
