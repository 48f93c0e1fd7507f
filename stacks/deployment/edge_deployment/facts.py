"""What to know of a model on devices."""

from catalogue.model import Availability, Facts, InTemplate, Limit, Source, Sourced
from catalogue.sources import docs, sagemaker_guide
from stacks.deployment.serving_sources import READ


def guide(page: str) -> Source:
    """A page of the developer guide of Greengrass V2."""
    return docs(f"greengrass/v2/developerguide/{page}", READ)


def api(page: str) -> Source:
    """A page of the API reference of Greengrass V2."""
    return docs(f"greengrass/v2/APIReference/{page}", READ)


COMPONENT = "AWS::GreengrassV2::ComponentVersion"
DEPLOYMENT = "AWS::GreengrassV2::Deployment"
MANIFEST = "InlineRecipe.Manifests[0]"
ROLLOUT = "IotJobConfiguration.JobExecutionsRolloutConfig"
ABORT = "IotJobConfiguration.AbortConfig.CriteriaList[0]"

INFERENCE = guide("perform-machine-learning-inference.html")
WHAT = guide("what-is-iot-greengrass.html")
RECIPE = guide("component-recipe-reference.html")
DEPLOYING = guide("create-deployments.html")
IDENTITY = guide("device-auth.html")
MQTT = guide("ipc-iot-core-mqtt.html")
# CloudFormation says of a deployment what the guide leaves to its examples.
CONTINUOUS = docs(
    "AWSCloudFormation/latest/TemplateReference/aws-resource-greengrassv2-deployment.html", READ
)
QUOTAS = docs("general/latest/gr/greengrassv2.html", READ)
CREDENTIALS = docs("iot/latest/developerguide/authorizing-direct-aws.html", READ)
PRICES = Source("https://aws.amazon.com/greengrass/pricing/", READ)
EDGE_MANAGER = sagemaker_guide("edge-eol.html", READ)
NEO = sagemaker_guide("neo-supported-devices-edge-frameworks.html", READ)


FACTS = Facts(
    title="Model on devices with Greengrass V2",
    tasks=("3.1",),
    c02=False,
    question="serving platform",
    summary="Devices fetch a component with an ONNX model, prove that it gives the known answers, "
    "and score what is measured beside them, with or without a network; the results' figures are "
    "all that AWS hears.",
    choose_when=(
        Sourced("an answer must not wait for a network, or has to come without one", INFERENCE),
        Sourced("the data must stay, or is too much to send: only results leave the device", WHAT),
        Sourced(
            "the model ran under SageMaker Edge Manager, which ended on 2024-04-26: AWS names "
            "Greengrass V2 and ONNX instead",
            EDGE_MANAGER,
        ),
    ),
    rather_than={
        "ecs_serving": "the data arises on devices whose network is slow, dear or gone at times, "
        "or must not leave them",
        "lambda_serving": "the data arises on devices whose network is slow, dear or gone at "
        "times, or an answer has to come within milliseconds, every time",
        "eks_serving": "the data arises on devices whose network is slow, dear or gone at times, "
        "or must not leave them",
    },
    comparison={
        "Compute": Sourced(
            "your device: what runs the core software, on Linux here", guide("how-it-works.html")
        ),
        "Processor": InTemplate(COMPONENT, f"{MANIFEST}.Platform.architecture"),
        "GPU": Sourced("what the device has: the component brings the runtime for it", INFERENCE),
        "Invocation": Sourced(
            "on the device: a file in a folder; components could also be called by local messages",
            MQTT,
        ),
        "Entry": Sourced("none: the device calls AWS, nobody calls the device", IDENTITY),
        "Authentication": Sourced(
            "the device's X.509 certificate to AWS; on the device the permissions of its folders",
            IDENTITY,
        ),
        "TLS": Sourced("mutual, between the device and AWS IoT; none on the device", IDENTITY),
        "Payload": Sourced(
            "no limit of AWS's on the device; 128 KB for a message to AWS IoT Core",
            docs("general/latest/gr/iot-core.html", READ),
        ),
        "Processing time": Sourced("no limit: a component's run step has no time-out", RECIPE),
        "Concurrency": Sourced("one process on each device, which works file by file", RECIPE),
        "Scaling metric": Sourced("none: a device does not scale, a fleet grows", DEPLOYING),
        "Scaling target": Sourced("none: a device does not scale, a fleet grows", DEPLOYING),
        "Minimum capacity": Sourced(
            "none: a deployment waits for whoever joins the group", CONTINUOUS
        ),
        "Maximum capacity": Sourced(
            "as many devices as are put into the group; each gets its deployment by itself",
            CONTINUOUS,
        ),
        "Cold start": Sourced("none: the model stays loaded; a new device installs first", RECIPE),
        "When idle": Sourced("the device runs; AWS bills a month in which it connects", PRICES),
        "Health check": InTemplate(
            COMPONENT,
            f"{MANIFEST}.Lifecycle.install.Timeout",
            unit="s at most to install and give the known answers, then its process is watched",
        ),
        "Roll-out": InTemplate(
            DEPLOYMENT,
            f"{ROLLOUT}.ExponentialRate.BaseRatePerMinute",
            unit="devices a minute at first, more with success",
        ),
        "Rollback": InTemplate(
            DEPLOYMENT,
            "DeploymentPolicies.FailureHandlingPolicy",
            unit="of each device that fails; too many of them cancel the deployment",
        ),
        "Network": Sourced("out to AWS alone, and not always: messages wait on the device", MQTT),
        "Role of the model": Sourced(
            "token exchange role: temporary credentials for the device's certificate", CREDENTIALS
        ),
        "Patching": Sourced(
            "the device's system is yours; the core software comes over the air by a deployment",
            guide("update-greengrass-core-v2.html"),
        ),
        "Billing unit": Sourced(
            "a core device in a month in which it connects; messages and rules of AWS IoT Core",
            PRICES,
        ),
    },
    limits=(
        Limit(
            name="time that a device has for a deployment",
            value="1 minute to 7 days, then it counts as timed out",
            source=api("API_IoTJobTimeoutConfig.html"),
            setting=InTemplate(
                DEPLOYMENT, "IotJobConfiguration.TimeoutConfig.InProgressTimeoutInMinutes"
            ),
            minimum=1,
            maximum=10_080,
        ),
        Limit(
            name="devices told a minute, at first",
            value="1 to 1000",
            source=api("API_IoTJobExponentialRolloutRate.html"),
            setting=InTemplate(DEPLOYMENT, f"{ROLLOUT}.ExponentialRate.BaseRatePerMinute"),
            minimum=1,
            maximum=1000,
        ),
        Limit(
            name="growth of that rate",
            value="by a factor of 1 to 5",
            source=api("API_IoTJobExponentialRolloutRate.html"),
            setting=InTemplate(DEPLOYMENT, f"{ROLLOUT}.ExponentialRate.IncrementFactor"),
            minimum=1,
            maximum=5,
        ),
        Limit(
            name="share of failures that cancels a deployment",
            value="at most 100 %, of a number of devices that is at least 1",
            source=api("API_IoTJobAbortCriteria.html"),
            setting=InTemplate(DEPLOYMENT, f"{ABORT}.ThresholdPercentage"),
            minimum=0,
            maximum=100,
        ),
        Limit(
            name="life of a device's credentials",
            value="15 minutes to 12 hours, and no longer than the role's longest session",
            source=CREDENTIALS,
            setting=InTemplate("AWS::IoT::RoleAlias", "CredentialDurationSeconds"),
            minimum=900,
            maximum=43_200,
        ),
        Limit(
            name="component version",
            value="can never be changed; each of its three numbers is at most 999,999",
            source=RECIPE,
        ),
        Limit(
            name="component",
            value="2 GB of artifacts and 16 KB of recipe",
            source=QUOTAS,
        ),
        Limit(
            name="bucket of the model",
            value="in the same account and Region, without periods in its name, and not encrypted "
            "with SSE-C",
            source=INFERENCE,
        ),
        Limit(
            name="deployments of a target",
            value="one: the next replaces it and removes what it does not name",
            source=guide("manage-deployments.html"),
        ),
        Limit(
            name="document of a deployment",
            value="31 KB for a group, 6 MB with support of large configurations",
            source=QUOTAS,
        ),
        Limit(
            name="step `run`",
            value="a deployment succeeds as soon as it begins: what has to fail a deployment "
            "belongs into `install` or `startup`",
            source=RECIPE,
        ),
        Limit(
            name="component that fails",
            value="is started again; after the third error it is BROKEN until it is deployed again",
            source=RECIPE,
        ),
        Limit(
            name="certificate's policy",
            value="thing policy variables do not work for core devices: a prefix of the thing's "
            "name limits them, and a policy on the thing group does not reach Greengrass",
            source=IDENTITY,
        ),
        Limit(
            name="messages to AWS IoT Core",
            value="100 a second and 512 KB a second; more than that waits on the device",
            source=MQTT,
        ),
        Limit(
            name="messages while offline",
            value="those of QoS 1 wait in 2.5 MB of memory by default, then new ones are refused; "
            "those of QoS 0 are dropped",
            source=guide("greengrass-nucleus-component.html"),
        ),
        Limit(
            name="events of deployments and components",
            value="on a best-effort basis: one may be missing, or come twice",
            source=guide("deployment-health-notifications.html"),
        ),
        Limit(
            name="compilation with SageMaker Neo",
            value="for edge devices up to ONNX 1.7 and XGBoost 1.3: this model is newer and runs "
            "on ONNX Runtime",
            source=NEO,
        ),
        Limit(
            name="optimization for edge devices in the exam",
            value="SageMaker Neo is an example in MLA-C01; MLA-C02 has removed the topic",
            source=docs(
                "aws-certification/latest/machine-learning-engineer-associate-02/"
                "mla-02-comparison.html",
                READ,
            ),
        ),
        Limit(
            name="Greengrass V1",
            value="ended on 2026-10-07",
            source=WHAT,
        ),
    ),
    billing=(
        Sourced("each core device in a month in which it connects to AWS", PRICES),
        Sourced(
            "messages, minutes of connection, rules and actions of AWS IoT Core",
            Source("https://aws.amazon.com/iot-core/pricing/", READ),
        ),
    ),
    availability=Availability(source=QUOTAS, not_in=("sa-east-1",)),
    related=("serverless_endpoint",),
)
