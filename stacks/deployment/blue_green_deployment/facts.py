"""What to know of deployment guardrails."""

from catalogue.model import Availability, Facts, InTemplate, Limit, Option, Sourced
from catalogue.sources import github_issue, sagemaker_api, sagemaker_guide
from stacks.deployment.inference_sources import CONFIG, MATRIX, QUOTAS, READ, TYPE_QUOTA
from stacks.deployment.rollout_sources import (
    BLUE_GREEN,
    ENDPOINT,
    EXCLUSIONS,
    GUARDRAILS,
    POLICY,
    ROLLBACK,
    ROLLING,
)

CANARY = sagemaker_guide("deployment-guardrails-blue-green-canary.html", READ)
LINEAR = sagemaker_guide("deployment-guardrails-blue-green-linear.html", READ)
ROUTING = sagemaker_api("API_TrafficRoutingConfig.html", READ)
BATCHES = sagemaker_api("API_RollingUpdatePolicy.html", READ)
UPDATE = sagemaker_guide("endpoint-scaling-update.html", READ)

SHIFT = "DeploymentConfig.BlueGreenUpdatePolicy.TrafficRoutingConfiguration"
TIMEOUT = (
    "DeploymentConfig.[BlueGreenUpdatePolicy, RollingUpdatePolicy][]."
    "MaximumExecutionTimeoutInSeconds | [0]"
)
ALARMS = "length(DeploymentConfig.AutoRollbackConfiguration.Alarms)"

FACTS = Facts(
    title="Blue/green and rolling deployment",
    tasks=("3.1", "3.3"),
    c02=True,
    question="rollout",
    summary="An update starts the new model on a fleet of its own, gives it some of the traffic, "
    "watches it through alarms, and then gives it all of the traffic or takes everything back.",
    choose_when=(
        Sourced(
            "all at once: update time and cost count, a bad model may meet everyone", BLUE_GREEN
        ),
        Sourced(
            "canary: few may meet a bad model, and two fleets shall not run for long", BLUE_GREEN
        ),
        Sourced("linear: the least risk, paid with time and two fleets all the while", BLUE_GREEN),
        Sourced(
            "rolling: large models, many instances, or accelerators too rare for a second fleet",
            ROLLING,
        ),
    ),
    rather_than={
        "shadow_test": "the new model is believed to be good and shall go into production now, "
        "with a way back: errors and latency decide, and clients already get its answers",
    },
    comparison={
        "Traffic of the new model": InTemplate(
            ENDPOINT,
            f"{SHIFT}.CanarySize.Value",
            unit="% of the new fleet first, all of the traffic after the bake",
        ),
        "Who sees its answers": Sourced("the clients whose requests it gets", CANARY),
        "Who decides": Sourced("alarms, while the update runs", ROLLBACK),
        "What is judged": Sourced(
            "what is published as a metric: errors, latency, one's own; nobody reads the answers",
            ROLLBACK,
        ),
        "Rollback": Sourced(
            "by itself when an alarm goes off in a bake: all traffic to the old fleet, which still "
            "runs; rolling puts it back in batches or at once",
            ROLLING,
        ),
        "Without alarms": Sourced("no rollback", ROLLBACK),
        "Without traffic": Sourced(
            "alarms that take missing data as healthy let any model pass: send requests", ROLLBACK
        ),
        "Metrics of the new model": Sourced(
            "dimension EndpointConfigName beside EndpointName and VariantName", ROLLBACK
        ),
        "Instances": InTemplate(CONFIG, "ProductionVariants[0].InitialInstanceCount"),
        "Capacity meanwhile": Sourced(
            "twice the fleet; rolling: one batch more than the fleet", ROLLING
        ),
        "Billing meanwhile": Sourced(
            "both fleets, whatever their traffic; one if all at once without a bake", BLUE_GREEN
        ),
        "Bake": InTemplate(ENDPOINT, f"{SHIFT}.WaitIntervalInSeconds", unit="s after each step"),
        "Duration": Sourced("8 h at most; every step adds to it", POLICY),
        "Variants": Sourced("several; one if rolling; names as before the update", EXCLUSIONS),
        "Multi-model endpoint": Sourced("yes", MATRIX),
        "Asynchronous endpoint": Sourced("yes", GUARDRAILS),
        "Serverless endpoint": Sourced("no: real-time and asynchronous only", GUARDRAILS),
        "Inf1 and Marketplace": Sourced("no guardrails: all at once without a bake", EXCLUSIONS),
        "Permission beyond serving": Sourced(
            "cloudwatch:DescribeAlarms on these alarms, for the execution role", ROLLBACK
        ),
        "Ends": Sourced("when the old fleet is terminated", GUARDRAILS),
        "Next step": Sourced("none: the new model serves", GUARDRAILS),
    },
    limits=(
        Limit(
            name="canary",
            value="at most 50 % of the new fleet",
            source=CANARY,
            setting=InTemplate(ENDPOINT, f"{SHIFT}.CanarySize.Value"),
            minimum=1,
            maximum=50,
        ),
        Limit(name="linear step", value="10 to 50 % of the new fleet", source=LINEAR),
        Limit(name="rolling batch", value="5 to 50 % of the fleet", source=ROLLING),
        Limit(
            name="rollback batch of a rolling update",
            value="up to 100 %, the default: the whole old fleet at once",
            source=BATCHES,
        ),
        Limit(
            name="wait after a step",
            value="0 to 3600 s",
            source=ROUTING,
            setting=InTemplate(ENDPOINT, f"{SHIFT}.WaitIntervalInSeconds"),
            minimum=0,
            maximum=3600,
        ),
        Limit(
            name="wait before the old fleet goes",
            value="0 to 3600 s",
            source=POLICY,
            setting=InTemplate(
                ENDPOINT, "DeploymentConfig.BlueGreenUpdatePolicy.TerminationWaitInSeconds"
            ),
            minimum=0,
            maximum=3600,
        ),
        Limit(
            name="longest update",
            value="600 to 28,800 s, and more than all waits together",
            source=POLICY,
            setting=InTemplate(ENDPOINT, TIMEOUT),
            minimum=600,
            maximum=28_800,
        ),
        Limit(
            name="alarms that roll back",
            value="1 to 10",
            source=sagemaker_api("API_AutoRollbackConfig.html", READ),
            setting=InTemplate(ENDPOINT, ALARMS),
            minimum=1,
            maximum=10,
        ),
        Limit(
            name="instances of a new account, both fleets together",
            value="4",
            source=QUOTAS,
            setting=InTemplate(CONFIG, "ProductionVariants[0].InitialInstanceCount"),
            maximum=2,
        ),
        TYPE_QUOTA,
        Limit(
            name="alarm on both fleets",
            value="an old fleet that trips it ends the deployment: watch the new one only when it "
            "repairs the old",
            source=ROLLBACK,
        ),
        Limit(
            name="scaling",
            value="is blocked while an endpoint is updated; a change of the instance type of a "
            "scaled variant fails",
            source=UPDATE,
        ),
        Limit(
            name="rolling update whose rollback fails too",
            value="leaves UpdateRollbackFailed, with both models in service, until another update",
            source=ROLLING,
        ),
        Limit(
            name="rolled-back update, seen from infrastructure as code",
            value="the endpoint is InService again under its old configuration: Terraform took it "
            "for a success; compare the configuration's name",
            source=github_issue("hashicorp/terraform-provider-aws", 46663, READ),
        ),
    ),
    billing=(
        Sourced("both fleets for as long as both run, whatever their traffic", BLUE_GREEN),
        Sourced("one batch more, if rolling", ROLLING),
    ),
    availability=Availability(source=GUARDRAILS),
    options=(
        Option(
            name="rollout",
            values=("canary", "linear", "all_at_once", "rolling"),
            meaning="How the next update moves the traffic.",
        ),
        Option(
            name="model",
            values=("champion", "challenger", "broken"),
            meaning="What is served: deploy another one to see a roll-out, the broken one to see a "
            "rollback.",
        ),
    ),
    related=("shadow_test", "realtime_endpoint"),
)
