"""What to know of bringing one's own container."""

from datetime import date

from catalogue.model import Availability, Facts, InTemplate, Limit, Option, Sourced
from catalogue.sources import docs, sagemaker_api, sagemaker_guide
from stacks.deployment.inference_sources import TRAINING_QUOTA

READ = date(2026, 11, 22)

CONTAINERS = sagemaker_guide("docker-containers.html", READ)
SERVING = sagemaker_guide("your-algorithms-inference-code.html", READ)
TRAINING = sagemaker_guide("your-algorithms-training-algo-dockerfile.html", READ)
SCANNING = docs("AmazonECR/latest/userguide/image-scanning.html", READ)
BASIC = docs("AmazonECR/latest/userguide/image-scanning-basic.html", READ)
TAGS = docs("AmazonECR/latest/userguide/image-tag-mutability.html", READ)
SERVERLESS = sagemaker_guide("serverless-endpoints.html", READ)

REPOSITORY = "AWS::ECR::Repository"
PROJECT = "AWS::CodeBuild::Project"


FACTS = Facts(
    title="Bring your own container",
    tasks=("3.2", "3.3"),
    c02=False,  # by its comparison page it drops "Bring your own container"
    question="containers",
    summary="CodeBuild builds one image from a folder, ECR scans it, a gate releases it or stops "
    "the deployment; SageMaker trains with it every week and serves with it behind an endpoint.",
    choose_when=(
        Sourced("the framework or algorithm has no prebuilt image", CONTAINERS),
        Sourced(
            "a prebuilt image fits but for a package: look first whether it takes a "
            "requirements.txt, then extend it, and only then build one of your own",
            CONTAINERS,
        ),
        Sourced("what runs has to be pinned, scanned and released by yourself", SCANNING),
    ),
    rather_than={},
    comparison={
        "Built by": InTemplate(PROJECT, "Environment.Image"),
        "Docker daemon": InTemplate(PROJECT, "Environment.PrivilegedMode"),
        "Started for training as": Sourced("docker run image train", TRAINING),
        "Started for serving as": Sourced("docker run image serve", SERVING),
        "Entry point": Sourced(
            "exec form, so that SIGTERM reaches the program; tini does not work", SERVING
        ),
        "User": Sourced("the guide expects root; the serving stage here runs as another", SERVING),
        "Training reads": Sourced(
            "/opt/ml/input/data/<channel>, /opt/ml/input/config/hyperparameters.json",
            sagemaker_guide("your-algorithms-training-algo-running-container.html", READ),
        ),
        "Training writes": Sourced(
            "/opt/ml/model, which becomes one compressed tar in S3; the reason of a failure in "
            "/opt/ml/output/failure, whose first 1024 characters are told",
            sagemaker_guide("your-algorithms-training-algo-output.html", READ),
        ),
        "Serving answers": Sourced("GET /ping and POST /invocations on port 8080", SERVING),
        "Serving reads": Sourced("/opt/ml/model, read-only", SERVING),
        "Scan": InTemplate(REPOSITORY, "ImageScanningConfiguration.ScanOnPush"),
        "Scan covers": Sourced(
            "basic: the operating system's packages, on push; enhanced, by Amazon Inspector: those "
            "of programming languages too, and continuously",
            SCANNING,
        ),
        "Severity": Sourced("the distribution's own, if it gives one; else by CVSS", BASIC),
        "Tags": InTemplate(REPOSITORY, "ImageTagMutability"),
        "Encryption": InTemplate(REPOSITORY, "EncryptionConfiguration.EncryptionType"),
        "Named by": Sourced(
            "digest, which no push can move: registry/repository@digest",
            sagemaker_api("API_ContainerDefinition.html", READ),
        ),
    },
    limits=(
        TRAINING_QUOTA,
        Limit(
            name="time to accept a connection",
            value="250 ms",
            source=SERVING,
        ),
        Limit(name="time to answer /ping", value="2 s", source=SERVING),
        Limit(
            name="time from the start until /ping answers 200",
            value="8 minutes, or the instance is given up and CreateEndpoint fails",
            source=SERVING,
        ),
        Limit(name="time to answer /invocations", value="60 s", source=SERVING),
        Limit(name="from SIGTERM to SIGKILL, serving", value="30 s", source=SERVING),
        Limit(name="from SIGTERM to SIGKILL, training", value="120 s", source=TRAINING),
        Limit(
            name="size of an image for serverless inference",
            value="10 GB",
            source=SERVERLESS,
        ),
        Limit(
            name="scans of one image",
            value="1 in 24 hours with basic scanning, that on push included",
            source=BASIC,
        ),
        Limit(
            name="time-out of a build",
            value="5 min to 36 h; here less than the 15 min of the function that waits for it",
            source=docs("codebuild/latest/APIReference/API_CreateProject.html", READ),
            setting=InTemplate(PROJECT, "TimeoutInMinutes"),
            minimum=5,
            maximum=14,
        ),
        Limit(
            name="a tag that exists already",
            value="ImageTagAlreadyExistsException while tags are immutable",
            source=TAGS,
        ),
    ),
    billing=(
        Sourced(
            "what a build takes of CodeBuild, S3, KMS and CloudWatch Logs",
            docs("codebuild/latest/userguide/sample-docker.html", READ),
        ),
        Sourced(
            "data stored in repositories and transferred by pushes and pulls",
            docs("AmazonECR/latest/userguide/what-is-ecr.html", READ),
        ),
        Sourced(
            "BillableTimeInSeconds of a training job, times its instances",
            sagemaker_api("API_DescribeTrainingJob.html", READ),
        ),
    ),
    availability=Availability(source=sagemaker_guide("docker-containers-create.html", READ)),
    options=(
        Option(
            name="stop_at",
            values=("CRITICAL", "HIGH"),
            meaning="Severity from which a finding of the scan stops the image; HIGH stops more, "
            "base images with findings that nobody has fixed yet among them.",
        ),
    ),
    related=("serverless_endpoint", "realtime_endpoint"),
)
