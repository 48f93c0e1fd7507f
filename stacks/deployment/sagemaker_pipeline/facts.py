"""What to know of SageMaker Pipelines."""

from catalogue.model import Availability, Confidence, Facts, InTemplate, Limit, Source, Sourced
from catalogue.sources import sagemaker_api, sagemaker_guide
from stacks.deployment.orchestration_sources import (
    CACHED_ADDRESSES,
    JOB_QUOTA,
    PIPELINES,
    QUOTAS,
    READ,
)

STEPS = sagemaker_guide("build-and-manage-steps-types.html", READ)
DATA = sagemaker_guide("build-and-manage-propertyfile.html", READ)
RETRIES = sagemaker_guide("pipelines-retry-policy.html", READ)
CACHING = sagemaker_guide("pipelines-caching.html", READ)
RUN = sagemaker_guide("run-pipeline.html", READ)
ACCESS = sagemaker_guide("build-and-manage-access.html", READ)
SCHEDULES = sagemaker_guide("pipeline-eventbridge.html", READ)
# The guide of 2023; today's quotas do not name the longest run.
ARCHIVED_QUOTAS = Source(
    "https://github.com/awsdocs/amazon-sagemaker-developer-guide/blob/main/doc_source/"
    "pipelines-quotas.md",
    READ,
    Confidence.SECOND_HAND,
)

PIPELINE = "AWS::SageMaker::Pipeline"
DEFINITION = "PipelineDefinition.PipelineDefinitionBody"
TRAIN = f"{DEFINITION}.Steps[?Name=='Train'] | [0]"

FACTS = Facts(
    title="SageMaker Pipelines",
    tasks=("3.1", "3.3"),
    c02=True,
    question="orchestrator",
    summary="A pipeline parts raw data, trains a model, evaluates it against the approved one and, "
    "if it is good enough, registers a version that waits for a person's approval.",
    choose_when=(
        Sourced("the workflow is machine learning in SageMaker from end to end", PIPELINES),
        Sourced("runs repeat steps whose code and data have not changed", CACHING),
        Sourced("it has to be seen which data and which run a model came from", PIPELINES),
        Sourced("nothing of the orchestration is to be operated or paid for", PIPELINES),
    ),
    rather_than={
        "step_functions_workflow": "all steps are SageMaker jobs, unchanged ones should not run "
        "again, and lineage and versions should come without work",
        "airflow_workflow": "all steps are SageMaker jobs, and waiting for them should cost "
        "nothing",
    },
    comparison={
        "Workflow defined in": Sourced(
            "a JSON document, written by hand, by the SageMaker SDK or in Studio's visual editor",
            PIPELINES,
        ),
        "Step started by": Sourced("Pipelines itself: a step type for each kind of job", STEPS),
        "Data between steps": Sourced(
            "properties of earlier steps by reference; values in JSON files by property file and "
            "JsonGet",
            DATA,
        ),
        "Condition": Sourced(
            "condition step with a list of steps for either outcome; conditions cannot be nested",
            STEPS,
        ),
        "Retries": InTemplate(
            PIPELINE,
            f"{DEFINITION}.Steps[0].RetryPolicies[0].MaxAttempts",
            unit="per step and policy, by kind of fault; each pause twice as long",
        ),
        "Step caching": InTemplate(
            PIPELINE,
            f"{DEFINITION}.Steps[0].CacheConfig.ExpireAfter",
            unit="for every job step: same arguments, same result",
        ),
        "Failed run": Sourced("retried from the failed step, unless that was a fail step", RUN),
        "Schedule and triggers": Sourced(
            "EventBridge: rules and Scheduler have pipelines as a target", SCHEDULES
        ),
        "Longest run": Sourced("28 days", ARCHIVED_QUOTAS),
        "Human approval": InTemplate(
            PIPELINE,
            f"{DEFINITION}.Steps[?Type=='Condition'] | [0].Arguments.IfSteps[0].Arguments."
            "ModelApprovalStatus",
            unit="in the registry, after the run",
        ),
        "Lineage and view": Sourced(
            "graph, versions and lineage from raw data to model in Studio", PIPELINES
        ),
        "Steps outside SageMaker": Sourced(
            "Lambda, EMR, and callbacks through an SQS queue", STEPS
        ),
        "Permissions": Sourced(
            "the pipeline's role creates the jobs and passes theirs, unless it is the same", ACCESS
        ),
        "Job instance": InTemplate(PIPELINE, f"{TRAIN}.Arguments.ResourceConfig.InstanceType"),
        "Local testing": Sourced(
            "local mode of the SDK in Docker for six step types, not for built-in algorithms",
            sagemaker_guide("pipelines-local-mode.html", READ),
        ),
        "Runs between runs": Sourced("nothing", PIPELINES),
        "Billing unit": Sourced("the jobs; orchestration is free", PIPELINES),
    },
    limits=(
        JOB_QUOTA,
        Limit(
            name="steps of a pipeline",
            value="50, fixed",
            source=QUOTAS,
            setting=InTemplate(PIPELINE, f"length({DEFINITION}.Steps)"),
            minimum=1,
            maximum=50,
        ),
        Limit(
            name="concurrent executions of a new account",
            value="20, more on request",
            source=QUOTAS,
        ),
        Limit(
            name="retries of a step",
            value="0 to 20, 5 unless the policy says otherwise",
            source=RETRIES,
            setting=InTemplate(PIPELINE, f"{DEFINITION}.Steps[0].RetryPolicies[0].MaxAttempts"),
            minimum=0,
            maximum=20,
        ),
        Limit(
            name="pause before the first retry",
            value="at most 43,200 s (12 h)",
            source=RETRIES,
            setting=InTemplate(PIPELINE, f"{DEFINITION}.Steps[0].RetryPolicies[0].IntervalSeconds"),
            minimum=1,
            maximum=43_200,
        ),
        Limit(
            name="time of a processing job in a new account",
            value="432,000 s (5 days), more on request",
            source=QUOTAS,
            setting=InTemplate(
                PIPELINE, f"{DEFINITION}.Steps[0].Arguments.StoppingCondition.MaxRuntimeInSeconds"
            ),
            minimum=1,
            maximum=432_000,
        ),
        Limit(
            name="instances of a new account, for training and for processing",
            value="4 each, over all jobs",
            source=QUOTAS,
            setting=InTemplate(PIPELINE, f"{TRAIN}.Arguments.ResourceConfig.InstanceCount"),
            minimum=1,
            maximum=4,
        ),
        Limit(
            name="pipeline definition",
            value="1,048,576 characters in the request; it may lie in S3 instead",
            source=sagemaker_api("API_CreatePipeline.html", READ),
        ),
        Limit(
            name="what a cached step is known by",
            value="its container, environment, hyperparameters and the addresses of its inputs: "
            "content changed in place goes unseen; the SDK puts a file's hash into its address",
            source=CACHED_ADDRESSES,
        ),
        Limit(
            name="reach of the cache",
            value="successful runs of the same pipeline, no older than its ExpireAfter; off by "
            "default",
            source=CACHING,
        ),
        Limit(
            name="retry policy",
            value="for job and model steps, not for condition, fail, callback, Lambda and EMR "
            "steps; number of attempts or time, never both",
            source=RETRIES,
        ),
        Limit(
            name="fail step",
            value="always the last; other steps cannot depend on it, its run cannot be retried",
            source=STEPS,
        ),
        Limit(
            name="deleting a model package group",
            value="only once it is empty: this stack deletes its versions first",
            source=sagemaker_guide("model-registry-delete-model-group.html", READ),
        ),
    ),
    billing=(
        Sourced("instance time of each job, and storage; nothing for the pipeline", PIPELINES),
        Sourced("a step taken from the cache runs no job", CACHING),
    ),
    availability=Availability(source=PIPELINES),
    related=("step_functions_workflow", "airflow_workflow", "retraining_trigger"),
)
