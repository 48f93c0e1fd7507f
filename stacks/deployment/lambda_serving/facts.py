"""What to know of serving a model in a Lambda function."""

from catalogue.model import Availability, Facts, InTemplate, Limit, Option, Source, Sourced
from catalogue.sources import docs
from stacks.deployment.serving_sources import (
    POLICY,
    READ,
    TARGET,
    TRACKING,
    TRACKING_GUIDE,
    lambda_guide,
    of_model,
)

ALIAS = "AWS::Lambda::Alias"
GROUP = "AWS::CodeDeploy::DeploymentGroup"
WARM = "ProvisionedConcurrencyConfig.ProvisionedConcurrentExecutions"

QUOTAS = lambda_guide("gettingstarted-limits.html")
IMAGES = lambda_guide("images-create.html")
LIFECYCLE = lambda_guide("lambda-runtime-environment.html")
PROVISIONED = lambda_guide("provisioned-concurrency.html")
METRICS = lambda_guide("monitoring-metrics-types.html")
MANAGED = lambda_guide("lambda-managed-instances.html")
ENDPOINTS = lambda_guide("configuration-vpc-endpoints.html")
URLS = lambda_guide("urls-configuration.html")
RESERVED = lambda_guide("configuration-concurrency.html")
GRAVITON = Source(
    "https://aws.amazon.com/blogs/aws/aws-lambda-functions-powered-by-aws-graviton2-processor-"
    "run-your-functions-on-arm-and-get-up-to-34-better-price-performance/",
    READ,
)


FACTS = Facts(
    title="Container image in a Lambda function",
    tasks=("3.1", "3.2"),
    c02=True,
    question="serving platform",
    summary="A client calls Invoke on an alias and gets the answer in the response, from one of 2 "
    "to 8 environments that are kept warm, or from one that starts for the request.",
    choose_when=(
        Sourced("requests come in bursts, with pauses in which nothing should run", MANAGED),
        Sourced("an answer takes seconds, at most 15 minutes, and fits into 6 MB", QUOTAS),
        Sourced("one function is to follow a sudden load by 1,000 copies in 10 s", QUOTAS),
    ),
    rather_than={
        "ecs_serving": "requests come in bursts or seldom, nobody wants a VPC, a load balancer "
        "and a certificate, and callers sign their requests with IAM",
        "eks_serving": "requests come in bursts or seldom, and nobody wants to pay for a cluster "
        "and its nodes while nobody asks",
        "edge_deployment": "callers reach AWS, and there are no devices to look after",
    },
    comparison={
        "Compute": of_model("MemorySize", unit="MB of memory; 1,769 come with one vCPU"),
        "Processor": of_model("Architectures[0]"),
        "GPU": Sourced(
            "no; on Lambda Managed Instances, which are instances of your own, yes",
            docs(
                "serverless-application-model/latest/developerguide/"
                "sam-property-function-acceleratorconfig.html",
                READ,
            ),
        ),
        "Invocation": Sourced("Invoke on the alias; headers and body in the event", ENDPOINTS),
        "Entry": InTemplate(
            ALIAS, "Name", unit="(an alias); no function URL, which only the internet reaches"
        ),
        "Authentication": Sourced(
            "IAM: a signed request, allowed lambda:InvokeFunction on the alias", ENDPOINTS
        ),
        "TLS": Sourced(
            "AWS's: the endpoints of the Lambda API speak HTTPS only",
            docs("general/latest/gr/lambda-service.html", READ),
        ),
        "Payload": Sourced(
            "6 MB for the request, 6 MB for the answer; 200 MB for an answer that is streamed",
            QUOTAS,
        ),
        "Processing time": of_model("Timeout", unit="s here, of 900 s at most"),
        "Concurrency": Sourced("one request at a time in an environment", MANAGED),
        "Scaling metric": InTemplate(
            POLICY, f"{TRACKING}.PredefinedMetricSpecification.PredefinedMetricType"
        ),
        "Scaling target": InTemplate(
            POLICY, f"{TRACKING}.TargetValue", unit="of the warm environments in use"
        ),
        "Minimum capacity": InTemplate(
            TARGET, "MinCapacity", unit="warm environments; 0 without provisioned concurrency"
        ),
        "Maximum capacity": InTemplate(
            TARGET, "MaxCapacity", unit="warm environments; more on demand, up to the account's"
        ),
        "Cold start": Sourced(
            "none in a warm environment; beyond them each new environment starts in the request",
            LIFECYCLE,
        ),
        "When idle": Sourced(
            "warm environments are billed around the clock; on demand nothing runs", PROVISIONED
        ),
        "Health check": Sourced(
            "none: an environment that crashes or times out is started anew", LIFECYCLE
        ),
        "Roll-out": InTemplate(
            GROUP, "DeploymentConfigName", unit="on the alias's weights: canary"
        ),
        "Rollback": InTemplate(
            GROUP,
            "AutoRollbackConfiguration.Events[1]",
            unit="moves the alias back; the update of the stack fails",
        ),
        "Network": Sourced(
            "Lambda's own, with a way to the internet; in a VPC, what that allows",
            lambda_guide("configuration-vpc-internet.html"),
        ),
        "Role of the model": Sourced(
            "execution role, which may write its log and its traces",
            lambda_guide("lambda-intro-execution-role.html"),
        ),
        "Patching": Sourced(
            "AWS patches the host; language runtime and libraries in the image are yours",
            lambda_guide("runtimes-update.html"),
        ),
        "Billing unit": Sourced(
            "milliseconds of a request by memory; warm environments by time", METRICS
        ),
    },
    limits=(
        Limit(
            name="memory",
            value="128 to 10,240 MB in steps of 1 MB; new accounts have less",
            source=QUOTAS,
            setting=of_model("MemorySize"),
            minimum=128,
            maximum=10240,
        ),
        Limit(
            name="time-out",
            value="900 s",
            source=QUOTAS,
            setting=of_model("Timeout"),
            minimum=1,
            maximum=900,
        ),
        Limit(
            name="provisioned concurrency",
            value="the account's unreserved concurrency less 100. A new account's quota is lower "
            "and may leave none: deploy with -c concurrency=on_demand until AWS has raised it",
            source=PROVISIONED,
            setting=InTemplate(ALIAS, WARM),
            minimum=1,
            maximum=900,
        ),
        Limit(
            name="target of the utilization",
            value="0.1 to 0.9",
            source=PROVISIONED,
            setting=InTemplate(POLICY, f"{TRACKING}.TargetValue"),
            minimum=0.1,
            maximum=0.9,
        ),
        Limit(
            name="requests per second of an alias with provisioned concurrency",
            value="10 for each warm environment",
            source=QUOTAS,
        ),
        Limit(
            name="scaling in without requests",
            value="none: the metric is published only while there are requests, so that what a "
            "burst has added stays, and is billed",
            source=PROVISIONED,
        ),
        Limit(
            name="bursts shorter than 3 minutes",
            value="do not scale: the alarms want three minutes of a high average",
            source=PROVISIONED,
        ),
        Limit(
            name="cooldown of provisioned concurrency",
            value="0 s unless set, unlike the 300 s of endpoints and services",
            source=TRACKING_GUIDE,
        ),
        Limit(
            name="reserved concurrency",
            value="guarantees and caps at once, at no charge; not set here",
            source=RESERVED,
        ),
        Limit(
            name="initialization",
            value="10 s, then once more within the time-out of the first request; with provisioned "
            "concurrency or SnapStart 130 s, or the time-out if that is longer",
            source=LIFECYCLE,
        ),
        Limit(
            name="SnapStart",
            value="for images too, with Python from 3.12 on; not with provisioned concurrency",
            source=lambda_guide("snapstart.html"),
        ),
        Limit(name="image", value="10 GB uncompressed, of one architecture", source=IMAGES),
        Limit(
            name="function URL",
            value="through the public internet only, no PrivateLink, and not in every Region",
            source=URLS,
        ),
        Limit(
            name="versions of a weighted alias",
            value="two, with the same role and the same dead-letter queue",
            source=lambda_guide("configuring-alias-routing.html"),
        ),
        Limit(
            name="answers with status 500",
            value="are no errors to Lambda: Errors counts exceptions and time-outs, so that the "
            "log's status is counted as well",
            source=METRICS,
        ),
    ),
    billing=(
        Sourced("every request, and its duration, rounded up to a millisecond", METRICS),
        Sourced("the initialization of each environment, cold start or warm", LIFECYCLE),
        Sourced(
            "provisioned concurrency for as long as it is configured, beside duration and requests",
            PROVISIONED,
        ),
        Sourced(
            "duration on arm64, provisioned concurrency's too: a fifth less than on x86_64",
            GRAVITON,
        ),
    ),
    availability=Availability(source=IMAGES),
    related=("ecs_serving", "serverless_endpoint"),
    options=(
        Option(
            name="concurrency",
            values=("provisioned", "on_demand"),
            meaning="Whether environments are kept warm, or start with the requests.",
        ),
    ),
)
