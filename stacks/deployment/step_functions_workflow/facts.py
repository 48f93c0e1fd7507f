"""What to know of Step Functions as an orchestrator of machine learning."""

from catalogue.model import Availability, Facts, InTemplate, Limit, Sourced
from catalogue.sources import docs
from stacks.deployment.orchestration_sources import JOB_QUOTA, PIPELINES, QUOTAS, READ

SERVICE_QUOTAS = docs("step-functions/latest/dg/service-quotas.html", READ)
TYPES = docs("step-functions/latest/dg/choosing-workflow-type.html", READ)
PATTERNS = docs("step-functions/latest/dg/connect-to-resource.html", READ)
SAGEMAKER = docs("step-functions/latest/dg/connect-sagemaker.html", READ)
REDRIVE = docs("step-functions/latest/dg/redrive-executions.html", READ)
STUDIO = docs("step-functions/latest/dg/workflow-studio.html", READ)
VARIABLES = docs("step-functions/latest/dg/workflow-variables.html", READ)
TESTING = docs("step-functions/latest/dg/test-state-isolation.html", READ)

MACHINE = "AWS::StepFunctions::StateMachine"
STATES = "DefinitionString.States"
TRAIN = f"{STATES}.Train.Arguments"

FACTS = Facts(
    title="Step Functions workflow",
    tasks=("3.1", "3.3"),
    c02=False,
    question="orchestrator",
    summary="A state machine parts raw data, trains a model, evaluates it against the approved one "
    "and, if it is good enough, registers a version that waits for a person's approval.",
    choose_when=(
        Sourced("steps call services besides SageMaker, any of over two hundred", PATTERNS),
        Sourced("a run waits for a person or a system in its middle, up to a year", PATTERNS),
        Sourced("each step must run exactly once unless it is told to be retried", TYPES),
    ),
    rather_than={
        "sagemaker_pipeline": "the workflow reaches beyond SageMaker, waits for people, or needs "
        "branches, loops and error handling for each step",
        "airflow_workflow": "nobody has DAGs to bring along, and waiting for jobs or people should "
        "cost nothing",
    },
    comparison={
        "Workflow defined in": Sourced(
            "Amazon States Language, a JSON document, also drawn in Workflow Studio", STUDIO
        ),
        "Step started by": InTemplate(
            MACHINE, f"{STATES}.Train.Resource", unit="waits for the job's end"
        ),
        "Data between steps": Sourced(
            "JSONata variables and state outputs, 256 KiB each; larger data through S3",
            VARIABLES,
        ),
        "Condition": InTemplate(
            MACHINE,
            f"{STATES}.IsGoodEnough.Type",
            unit="state with a JSONata expression",
        ),
        "Retries": InTemplate(
            MACHINE,
            f"{STATES}.Train.Retry[0].MaxAttempts",
            unit="per state, by error name; each pause up to twice as long, at random",
        ),
        "Step caching": InTemplate(
            MACHINE, f"{STATES}.Train.CacheConfig", absent="none: every run runs every state"
        ),
        "Failed run": Sourced(
            "redriven from the state that failed, unless that was a fail state",
            REDRIVE,
        ),
        "Schedule and triggers": Sourced(
            "EventBridge: over 140 sources of events, and schedules", TYPES
        ),
        "Longest run": Sourced("1 year", SERVICE_QUOTAS),
        "Human approval": InTemplate(
            MACHINE,
            f"{STATES}.Register.Arguments.ModelApprovalStatus",
            unit="in the registry, after the run",
        ),
        "Lineage and view": Sourced(
            "history and graph of every run in the console for 90 days", TYPES
        ),
        "Steps outside SageMaker": Sourced("over two hundred services, without code", PATTERNS),
        "Permissions": Sourced(
            "the state machine's role creates the jobs, passes theirs, and makes the EventBridge "
            "rule that tells of their end",
            SAGEMAKER,
        ),
        "Job instance": InTemplate(MACHINE, f"{TRAIN}.ResourceConfig.InstanceType"),
        "Local testing": Sourced(
            "TestState runs one state, with mocked services, without a deployment",
            TESTING,
        ),
        "Runs between runs": Sourced("nothing", TYPES),
        "Billing unit": Sourced("state transitions, and the jobs", TYPES),
    },
    limits=(
        JOB_QUOTA,
        Limit(
            name="time of a state, and of a run",
            value="1 year",
            source=SERVICE_QUOTAS,
            setting=InTemplate(MACHINE, f"{STATES}.Train.TimeoutSeconds"),
            minimum=1,
            maximum=365 * 24 * 3600,
        ),
        Limit(
            name="time of a processing job in a new account",
            value="432,000 s (5 days), more on request",
            source=QUOTAS,
            setting=InTemplate(
                MACHINE, f"{STATES}.Preprocess.Arguments.StoppingCondition.MaxRuntimeInSeconds"
            ),
            minimum=1,
            maximum=432_000,
        ),
        Limit(
            name="instances of a new account, for training and for processing",
            value="4 each, over all jobs",
            source=QUOTAS,
            setting=InTemplate(MACHINE, f"{TRAIN}.ResourceConfig.InstanceCount"),
            minimum=1,
            maximum=4,
        ),
        Limit(
            name="input and output of a state",
            value="256 KiB: the evaluation is read, the data stays in S3",
            source=SERVICE_QUOTAS,
        ),
        Limit(
            name="all variables of a run",
            value="10 MiB",
            source=VARIABLES,
        ),
        Limit(
            name="history of a run",
            value="25,000 events; the run fails beyond",
            source=SERVICE_QUOTAS,
        ),
        Limit(name="definition", value="1 MB", source=SERVICE_QUOTAS),
        Limit(
            name="Express workflows",
            value="5 minutes, and no .sync: jobs need a Standard workflow",
            source=TYPES,
        ),
        Limit(
            name="stopping a run",
            value="stops its job at best effort: the role needs the Stop action",
            source=PATTERNS,
        ),
        Limit(
            name="redrive",
            value="within 14 days, with the definition that the run began with; a run that was "
            "caught and reported ended in a fail state, and has to be started anew",
            source=REDRIVE,
        ),
    ),
    billing=(
        Sourced("every state transition, redrives included", REDRIVE),
        Sourced("instance time of each job, by its own service", PIPELINES),
    ),
    availability=Availability(source=SAGEMAKER),
    related=("sagemaker_pipeline", "airflow_workflow", "batch_transform"),
)
