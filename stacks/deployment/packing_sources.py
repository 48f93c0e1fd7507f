"""Pages and template places that the facts of several ways to pack models refer to."""

from catalogue.model import InTemplate, Limit, Sourced
from catalogue.sources import sagemaker_api, sagemaker_guide
from stacks.deployment.inference_sources import (
    CONFIG,
    MATRIX,
    POLICY,
    PRICING,
    QUOTAS,
    READ,
    TARGET,
    TRACKING,
)

MULTI_MODEL = sagemaker_guide("multi-model-endpoints.html", READ)
PIPELINE = sagemaker_guide("inference-pipelines.html", READ)
DIRECT = sagemaker_guide("multi-container-direct.html", READ)
CONTAINERS = sagemaker_guide("multi-container-endpoints.html", READ)
COMPONENTS = sagemaker_guide("realtime-endpoints-deploy-models.html", READ)
ZERO = sagemaker_guide("endpoint-auto-scaling-zero-instances.html", READ)
SHADOW = sagemaker_guide("shadow-tests.html", READ)
SERVERLESS = sagemaker_guide("serverless-endpoints.html", READ)
METRICS = sagemaker_guide("monitoring-cloudwatch.html", READ)
CONTAINER = sagemaker_api("API_ContainerDefinition.html", READ)
VARIANT = sagemaker_api("API_ProductionVariant.html", READ)
BIND_TO_PORT = sagemaker_guide("multi-container-troubleshooting.html", READ)

MODEL = "AWS::SageMaker::Model"
COMPONENT = "AWS::SageMaker::InferenceComponent"

# The template says these of every way to pack in the same place.
COMPUTE = InTemplate(CONFIG, "ProductionVariants[0].InstanceType")
SCALING_DIMENSION = InTemplate(TARGET, "ScalableDimension")
SCALING_METRIC = InTemplate(
    POLICY, f"{TRACKING}.PredefinedMetricSpecification.PredefinedMetricType"
)
PER_INSTANCE = InTemplate(
    POLICY, f"{TRACKING}.TargetValue", unit="invocations per instance and minute"
)
ALWAYS_BILLED = Sourced("the minimum of instances runs and is billed", PRICING)
INSTANCE_TIME = Sourced("instance time, whatever the number of models on them", PRICING)
NO_CAPTURE = Sourced("no: the matrix has it for single models only", MATRIX)
BLUE_GREEN_AND_ROLLING = Sourced("blue/green and rolling, of the whole endpoint", MATRIX)
NOT_SERVERLESS = Sourced("no", MATRIX)

NEW_ACCOUNT = Limit(
    name="instances of a new account, per endpoint and over all endpoints",
    value="4",
    source=QUOTAS,
    setting=InTemplate(TARGET, "MaxCapacity"),
    maximum=4,
)
ONE_INSTANCE = Limit(
    name="minimum capacity of a real-time variant that names a model",
    value="1: of real-time endpoints only those with inference components scale to zero",
    source=ZERO,
    setting=InTemplate(TARGET, "MinCapacity"),
    minimum=1,
)
DOWNLOAD = Limit(
    name="time to download the artifacts",
    value="60 to 3600 s",
    source=VARIANT,
    setting=InTemplate(CONFIG, "ProductionVariants[0].ModelDataDownloadTimeoutInSeconds"),
    minimum=60,
    maximum=3600,
)
STARTUP = Limit(
    name="time until the containers answer /ping",
    value="60 to 3600 s",
    source=VARIANT,
    setting=InTemplate(CONFIG, "ProductionVariants[0].ContainerStartupHealthCheckTimeoutInSeconds"),
    minimum=60,
    maximum=3600,
)
STARTUP_LOAD = Limit(
    name="instance for several containers",
    value="its memory and vCPUs have to do for the start of all of them: where they do not, a "
    "container fails the ping health check and the endpoint is not created",
    source=BIND_TO_PORT,
)
CONTAINER_COUNT = Limit(
    name="containers of a model",
    value="2 to 15",
    source=sagemaker_guide("multi-container-create.html", READ),
    setting=InTemplate(MODEL, "length(Containers)"),
    minimum=2,
    maximum=15,
)
PORT = Limit(
    name="port of a container beside others",
    value="what SAGEMAKER_BIND_TO_PORT says, and the image's label accept-bind-to-port=true says "
    "that it listens to it: an image without the label is rejected",
    source=BIND_TO_PORT,
)
