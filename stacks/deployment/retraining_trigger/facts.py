"""What to know of retraining that starts by itself."""

from catalogue.model import Availability, Facts, InTemplate, Limit, Sourced
from catalogue.sources import codepipeline_guide, docs, sagemaker_guide
from stacks.deployment.delivery_sources import (
    AUTO_ROLLBACK,
    DEAD_LETTERS,
    DEPLOY,
    EXECUTIONS,
    GUARDRAILS,
    MACHINE,
    METRICS,
    PIPELINE,
    PIPELINE_TARGET,
    ROLLBACK,
    RUNNING,
    SAGEMAKER_EVENTS,
    SERVICE_ROLE,
    STARTS,
    TYPES,
)
from stacks.deployment.inference_sources import QUOTAS, READ
from stacks.deployment.orchestration_sources import CACHED_ADDRESSES

APPROVE = sagemaker_guide("model-registry-approve.html", READ)
NEW_DATA = docs("AmazonS3/latest/userguide/EventBridge.html", READ)
CLAIMS = docs("amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html", READ)
TIME_TO_LIVE = docs("amazondynamodb/latest/developerguide/TTL.html", READ)
ALARMS = docs("AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html", READ)
WAIT = docs("step-functions/latest/dg/state-wait.html", READ)

FACTS = Facts(
    title="Retraining trigger",
    tasks=("3.3", "4.1"),
    c02=True,
    question="delivery",
    summary="A schedule, new data or a drift alarm claims a gate, gathers what else happens in a "
    "quarter of an hour, and starts one training run; a version that somebody approves in the "
    "registry is rolled out to production as a canary that alarms take back.",
    choose_when=(
        Sourced("the model grows old while no line of code changes", PIPELINE_TARGET),
        Sourced("an event is the reason: a schedule, an object in S3, an alarm", SAGEMAKER_EVENTS),
        Sourced("approval is given to a version of the model, not to a commit", APPROVE),
    ),
    rather_than={
        "cicd_pipeline": "data and drift change the model without a commit; code that changes "
        "still goes through tests and staging first",
    },
    comparison={
        "Starts on": Sourced(
            "Sunday, an object below raw/, an alarm that fires; an approval in the registry",
            PIPELINE_TARGET,
        ),
        "Source of the change": Sourced("data: the code of the steps stays as it is", NEW_DATA),
        "What is delivered": Sourced("a version of the model registry, by its ARN", APPROVE),
        "Stages": InTemplate(
            PIPELINE, "(Stages[?Name == 'Production'] && join(', ', Stages[].Name)) || null"
        ),
        "Gates": Sourced(
            "the evaluation step: ROC AUC, and the lead over the model in use",
            sagemaker_guide("build-and-manage-steps-types.html", READ),
        ),
        "Approval": Sourced("ModelApprovalStatus of the version, set by a person", APPROVE),
        "Environments": Sourced(
            "production: one stack, under a deployment role of its own", SERVICE_ROLE
        ),
        "Branches": Sourced("none: a version has no branch", APPROVE),
        "Starts that meet": Sourced(
            "one claim by a conditional write: ten events start one run, and none beside another",
            CLAIMS,
        ),
        "Same change twice": Sourced(
            "gathers in the same claim; SageMaker may send several events for one change",
            SAGEMAKER_EVENTS,
        ),
        "Roll-out": Sourced("canary: half of the instances first, then all", GUARDRAILS),
        "Rollback": Sourced(
            "alarms during the update take the traffic back; a failed stage runs again with the "
            "last version that succeeded in it",
            AUTO_ROLLBACK,
        ),
        "Pipeline type": InTemplate(PIPELINE, "PipelineType"),
        "Permissions": Sourced(
            "a role per rule, each for one start; CloudFormation acts under one that can touch "
            "this endpoint's resources and create no role",
            SERVICE_ROLE,
        ),
        "Failure is told by": Sourced(
            "metrics of state machine and pipelines, and a dead-letter queue per event",
            DEAD_LETTERS,
        ),
        "When nothing changes": Sourced(
            "trains on Sundays; production's instances run once a version was approved", RUNNING
        ),
        "Billing unit": Sourced(
            "instance time of the jobs, minutes of actions, transitions, instance time", TYPES
        ),
    },
    limits=(
        Limit(
            name="time to gather events, a wait state",
            value="1 year in a Standard workflow, 5 min in an Express one; choose longer than an "
            "upload, shorter than patience",
            source=WAIT,
            setting=InTemplate(MACHINE, "DefinitionString.States.Gather.Seconds"),
            minimum=0,
            maximum=365 * 24 * 3600,
        ),
        Limit(
            name="instances of a new account over all endpoints",
            value="4: two of production, and two more while its canary is out",
            source=QUOTAS,
        ),
        Limit(
            name="delivery of events",
            value="SageMaker may send several for one change of state",
            source=SAGEMAKER_EVENTS,
        ),
        Limit(
            name="undelivered events",
            value="missing permissions and targets are not retried: only a dead-letter queue "
            "keeps the event",
            source=DEAD_LETTERS,
        ),
        Limit(
            name="events of a bucket",
            value="all or none go to EventBridge: the rule chooses",
            source=NEW_DATA,
        ),
        Limit(
            name="events of an alarm",
            value="one per change of state: an alarm that stays in ALARM sends no second one",
            source=ALARMS,
        ),
        Limit(
            name="expired items",
            value="DynamoDB deletes them within a few days: the condition compares the time itself",
            source=TIME_TO_LIVE,
        ),
        Limit(
            name="step caching",
            value="compares addresses, not contents: new data at an old address is a hit until "
            "the cache expires",
            source=CACHED_ADDRESSES,
        ),
        Limit(
            name="approval withdrawn",
            value="starts nothing here; SageMaker's project templates deploy the latest version "
            "that is still approved",
            source=APPROVE,
        ),
        Limit(
            name="stage rollback",
            value="with the variables of the execution it goes back to: the old version's ARN",
            source=ROLLBACK,
        ),
        Limit(
            name="first execution",
            value="starts with the pipeline itself: a condition skips what it cannot deliver",
            source=STARTS,
        ),
        Limit(
            name="executions of the delivery",
            value="one in a stage, the others wait in their order",
            source=EXECUTIONS,
        ),
        Limit(
            name="a failed first deployment",
            value="CREATE_UPDATE replaces no failed stack: delete it first",
            source=DEPLOY,
        ),
        Limit(
            name="failed delivery",
            value="a retry that fails is counted as another failed execution",
            source=METRICS,
        ),
    ),
    billing=(
        Sourced("instances for the duration of each job", PIPELINE_TARGET),
        Sourced("each started minute of an action", TYPES),
    ),
    availability=Availability(source=codepipeline_guide("welcome.html", READ)),
    related=("sagemaker_pipeline", "cicd_pipeline"),
)
