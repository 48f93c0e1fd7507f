"""What to know of CI/CD for a model."""

from catalogue.model import Availability, Confidence, Facts, InTemplate, Limit, Option, Sourced
from catalogue.sources import codepipeline_guide, docs
from stacks.deployment.delivery_sources import (
    AUTO_ROLLBACK,
    CONDITIONS,
    DEPLOY,
    EXECUTIONS,
    GUARDRAILS,
    LIMITS,
    METRICS,
    MODES,
    OVERRIDES,
    PIPELINE,
    ROLLBACK,
    RUNNING,
    SERVICE_ROLE,
    TYPES,
)
from stacks.deployment.inference_sources import QUOTAS, READ

TRIGGERS = codepipeline_guide("pipelines-triggers.html", READ)
FILTERS = codepipeline_guide("pipelines-filter.html", READ)
COMMITS = codepipeline_guide("pipelines-trigger-source-repo-changes-cfn.html", READ)
APPROVALS = codepipeline_guide("approvals.html", READ)
BUILDS = codepipeline_guide("action-reference-CodeBuild.html", READ)
CONNECTIONS = codepipeline_guide("action-reference-CodestarConnectionSource.html", READ)
CODEBUILD = docs("codebuild/latest/userguide/welcome.html", READ)
UPDATES = docs(
    "AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html", READ
)
ACTION_MODES = docs(
    "AWSCloudFormation/latest/UserGuide/continuous-delivery-codepipeline-action-reference.html",
    READ,
    Confidence.CONFLICTING,
)

APPROVAL = "Stages[].Actions[] | [?ActionTypeId.Category == 'Approval'] | [0].TimeoutInMinutes"

FACTS = Facts(
    title="CI/CD pipeline",
    tasks=("3.3",),
    c02=True,
    question="delivery",
    summary="A push runs lint, unit tests, synth and checks; what passes is deployed to staging, "
    "asked for the sample answers and taken down again, and on main, once approved, rolled out "
    "to production as a canary that alarms take back.",
    choose_when=(
        Sourced("a change of code, template or model file has to pass tests and people", BUILDS),
        Sourced("each branch of GitFlow has to go as far as it may and no further", FILTERS),
        Sourced("a failed release has to go back by itself to the last good one", ROLLBACK),
    ),
    rather_than={
        "retraining_trigger": "somebody changes code or serving; data and drift change the model "
        "without a commit",
    },
    comparison={
        "Starts on": Sourced("a push; a pull request where the repository is connected", TRIGGERS),
        "Source of the change": Sourced("a commit of the repository", EXECUTIONS),
        "What is delivered": Sourced(
            "a template per environment, and the model under its content hash: built once, "
            "deployed twice",
            BUILDS,
        ),
        "Stages": InTemplate(
            PIPELINE, "(Stages[?Name == 'Production'] && join(', ', Stages[].Name)) || null"
        ),
        "Gates": Sourced(
            "lint, unit tests, synth, cfn-lint; then the sample answers of the staging endpoint",
            BUILDS,
        ),
        "Approval": Sourced("a manual action before production, asked for over SNS", APPROVALS),
        "Environments": Sourced(
            "staging, for the time of its test, and production: one stack each, under a "
            "deployment role of its own",
            SERVICE_ROLE,
        ),
        "Branches": Sourced(
            "feature/*: verified; develop, release/*, hotfix/*: also staging; main: also approval "
            "and production",
            CONDITIONS,
        ),
        "Starts that meet": Sourced(
            "QUEUED: one execution in a stage, the others wait in their order; SUPERSEDED would "
            "drop a release for a newer commit",
            EXECUTIONS,
        ),
        "Same change twice": Sourced(
            "runs again; CloudFormation updates only what differs, so that no traffic moves",
            UPDATES,
        ),
        "Roll-out": Sourced("canary: half of the instances first, then all", GUARDRAILS),
        "Rollback": Sourced(
            "alarms during the update take the traffic back; a failed test afterwards runs the "
            "stage again with the last execution that succeeded in it",
            AUTO_ROLLBACK,
        ),
        "Pipeline type": InTemplate(PIPELINE, "PipelineType"),
        "Permissions": Sourced(
            "a role per stage; CloudFormation acts under one that can touch this endpoint's "
            "resources and create no role",
            SERVICE_ROLE,
        ),
        "Failure is told by": Sourced(
            "FailedPipelineExecutions, a metric of the pipeline", METRICS
        ),
        "When nothing changes": Sourced("production's instances run; nothing else does", RUNNING),
        "Billing unit": Sourced(
            "minutes of actions but approvals, minutes of builds, instance time", TYPES
        ),
    },
    limits=(
        Limit(
            name="time to approve",
            value="5 min to 60 days, 7 days unless the action says otherwise",
            source=LIMITS,
            setting=InTemplate(PIPELINE, APPROVAL),
            minimum=5,
            maximum=86_400,
        ),
        Limit(
            name="canary",
            value="at most 50 % of the new fleet: one instance has no half",
            source=GUARDRAILS,
        ),
        Limit(
            name="alarms of a roll-out",
            value="without any there is no rollback; the execution role has to see them "
            "(cloudwatch:DescribeAlarms)",
            source=AUTO_ROLLBACK,
        ),
        Limit(
            name="instances of a new account over all endpoints",
            value="4: two of production, and two more while its canary is out; staging is gone "
            "by then",
            source=QUOTAS,
        ),
        Limit(
            name="stage rollback",
            value="only to an execution of the pipeline's current structure that succeeded in the "
            "stage; not in PARALLEL mode; not for the source",
            source=ROLLBACK,
        ),
        Limit(
            name="skipped stages",
            value="only VariableCheck and LambdaInvoke can skip one; it can be neither retried, "
            "rolled back nor overridden",
            source=CONDITIONS,
        ),
        Limit(
            name="CodeCommit in PARALLEL mode",
            value="takes the head of the branch, whatever commit started the execution",
            source=EXECUTIONS,
        ),
        Limit(
            name="branches of a CodeCommit source",
            value="one per action; an event with the commit's ID runs a commit of any other",
            source=OVERRIDES,
        ),
        Limit(
            name="polling of a CodeCommit source",
            value="goes on unless PollForSourceChanges is false: each push would start it twice",
            source=COMMITS,
        ),
        Limit(
            name="triggers",
            value="of connections only, one per source action; push by branch, path or tag, pull "
            "request by branch or path",
            source=TRIGGERS,
        ),
        Limit(
            name="connection",
            value="pending until somebody completes the handshake with the provider",
            source=CONNECTIONS,
        ),
        Limit(
            name="change of the pipeline itself",
            value="cancels executions that wait, and those that run after their action; in "
            "PARALLEL mode they go on",
            source=MODES,
        ),
        Limit(
            name="a failed first deployment",
            value="CREATE_UPDATE replaces no failed stack: delete production's; REPLACE_ON_FAILURE "
            "replaces staging's in ROLLBACK_COMPLETE: CloudFormation's page counts that state as "
            "failed, CodePipeline's does not list it",
            source=ACTION_MODES,
        ),
        Limit(
            name="template of a CloudFormation action",
            value="1 MB, in an artifact of at most 256 MB",
            source=DEPLOY,
        ),
    ),
    billing=(
        Sourced("each started minute of an action, approvals and custom actions not", TYPES),
        Sourced("each minute of a build", CODEBUILD),
    ),
    availability=Availability(source=codepipeline_guide("welcome.html", READ)),
    options=(
        Option(
            name="repository",
            values=(),
            meaning="owner/name of a repository at GitHub, in place of one in CodeCommit",
        ),
        Option(
            name="connection_arn",
            values=(),
            meaning="an available connection to that repository's provider, in place of a new one",
        ),
    ),
    related=("retraining_trigger", "realtime_endpoint"),
)
