"""What to know of inference components."""

from catalogue.model import (
    Availability,
    Confidence,
    Facts,
    InTemplate,
    Limit,
    Source,
    Sourced,
)
from catalogue.sources import docs, github_issue, sagemaker_api, sagemaker_guide
from stacks.deployment.inference_sources import (
    CONFIG,
    POLICY,
    QUOTAS,
    READ,
    TARGET,
    TRACKING,
    TYPE_QUOTA,
)
from stacks.deployment.packing_sources import (
    COMPONENT,
    COMPONENTS,
    COMPUTE,
    METRICS,
    SCALING_DIMENSION,
    SCALING_METRIC,
    SHADOW,
    ZERO,
)

CREATE = sagemaker_api("API_CreateInferenceComponent.html", READ)
RESOURCES = sagemaker_api("API_InferenceComponentComputeResourceRequirements.html", READ)
ROLLING = sagemaker_api("API_InferenceComponentRollingUpdatePolicy.html", READ)
MANAGED = sagemaker_api("API_ProductionVariantManagedInstanceScaling.html", READ)
INVOKE = sagemaker_api("API_runtime_InvokeEndpoint.html", READ)
INSTANCES = "ProductionVariants[0].ManagedInstanceScaling"
WAKE = "[@][?MetricName=='NoCapacityInvocationFailures' && length(AlarmActions)==`1`]|[0]"


FACTS = Facts(
    title="Inference components",
    tasks=("3.1", "3.2"),
    c02=True,
    question="model packing",
    summary="A client names a component; each component has copies of its own, placed on instances "
    "that all share, and with the last copy the last instance goes.",
    choose_when=(
        Sourced("models share instances and each shall scale by its own requests", COMPONENTS),
        Sourced("each model needs vCPUs, memory or accelerators set aside for it", COMPONENTS),
        Sourced("models are added, updated and removed one by one", COMPONENTS),
        Sourced("idle instances must cost nothing, and a first call may fail", ZERO),
    ),
    rather_than={
        "multi_model_endpoint": "models differ in framework, size or traffic and need resources of "
        "their own, or nothing shall run while nobody asks",
        "inference_pipeline": "models answer separate requests and scale apart",
        "multi_container_endpoint": "each model shall scale, be updated and be removed by itself, "
        "or nothing shall run while nobody asks",
    },
    comparison={
        "Invocation": Sourced("InvokeEndpoint with InferenceComponentName", INVOKE),
        "Model chosen by": Sourced("InferenceComponentName", INVOKE),
        "What is shared": Sourced("instances; what a copy reserves is its own", COMPONENTS),
        "Isolation between models": Sourced(
            "containers of their own, with vCPUs, memory and accelerators reserved for each copy",
            RESOURCES,
        ),
        "Frameworks": Sourced("one per component, any", COMPONENTS),
        "Number of models": Sourced("as many as the instances have room for copies of", COMPONENTS),
        "Adding a model": Sourced("create a component: no update of the endpoint", COMPONENTS),
        "Cold start": Sourced(
            "from zero: calls fail for the minutes until an instance and a copy have started", ZERO
        ),
        "Compute": COMPUTE,
        "Scaling dimension": SCALING_DIMENSION,
        "Scaling metric": SCALING_METRIC,
        "Scaling target": InTemplate(
            POLICY, f"{TRACKING}.TargetValue", unit="invocations per copy and minute"
        ),
        "Minimum capacity": InTemplate(TARGET, "MinCapacity", unit="copies"),
        "Maximum capacity": InTemplate(TARGET, "MaxCapacity", unit="copies of each"),
        "Scaling of one model": Sourced(
            "its own: copies of each component scale apart, SageMaker adds the instances",
            COMPONENTS,
        ),
        "Metrics of one model": Sourced(
            "invocations, errors, latency and use of what is reserved by InferenceComponentName",
            METRICS,
        ),
        "When idle": Sourced("no copy, no instance, nothing billed", ZERO),
        "GPU": Sourced("yes, whole accelerators or partitions of them per copy", RESOURCES),
        "Serverless": Sourced("no: the variant has an instance type", COMPONENTS),
        "Network isolation": InTemplate(CONFIG, "EnableNetworkIsolation"),
        "Data capture": Sourced(
            "not documented for components: the guide's steps have a variant that names a model",
            sagemaker_guide("model-monitor-data-capture-endpoint.html", READ),
        ),
        "Several variants": Sourced("a component belongs to one variant of the endpoint", CREATE),
        "Shadow tests": Sourced(
            "not documented for components: the list of exclusions does not name them", SHADOW
        ),
        "Deployment guardrails": Sourced(
            "rolling update of a component's copies, rolled back by alarms", ROLLING
        ),
        "Right to one model": Sourced(
            "no condition key was found; a managed policy of AWS allows InvokeEndpoint on ARNs of "
            "endpoints and of components",
            docs(
                "aws-managed-policy/latest/reference/"
                "AmazonSageMakerModelCustomizationCoreAccess.html",
                READ,
            ),
        ),
        "Billing unit": Sourced("instance time, nothing at zero instances", ZERO),
    },
    limits=(
        Limit(
            name="instances of a new account, per endpoint and over all endpoints",
            value="4",
            source=QUOTAS,
            setting=InTemplate(CONFIG, f"{INSTANCES}.MaxInstanceCount"),
            maximum=4,
        ),
        TYPE_QUOTA,
        Limit(
            name="vCPUs reserved for a copy",
            value="at least 0.25",
            source=RESOURCES,
            setting=InTemplate(
                COMPONENT, "Specification.ComputeResourceRequirements.NumberOfCpuCoresRequired"
            ),
            minimum=0.25,
        ),
        Limit(
            name="memory reserved for a copy",
            value="at least 128 MB",
            source=RESOURCES,
            setting=InTemplate(
                COMPONENT, "Specification.ComputeResourceRequirements.MinMemoryRequiredInMb"
            ),
            minimum=128,
        ),
        Limit(
            name="minimum of instances",
            value="0 with managed instance scaling",
            source=MANAGED,
            setting=InTemplate(
                CONFIG, "ProductionVariants[0].ManagedInstanceScaling.MinInstanceCount"
            ),
            minimum=0,
        ),
        Limit(
            name="managed instance scaling",
            value="for inference components only: on a variant that names a model SageMaker "
            "rejects the endpoint configuration",
            source=github_issue("hashicorp/terraform-provider-aws", 45926, READ),
        ),
        Limit(
            name="copies at creation",
            value="contradicted: 0 or more by the API reference; seen: 0 is refused, scaling takes "
            "them down to it",
            source=Source(
                "https://github.com/stdapi-ai/stdapi.ai/issues/43", READ, Confidence.CONFLICTING
            ),
            setting=InTemplate(COMPONENT, "RuntimeConfig.CopyCount"),
            minimum=1,
        ),
        Limit(
            name="Regions with a minimum of 0 instances",
            value="seen: accepted in us-east-1, rejected in eu-west-3; the guide names no Region",
            source=github_issue("stdapi-ai/stdapi.ai", 43, READ),
        ),
        Limit(
            name="execution role",
            value="required on the endpoint configuration: components run under it",
            source=github_issue("stdapi-ai/stdapi.ai", 43, READ),
        ),
        Limit(
            name="failed calls that wake a component",
            value="1 here; the guide's alarm fires above 1, so that a single failed call starts "
            "nothing",
            source=sagemaker_guide(
                "endpoint-auto-scaling-zero-instances.html", READ, Confidence.CONFLICTING
            ),
            setting=InTemplate("AWS::CloudWatch::Alarm", f"{WAKE}.Threshold"),
            maximum=1,
        ),
        Limit(
            name="time from zero to the first answer",
            value="several minutes, in which every call fails: the client has to try again",
            source=ZERO,
        ),
        Limit(
            name="target tracking at zero copies",
            value="does not bring back the first copy: scaling out from zero takes a step policy",
            source=sagemaker_guide("endpoint-auto-scaling-policy.html", READ),
        ),
        Limit(
            name="batch of a rolling update",
            value="5 to 50 % of the copies",
            source=ROLLING,
            setting=InTemplate(
                COMPONENT, "DeploymentConfig.RollingUpdatePolicy.MaximumBatchSize.Value"
            ),
            minimum=5,
            maximum=50,
        ),
        Limit(
            name="wait after each batch",
            value="0 to 3600 s",
            source=ROLLING,
            setting=InTemplate(
                COMPONENT, "DeploymentConfig.RollingUpdatePolicy.WaitIntervalInSeconds"
            ),
            minimum=0,
            maximum=3600,
        ),
        Limit(
            name="alarms of a rolling update",
            value="1 to 10",
            source=sagemaker_api("API_AutoRollbackConfig.html", READ),
            setting=InTemplate(
                COMPONENT, "length(DeploymentConfig.AutoRollbackConfiguration.Alarms)"
            ),
            minimum=1,
            maximum=10,
        ),
        Limit(
            name="right to these alarms",
            value="cloudwatch:DescribeAlarms, for the execution role",
            source=sagemaker_guide("deployment-guardrails-configuration.html", READ),
        ),
        Limit(
            name="log group of a component",
            value="seen: /aws/sagemaker/InferenceComponents/<name>, which the guide's list lacks",
            source=sagemaker_guide("logging-cloudwatch.html", READ, Confidence.CONFLICTING),
        ),
        Limit(
            name="order of deletion",
            value="seen: an endpoint is not deleted while it has a component",
            source=github_issue("aws/amazon-sagemaker-feedback", 49, READ),
        ),
    ),
    billing=(
        Sourced(
            "every instance for as long as it runs, however many copies are on it; nothing while "
            "there is none",
            ZERO,
        ),
    ),
    availability=Availability(source=COMPONENTS),
    related=("realtime_endpoint", "async_endpoint", "multi_container_endpoint"),
)
