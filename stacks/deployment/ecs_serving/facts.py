"""What to know of serving a model on ECS with Fargate."""

from catalogue.model import Availability, Facts, InTemplate, Limit, Option, Source, Sourced
from catalogue.sources import docs
from stacks.deployment.serving_sources import (
    BALANCER_PRICES,
    POLICY,
    READ,
    TARGET,
    TRACKING,
    TRACKING_GUIDE,
    WAF_PRICES,
    attribute,
    balancer,
    ecs,
    waf,
)

TASK = "AWS::ECS::TaskDefinition"
SERVICE = "AWS::ECS::Service"
BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
TARGETS = "AWS::ElasticLoadBalancingV2::TargetGroup"
VARIABLE = "ContainerDefinitions[0].Environment[?Name=='{}'].Value | [0]"

FARGATE = ecs("AWS_Fargate.html")
SIZES = ecs("fargate-tasks-services.html")
ROLLING = ecs("deployment-type-ecs.html")
BREAKER = ecs("deployment-circuit-breaker.html")
ALARMS = ecs("deployment-alarm-failure.html")
MAINTENANCE = ecs("task-maintenance.html")
PRICING = Source("https://aws.amazon.com/fargate/pricing/", READ)
BODY = waf("web-acl-setting-body-inspection-limit.html")
CERTIFICATE = docs("acm/latest/userguide/import-certificate-prerequisites.html", READ)


FACTS = Facts(
    title="Container on ECS with Fargate",
    tasks=("3.1", "3.2"),
    c02=True,
    question="serving platform",
    summary="A client inside the VPC posts rows over HTTPS to an internal load balancer behind a "
    "firewall, which passes them to one of 2 to 8 tasks with the model in their image.",
    choose_when=(
        Sourced("containers are to run without servers to provision, configure or scale", FARGATE),
        Sourced("each copy has to be isolated: tasks share neither kernel nor interface", FARGATE),
        Sourced("the load is steady: what a task asks for is billed, busy or not", PRICING),
    ),
    rather_than={
        "lambda_serving": "requests keep a copy busy most of the time, a request or answer may be "
        "larger than 6 MB, an answer may take longer than 15 minutes, callers speak plain HTTPS "
        "inside a VPC, or one copy is to work on several requests at a time",
        "eks_serving": "nobody needs Kubernetes: no cluster by the hour, no version to upgrade "
        "every year, and alarms roll a deployment back by themselves",
        "edge_deployment": "callers reach AWS, and new versions and capacity have to be there "
        "within minutes",
    },
    comparison={
        "Compute": InTemplate(TASK, "Cpu", unit="CPU units of a Fargate task; 1024 are a vCPU"),
        "Processor": InTemplate(TASK, "RuntimePlatform.CpuArchitecture"),
        "GPU": Sourced("no: the parameter is not valid in Fargate tasks", SIZES),
        "Invocation": InTemplate(
            "AWS::ElasticLoadBalancingV2::ListenerRule",
            "Conditions[?Field=='path-pattern'].PathPatternConfig.Values[0] | [0]",
            unit="by HTTPS POST",
        ),
        "Entry": InTemplate(
            BALANCER, "Scheme", unit="Application Load Balancer, in front of it AWS WAF"
        ),
        "Authentication": Sourced(
            "who is member of a security group; beyond that the load balancer could verify client "
            "certificates",
            balancer("mutual-authentication.html"),
        ),
        "TLS": InTemplate(
            "AWS::ElasticLoadBalancingV2::Listener",
            "SslPolicy",
            unit="up to the load balancer; HTTP from there to the task",
        ),
        "Payload": InTemplate(
            TASK,
            VARIABLE.format("SERVING_MAX_BYTES"),
            unit="B by the container's own setting",
        ),
        "Processing time": InTemplate(
            BALANCER,
            attribute("idle_timeout.timeout_seconds", of="LoadBalancer"),
            unit="s, the idle time-out of the load balancer",
        ),
        "Concurrency": InTemplate(
            TASK,
            VARIABLE.format("SERVING_WORKERS"),
            unit="worker in a task; requests beyond it wait in the task",
        ),
        "Scaling metric": InTemplate(
            POLICY,
            f"{TRACKING}.PredefinedMetricSpecification.PredefinedMetricType",
            unit="and ECSServiceAverageCPUUtilization: out if either says so, in if both do",
        ),
        "Scaling target": InTemplate(
            POLICY, f"{TRACKING}.TargetValue", unit="requests per task and minute, and 60 % CPU"
        ),
        "Minimum capacity": InTemplate(TARGET, "MinCapacity", unit="tasks"),
        "Maximum capacity": InTemplate(TARGET, "MaxCapacity", unit="tasks"),
        "Cold start": Sourced(
            "only when scaling: a new task downloads the whole image before it starts, unless a "
            "SOCI index lets it load lazily",
            SIZES,
        ),
        "When idle": Sourced(
            "the minimum of tasks runs and is billed, load balancer and endpoints too", PRICING
        ),
        "Health check": InTemplate(
            TARGETS, "HealthCheckPath", unit="asked by the load balancer; ECS replaces the task"
        ),
        "Roll-out": InTemplate(
            SERVICE,
            "DeploymentConfiguration.MinimumHealthyPercent",
            unit="% of the tasks stay while new ones come: rolling",
        ),
        "Rollback": Sourced(
            "circuit breaker when tasks do not become healthy, alarms when answers fail", ROLLING
        ),
        "Network": Sourced(
            "isolated subnets; image and logs through VPC endpoints, no way to the internet",
            ecs("vpc-endpoints.html"),
        ),
        "Role of the model": Sourced(
            "task role, which may nothing; the execution role, which pulls and logs, is not within "
            "the container's reach",
            ecs("task_execution_IAM_role.html"),
        ),
        "Patching": Sourced(
            "AWS patches the host and replaces tasks for it; the image is yours", MAINTENANCE
        ),
        "Billing unit": Sourced(
            "vCPU and memory that a task asks for, by the second, from the image's download on",
            PRICING,
        ),
    },
    limits=(
        Limit(
            name="CPU of a task",
            value="256 to 32768 units, each with certain sizes of memory",
            source=SIZES,
            setting=InTemplate(TASK, "to_number(Cpu)"),
            minimum=256,
            maximum=32768,
        ),
        Limit(
            name="idle time-out of the load balancer",
            value="1 to 4000 s, by default 60; the server's own has to be longer, or requests on "
            "a connection that it closes are answered with 502",
            source=balancer("edit-load-balancer-attributes.html"),
            setting=InTemplate(
                BALANCER, attribute("idle_timeout.timeout_seconds", of="LoadBalancer")
            ),
            minimum=1,
            maximum=4000,
        ),
        Limit(
            name="interval of the health check",
            value="5 to 300 s",
            source=balancer("target-group-health-checks.html"),
            setting=InTemplate(TARGETS, "HealthCheckIntervalSeconds"),
            minimum=5,
            maximum=300,
        ),
        Limit(
            name="all tasks unhealthy",
            value="the load balancer sends requests to all of them: it fails open",
            source=balancer("target-group-health-checks.html"),
        ),
        Limit(
            name="deregistration delay",
            value="300 s by default; a task that ends sooner gives its open requests a 5xx",
            source=balancer("edit-target-group-attributes.html"),
        ),
        Limit(
            name="body that the firewall reads",
            value="the first 8 KB, fixed for a load balancer; the core rules block longer bodies "
            "unless SizeRestrictions_BODY is set to count",
            source=BODY,
        ),
        Limit(
            name="encryption of the access logs",
            value="SSE-S3 only",
            source=balancer("enable-access-logging.html"),
        ),
        Limit(
            name="certificate",
            value="CloudFormation does not import one into ACM: a build does here",
            source=CERTIFICATE,
        ),
        Limit(
            name="deployment while one of its alarms is in alarm",
            value="ECS ignores the alarms, so that a repair can be deployed",
            source=ALARMS,
        ),
        Limit(
            name="failures that the circuit breaker counts",
            value="by default those in a row; as many as half the desired tasks, at least 3 and at "
            "most 200, fail the deployment",
            source=BREAKER,
        ),
        Limit(
            name="scaling during a deployment",
            value="out only, not in",
            source=ecs("service-autoscaling-targettracking.html"),
        ),
        Limit(
            name="policies on one service",
            value="several, each on a metric of its own",
            source=TRACKING_GUIDE,
        ),
        Limit(
            name="GPU on ECS",
            value="on ECS Managed Instances, whose EC2 instances AWS looks after, and on EC2 "
            "instances of your own",
            source=ecs("ManagedInstances.html"),
        ),
        Limit(
            name="ARM64 on Fargate",
            value="not in the Availability Zone use1-az3 of us-east-1",
            source=ecs("ecs-arm64.html"),
        ),
    ),
    billing=(
        Sourced("vCPU and memory of every task by the second, busy or not", PRICING),
        Sourced("the load balancer by the hour and by the capacity units it uses", BALANCER_PRICES),
        Sourced(
            "the firewall by the month, for itself and each of its rules, and by requests",
            WAF_PRICES,
        ),
    ),
    availability=Availability(source=FARGATE),
    related=("lambda_serving", "realtime_endpoint"),
    options=(
        Option(
            name="certificate_arn",
            values=(),
            meaning="ARN of a certificate in ACM for the load balancer; without one, deployment "
            "makes a self-signed certificate for the load balancer's own name.",
        ),
    ),
)
