"""What to know of inference pipelines."""

from catalogue.model import Availability, Confidence, Facts, InTemplate, Limit, Sourced
from catalogue.sources import sagemaker_guide
from stacks.deployment.inference_sources import MATRIX, READ, TARGET, TYPE_QUOTA
from stacks.deployment.packing_sources import (
    ALWAYS_BILLED,
    BLUE_GREEN_AND_ROLLING,
    COMPUTE,
    CONTAINER,
    CONTAINER_COUNT,
    DOWNLOAD,
    INSTANCE_TIME,
    MODEL,
    NEW_ACCOUNT,
    ONE_INSTANCE,
    PER_INSTANCE,
    PIPELINE,
    PORT,
    SCALING_DIMENSION,
    SCALING_METRIC,
    SERVERLESS,
    SHADOW,
    STARTUP,
    STARTUP_LOAD,
)

REALTIME = sagemaker_guide("inference-pipeline-real-time.html", READ)
LOGS = sagemaker_guide("inference-pipeline-logs-metrics.html", READ)
TROUBLE = sagemaker_guide("inference-pipeline-troubleshoot.html", READ)


FACTS = Facts(
    title="Inference pipeline",
    tasks=("3.1", "3.2"),
    c02=True,
    question="model packing",
    summary="A client sends raw rows in one call; on each of 1 to 4 instances they pass through a "
    "preprocessing container, the model and a postprocessing one, and come back as labels.",
    choose_when=(
        Sourced("preprocessing, prediction and postprocessing belong together", PIPELINE),
        Sourced("the transformers that prepared the training data shall serve as well", PIPELINE),
        Sourced("the same steps shall score in batch transform as well", PIPELINE),
    ),
    rather_than={
        "multi_model_endpoint": "every request needs every container, in the same order",
        "multi_container_endpoint": "one container's answer is the next one's request",
        "inference_components": "the steps shall answer in one call and on one instance, without a "
        "hop over the network between them",
    },
    comparison={
        "Invocation": Sourced("InvokeEndpoint; one call, one answer", REALTIME),
        "Model chosen by": Sourced(
            "nothing: every request passes through all containers in turn", PIPELINE
        ),
        "What is shared": Sourced("instances; each container runs on each of them", PIPELINE),
        "Isolation between models": Sourced(
            "a container each, on the same instance; HTTP between them", PIPELINE
        ),
        "Frameworks": Sourced(
            "one per container: built-in algorithms, Spark ML, scikit-learn, one's own", PIPELINE
        ),
        "Number of models": Sourced("2 to 15 containers", PIPELINE),
        "Adding a model": Sourced(
            "a pipeline is immutable: a new model and an endpoint update", PIPELINE
        ),
        "Cold start": Sourced(
            "none while an instance runs: all containers are up on each", PIPELINE
        ),
        "Compute": COMPUTE,
        "Scaling dimension": SCALING_DIMENSION,
        "Scaling metric": SCALING_METRIC,
        "Scaling target": PER_INSTANCE,
        "Minimum capacity": InTemplate(TARGET, "MinCapacity", unit="instance"),
        "Maximum capacity": InTemplate(TARGET, "MaxCapacity", unit="instances"),
        "Scaling of one model": Sourced("none: all containers are on every instance", PIPELINE),
        "Metrics of one model": Sourced(
            "ContainerLatency by EndpointName, VariantName and ContainerName; a log stream each",
            LOGS,
        ),
        "When idle": ALWAYS_BILLED,
        "GPU": Sourced("yes", MATRIX),
        "Serverless": Sourced("no", SERVERLESS),
        "Network isolation": InTemplate(MODEL, "EnableNetworkIsolation"),
        "Data capture": Sourced(
            "contradictory: none by the matrix, of the whole pipeline by Model Monitor's page",
            sagemaker_guide("model-monitor.html", READ, Confidence.CONFLICTING),
        ),
        "Several variants": Sourced("yes", MATRIX),
        "Shadow tests": Sourced("no: excluded for several containers", SHADOW),
        "Deployment guardrails": BLUE_GREEN_AND_ROLLING,
        "Right to one model": Sourced(
            "none: who may invoke the endpoint sends through all containers", PIPELINE
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
            name="payload from one container to the next",
            value="5 MB; more is a ModelError, 424, that names both containers",
            source=TROUBLE,
        ),
        Limit(
            name="variables of all containers together",
            value="32 KB",
            source=CONTAINER,
        ),
        Limit(
            name="image of one's own beside a built-in one",
            value="its repository's policy has to let sagemaker.amazonaws.com pull it",
            source=TROUBLE,
        ),
        Limit(
            name="failed container",
            value="named in the ModelError; read its own log stream, "
            "<variant>/<instance>/<container>",
            source=TROUBLE,
        ),
        Limit(
            name="ModelLatency",
            value="adds up all containers; ContainerLatency tells which of them is slow",
            source=LOGS,
        ),
    ),
    billing=(
        Sourced(
            "every instance for as long as it runs; the pipeline itself costs nothing more",
            PIPELINE,
        ),
    ),
    availability=Availability(source=PIPELINE),
    related=("realtime_endpoint", "batch_transform", "multi_container_endpoint"),
)
