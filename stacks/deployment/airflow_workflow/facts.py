"""What to know of a training workflow in Amazon MWAA Serverless."""

from catalogue.model import Availability, Confidence, Facts, InTemplate, Limit, Source, Sourced
from catalogue.sources import docs
from stacks.deployment.orchestration_sources import JOB_QUOTA, READ
from stacks.deployment.orchestration_sources import QUOTAS as ACCOUNT_QUOTAS


def serverless_guide(page: str, confidence: Confidence = Confidence.DOCUMENTED) -> Source:
    """A page of the MWAA Serverless user guide, such as "operators.html"."""
    return docs(f"mwaa/latest/mwaa-serverless-userguide/{page}", READ, confidence)


WHAT = serverless_guide("what-is-mwaa-serverless.html")
CONCEPTS = serverless_guide("mwaas-concepts.html")
OPERATORS = serverless_guide("operators.html")
PYTHON = serverless_guide("operators-python-bash-detail.html")
PARAMETERS = serverless_guide("supported-airflow-parameters.html")
QUOTAS = serverless_guide("mwaa-serverless-quotas.html")
RUNS = serverless_guide("workflows.html")
LOGS = serverless_guide("observe-with-cloudwatch.html")
ROLE = serverless_guide("get-started-execution-role.html")
BUCKET = serverless_guide("mwaas-s3-bucket.html")
PRICES = Source(
    "https://dev.classmethod.jp/articles/amazon-mwaa-serverless-cost-comparison",
    READ,
    Confidence.SECOND_HAND,
)

DEFINITION = "Custom::WrittenObject"
DAG = "Document.training_workflow"
TASKS = f"{DAG}.tasks"

FACTS = Facts(
    title="Airflow workflow (MWAA Serverless)",
    tasks=("3.1", "3.3"),
    c02=True,
    question="orchestrator",
    summary="A run of the workflow goes through tasks that process the data, train, evaluate, fail "
    "if the model is not good enough, and register it; each runs on an Airflow worker of its own.",
    choose_when=(
        Sourced("workflows are Airflow DAGs already: a converter writes their YAML", CONCEPTS),
        Sourced("steps lie in many AWS services and few are SageMaker's", OPERATORS),
        Sourced("runs are rare or uneven, and idle infrastructure shall cost nothing", WHAT),
        Sourced("every workflow shall have a role of its own", WHAT),
    ),
    rather_than={
        "sagemaker_pipeline": "steps outside SageMaker are many, or the team writes Airflow",
        "step_functions_workflow": "the team writes Airflow and its operators spare API calls",
    },
    comparison={
        "Workflow defined in": Sourced(
            "one DAG as YAML in S3, in DAG Factory's format; the service keeps a snapshot, each "
            "update is a new version",
            PYTHON,
        ),
        "Step started by": Sourced(
            "an operator of the supported ones, on compute provisioned for the task", WHAT
        ),
        "Data between steps": Sourced("XCom, read by Jinja templates, 100 KB", QUOTAS),
        "Condition": Sourced(
            "a Python task that fails: no operator that branches is supported",
            OPERATORS,
        ),
        "Retries": InTemplate(
            DEFINITION, f"{DAG}.default_args.retries", unit="per task, always after the same pause"
        ),
        "Step caching": Sourced("none: every task of a run gets compute and runs", WHAT),
        "Failed run": Sourced(
            "stays FAILED; the API starts and stops runs, it takes none up again", RUNS
        ),
        "Schedule and triggers": Sourced(
            "cron in the definition, carried out by EventBridge Scheduler, or on demand",
            CONCEPTS,
        ),
        "Longest run": Sourced("60 min for a task; none is documented for a run", QUOTAS),
        "Human approval": InTemplate(
            DEFINITION,
            f"{TASKS}.register.op_kwargs.request.ModelApprovalStatus",
            unit="in the registry, after the run",
        ),
        "Lineage and view": Sourced(
            "state of each task by API and console, one log stream for each attempt; no lineage",
            LOGS,
        ),
        "Steps outside SageMaker": Sourced(
            "operators of more than 30 AWS services, and Python and Bash of one's own", OPERATORS
        ),
        "Permissions": Sourced(
            "one execution role for all tasks of a workflow, which passes the jobs' role", ROLE
        ),
        "Job instance": InTemplate(DEFINITION, f"{TASKS}.train.config.ResourceConfig.InstanceType"),
        "Local testing": Sourced(
            "the versions of Airflow, provider and DAG Factory on the workers are named: the same "
            "DAG runs on any computer",
            PYTHON,
        ),
        "Runs between runs": Sourced("nothing, and nothing is billed", WHAT),
        "Billing unit": Sourced("compute time of each task, waiting for its job included", WHAT),
    },
    limits=(
        JOB_QUOTA,
        Limit(
            name="retries of a task",
            value="0 to 3, 1 unless the definition says otherwise",
            source=PARAMETERS,
            setting=InTemplate(DEFINITION, f"{DAG}.default_args.retries"),
            minimum=0,
            maximum=3,
        ),
        Limit(
            name="delay of a retry",
            value="0 to 300 s",
            source=PARAMETERS,
            setting=InTemplate(DEFINITION, f"{DAG}.default_args.retry_delay.seconds"),
            minimum=0,
            maximum=300,
        ),
        Limit(
            name="time of a task",
            value="3600 s: a longer job is started by one task and awaited by sensors behind it",
            source=PARAMETERS,
            setting=InTemplate(DEFINITION, f"{DAG}.default_args.execution_timeout.seconds"),
            minimum=0,
            maximum=3600,
        ),
        Limit(
            name="concurrent runs of a workflow",
            value="20, 100 in an account; 16 unless the definition says otherwise",
            source=QUOTAS,
            setting=InTemplate(DEFINITION, f"{DAG}.max_active_runs"),
            minimum=1,
            maximum=20,
        ),
        Limit(
            name="time of a processing job in a new account",
            value="432,000 s (5 days), more on request",
            source=ACCOUNT_QUOTAS,
            setting=InTemplate(
                DEFINITION, f"{TASKS}.process.config.StoppingCondition.MaxRuntimeInSeconds"
            ),
            minimum=1,
            maximum=432_000,
        ),
        Limit(
            name="instances of a new account, for training and for processing",
            value="4 each, over all jobs",
            source=ACCOUNT_QUOTAS,
            setting=InTemplate(DEFINITION, f"{TASKS}.train.config.ResourceConfig.InstanceCount"),
            minimum=1,
            maximum=4,
        ),
        Limit(
            name="operators",
            value="those of a list; SageMakerConditionOperator, for one, is not on it",
            source=OPERATORS,
        ),
        Limit(
            name="arguments of Airflow",
            value="many are ignored in silence: trigger rules, growing pauses, callbacks, e-mail, "
            "pools, deferrable",
            source=PARAMETERS,
        ),
        Limit(name="definition", value="50 KB", source=QUOTAS),
        Limit(name="workflows of an account", value="100, of 50 versions each", source=QUOTAS),
        Limit(
            name="code of one's own",
            value="250 MB unzipped; Python 3.12 on Linux x86_64 with 1 vCPU and 3 GiB",
            source=PYTHON,
        ),
        Limit(
            name="network of the workers",
            value="without internet, unless the workflow names a VPC whose private subnets, in two "
            "Availability Zones at least, have a NAT device",
            source=serverless_guide("networking.html"),
        ),
        Limit(
            name="start date",
            value="one page asks for a date in the future, the examples have past ones",
            source=serverless_guide("supported-airflow-parameters.html", Confidence.CONFLICTING),
        ),
        Limit(
            name="Airflow UI",
            value="the guide says none; the API of October 2026 has CreateAirflowUiUrl",
            source=serverless_guide("what-is-mwaa-serverless.html", Confidence.CONFLICTING),
        ),
        Limit(
            name="metrics",
            value="none is documented: the alarm counts what Airflow logs of failed attempts",
            source=serverless_guide("monitoring.html"),
        ),
        Limit(
            name="key",
            value="neither alias nor multi-Region key; a bucket's customer managed key has to be "
            "the workflow's too",
            source=BUCKET,
        ),
        Limit(
            name="encryption",
            value="chosen when the workflow is created, fixed from then on",
            source=ROLE,
        ),
        Limit(
            name="an environment instead: creation",
            value="20 to 30 min; its network cannot be changed afterwards",
            source=docs("mwaa/latest/userguide/create-environment.html", READ),
        ),
        Limit(
            name="an environment instead: network",
            value="private subnets in two Availability Zones, with NAT or interface endpoints",
            source=docs("mwaa/latest/userguide/networking-about.html", READ),
        ),
        Limit(
            name="an environment instead: size",
            value="mw1.micro (25 DAGs, by default 3 tasks at once, no auto-scaling) to mw1.2xlarge "
            "(4000, 80)",
            source=docs("mwaa/latest/userguide/environment-class.html", READ),
        ),
        Limit(
            name="an environment instead: what it adds",
            value="Python DAGs with any operator and plugin, branches, sensors that defer, "
            "the Airflow UI; workers that are there when a task starts",
            source=WHAT,
        ),
    ),
    billing=(
        Sourced("the compute time of tasks, nothing between runs", WHAT),
        Sourced("by the second, at least a minute for a task; 0.104 USD per h in Tokyo", PRICES),
        Sourced("the instances of the jobs, which SageMaker bills", OPERATORS),
        Sourced(
            "an environment instead: by the hour while it is there; mw1.small 0.49 USD in Tokyo",
            PRICES,
        ),
    ),
    availability=Availability(source=WHAT),
    related=("sagemaker_pipeline", "step_functions_workflow", "batch_transform"),
)
