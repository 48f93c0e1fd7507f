"""What to know of batch transform."""

from catalogue.model import Availability, Confidence, Facts, InTemplate, Limit, Sourced
from catalogue.sources import sagemaker_api, sagemaker_guide
from stacks.deployment.inference_sources import (
    MATRIX,
    OPTIONS,
    POLICY,
    PRICING,
    QUOTAS,
    READ,
    TARGET,
    TRANSFORM_QUOTA,
)

GUIDE = sagemaker_guide("batch-transform.html", READ)
CREATE = sagemaker_api("API_CreateTransformJob.html", READ)
DATA_PROCESSING = sagemaker_guide("batch-transform-data-processing.html", READ)

MACHINE = "AWS::StepFunctions::StateMachine"
JOB = "DefinitionString.States.Transform.Arguments"

FACTS = Facts(
    title="Batch transform",
    tasks=("3.1", "3.3"),
    c02=True,
    question="inference option",
    summary="Every night a schedule starts a state machine that runs one transform job over the "
    "rows below a prefix and writes each row's identifier with its answer to S3.",
    choose_when=(
        Sourced("large amounts of data lie ready beforehand", OPTIONS),
        Sourced("nobody waits for a single answer, so that no endpoint has to persist", OPTIONS),
        Sourced("answers have to stand beside their input rows", DATA_PROCESSING),
    ),
    rather_than={
        "realtime_endpoint": "answers are needed by the next day and not at once",
        "serverless_endpoint": "all rows are there at the same time",
        "async_endpoint": "all rows are there at the same time and belong together in files",
    },
    comparison={
        "Invocation": Sourced("CreateTransformJob over a prefix in S3, answers in S3", CREATE),
        "Payload": Sourced("any number of files, in mini-batches of at most 100 MB", CREATE),
        "Processing time": Sourced("days for the job, 1 h for a mini-batch", CREATE),
        "Compute": InTemplate(MACHINE, f"{JOB}.TransformResources.InstanceType"),
        "Scaling dimension": InTemplate(
            TARGET, "ScalableDimension", absent="none: a job's instances are fixed"
        ),
        "Scaling metric": InTemplate(POLICY, "PolicyType", absent="none"),
        "Scaling target": InTemplate(POLICY, "PolicyType", absent="none"),
        "Minimum capacity": Sourced("0 instances between jobs", PRICING),
        "Maximum capacity": InTemplate(
            MACHINE, f"{JOB}.TransformResources.InstanceCount", unit="instance per job"
        ),
        "When idle": Sourced("no instance runs, none is billed", PRICING),
        "Cold start": Sourced("instances start with every job", GUIDE),
        "GPU": Sourced("yes", MATRIX),
        "VPC": Sourced("yes", MATRIX),
        "Network isolation": InTemplate("AWS::SageMaker::Model", "EnableNetworkIsolation"),
        "Data capture": Sourced("supported by the service; here output lies in S3 anyway", MATRIX),
        "Multi-model endpoint": Sourced("no", MATRIX),
        "Several variants": Sourced("no: a job has one model", CREATE),
        "Deployment guardrails": Sourced("not applicable: there is no endpoint", MATRIX),
        "Billing unit": Sourced("instance time of the job", PRICING),
    },
    limits=(
        TRANSFORM_QUOTA,
        Limit(
            name="mini-batch",
            value="0 to 100 MB, 6 MB unless the job says otherwise",
            source=CREATE,
            setting=InTemplate(MACHINE, f"{JOB}.MaxPayloadInMB"),
            minimum=0,
            maximum=100,
        ),
        Limit(
            name="time for a mini-batch",
            value="1 to 3600 s",
            source=CREATE,
            setting=InTemplate(MACHINE, f"{JOB}.ModelClientConfig.InvocationsTimeoutInSeconds"),
            minimum=1,
            maximum=3600,
        ),
        Limit(
            name="retries of a mini-batch",
            value="0 to 3",
            source=CREATE,
            setting=InTemplate(MACHINE, f"{JOB}.ModelClientConfig.InvocationsMaxRetries"),
            minimum=0,
            maximum=3,
        ),
        Limit(
            name="transform instances of a new account",
            value="4",
            source=QUOTAS,
            setting=InTemplate(MACHINE, f"{JOB}.TransformResources.InstanceCount"),
            minimum=1,
            maximum=4,
        ),
        Limit(
            name="requests in flight times mini-batch",
            value="100 MB",
            source=CREATE,
        ),
        Limit(
            name="parallelism",
            value="files are spread over instances; one file stays on one instance",
            source=GUIDE,
        ),
        Limit(
            name="join of input and output",
            value="content type and accept, and split and assembly, have to be the same; CSV "
            "columns are named by position",
            source=DATA_PROCESSING,
        ),
        Limit(
            name="a failing file",
            value="fails the job; its partial answers are not kept, those of finished files are",
            source=sagemaker_guide("batch-transform-errors.html", READ),
        ),
        Limit(
            name="network isolation",
            value="the feature matrix leaves it blank, the model's API reference covers jobs",
            source=sagemaker_guide(
                "model-deploy-feature-matrix.html", READ, Confidence.CONFLICTING
            ),
        ),
    ),
    billing=(Sourced("every instance for the duration of the job, nothing afterwards", PRICING),),
    availability=Availability(source=GUIDE),
    related=("realtime_endpoint", "serverless_endpoint", "async_endpoint"),
)
