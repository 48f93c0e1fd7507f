"""What to know of shadow tests."""

from catalogue.model import Availability, Facts, InTemplate, Limit, Sourced
from catalogue.sources import docs, sagemaker_api, sagemaker_guide
from stacks.deployment.inference_sources import CONFIG, PRICING, QUOTAS, READ, TYPE_QUOTA
from stacks.deployment.rollout_sources import SHADOW, SHADOW_CREATE

DEPLOY = sagemaker_guide("model-shadow-deployment.html", READ)
PRACTICES = sagemaker_guide("shadow-tests-best-practices.html", READ)
VALIDATION = sagemaker_guide("model-validation.html", READ)
DASHBOARD = sagemaker_guide("shadow-tests-view-monitor-edit-dashboard.html", READ)
CAPTURE = sagemaker_guide("model-monitor-data-capture-endpoint.html", READ)
METRICS = sagemaker_guide("monitoring-cloudwatch.html", READ)
ROLES = sagemaker_guide("sagemaker-roles.html", READ)
MERGE = sagemaker_guide("model-monitor-model-quality-merge.html", READ)
CREATE_CONFIG = sagemaker_api("API_CreateEndpointConfig.html", READ)
EXPERIMENT = docs(
    "AWSCloudFormation/latest/TemplateReference/aws-resource-sagemaker-inferenceexperiment.html",
    READ,
)
INVOKE = sagemaker_api("API_runtime_InvokeEndpoint.html", READ)

FACTS = Facts(
    title="Shadow test",
    tasks=("3.3", "2.3"),
    c02=True,
    question="rollout",
    summary="Every request goes to the production variant, whose answer the client gets, and as a "
    "copy to the shadow variant; both are captured, and a saved query compares their answers.",
    choose_when=(
        Sourced("a new model shall meet real requests before any client sees its answers", SHADOW),
        Sourced("errors and latency of a model, container or instance type are in doubt", SHADOW),
        Sourced("answers shall be compared offline, request by request", VALIDATION),
    ),
    rather_than={
        "blue_green_deployment": "nobody may get a wrong answer while the model is judged, and "
        "what is judged is the answers themselves, which no alarm of an update sees",
    },
    comparison={
        "Traffic of the new model": Sourced(
            "a copy of a share of the requests, up to all of them", SHADOW_CREATE
        ),
        "Who sees its answers": Sourced("nobody: they are discarded or captured", SHADOW),
        "Who decides": Sourced("people, from metrics and captured answers", DASHBOARD),
        "What is judged": Sourced(
            "errors, latency and utilization side by side, and the answers where they are captured",
            VALIDATION,
        ),
        "Rollback": Sourced("not needed: production is as it was", SHADOW),
        "Without alarms": Sourced("nothing happens by itself, with or without them", DASHBOARD),
        "Without traffic": Sourced("nothing to compare: send requests", PRACTICES),
        "Metrics of the new model": Sourced(
            "the same as production's, told apart by VariantName", METRICS
        ),
        "Instances": InTemplate(CONFIG, "ProductionVariants[0].InitialInstanceCount"),
        "Capacity meanwhile": Sourced(
            "the shadow's instances beside production's; as many of the same type, if it shall "
            "prove that it stands the load",
            PRACTICES,
        ),
        "Billing meanwhile": Sourced("the instances of both", PRICING),
        "Bake": Sourced("as long as it takes; promote after a time at 100 %", PRACTICES),
        "Duration": Sourced(
            "as long as the endpoint's configuration has it; as an inference experiment 1 h to 30 "
            "days, by default 7",
            SHADOW_CREATE,
        ),
        "Variants": Sourced("one production variant and one shadow variant", CREATE_CONFIG),
        "Multi-model endpoint": Sourced("no, nor several containers", SHADOW),
        "Asynchronous endpoint": Sourced("no", SHADOW),
        "Serverless endpoint": Sourced("no", SHADOW),
        "Inf1 and Marketplace": Sourced("refused with a validation error", SHADOW),
        "Permission beyond serving": Sourced(
            "to write captured data, for the role of each variant's model", ROLES
        ),
        "Ends": Sourced(
            "when the configuration drops the shadow; an experiment puts back what was before",
            SHADOW_CREATE,
        ),
        "Next step": Sourced(
            "promote it, at best by a guarded update of the production variant",
            sagemaker_guide("shadow-tests-complete.html", READ),
        ),
    },
    limits=(
        Limit(
            name="production variants beside a shadow",
            value="1",
            source=CREATE_CONFIG,
            setting=InTemplate(CONFIG, "length(ProductionVariants)"),
            minimum=1,
            maximum=1,
        ),
        Limit(
            name="shadow variants",
            value="1",
            source=CREATE_CONFIG,
            setting=InTemplate(CONFIG, "length(ShadowProductionVariants)"),
            minimum=1,
            maximum=1,
        ),
        Limit(
            name="copied share in an endpoint's configuration",
            value="the guide's example gives both variants the weight 1; an experiment takes a "
            "percentage instead",
            source=DEPLOY,
            setting=InTemplate(CONFIG, "ShadowProductionVariants[0].InitialVariantWeight"),
            maximum=1,
        ),
        Limit(
            name="captured share of the requests",
            value="0 to 100 %",
            source=CAPTURE,
            setting=InTemplate(CONFIG, "DataCaptureConfig.InitialSamplingPercentage"),
            minimum=0,
            maximum=100,
        ),
        Limit(
            name="path of captured data",
            value="endpoint/variant/yyyy/mm/dd/hh/file.jsonl, within minutes; the page says it of "
            "variants in general and does not name shadows",
            source=CAPTURE,
        ),
        Limit(
            name="pairing of the answers",
            value="by the inference ID that the client sends, which is added to captured data; "
            "nothing says that the generated event ID is the same for both",
            source=INVOKE,
        ),
        Limit(
            name="identifier of a captured record",
            value="inferenceId if the caller gave one, eventId in any case",
            source=MERGE,
        ),
        Limit(
            name="scaling of the shadow",
            value="highly recommended where production scales: it has to stand the same peaks",
            source=PRACTICES,
        ),
        Limit(
            name="instances of a new account, both variants together",
            value="4",
            source=QUOTAS,
            setting=InTemplate(CONFIG, "ShadowProductionVariants[0].InitialInstanceCount"),
            maximum=3,
        ),
        TYPE_QUOTA,
        Limit(
            name="inference experiment in CloudFormation",
            value="AWS::SageMaker::InferenceExperiment names an endpoint and changes its variants; "
            "Schedule takes points in time, which a template that stays the same cannot know",
            source=EXPERIMENT,
        ),
    ),
    billing=(
        Sourced("the instances of both variants for as long as they run", PRICING),
        Sourced(
            "queries by the data they scan; beyond its limit the workgroup cancels them",
            docs("athena/latest/ug/workgroups-setting-control-limits-cloudwatch.html", READ),
        ),
    ),
    availability=Availability(source=SHADOW),
    related=("blue_green_deployment", "realtime_endpoint"),
)
