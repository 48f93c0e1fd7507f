"""What a template's resources cost while nobody uses them, and what costs by use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from catalogue.prices import (
    ALARM_METRIC,
    DASHBOARD,
    EKS_CLUSTER,
    FARGATE_GB,
    FARGATE_VCPU,
    INTERFACE_ENDPOINT,
    KEY,
    LOAD_BALANCER,
    NAT_GATEWAY,
    WARM_ARM_GB,
    WARM_GB,
    WEB_ACL,
    WEB_ACL_RULE,
    Usage,
    hosting,
)
from catalogue.template import Template
from sandbox.preflight.capacity import fargate_tasks, jobs, variants, warm_functions


@dataclass(frozen=True)
class Charge:
    """Something that is paid for as long as it exists.

    Attributes:
        item: What it is.
        quantity: How many of it, at minimum capacity.
        usage: What AWS bills it as.
    """

    item: str
    quantity: float
    usage: Usage


EACH = {
    "AWS::CloudWatch::Dashboard": ("dashboard", DASHBOARD),
    "AWS::EC2::NatGateway": ("NAT gateway", NAT_GATEWAY),
    "AWS::EKS::Cluster": ("EKS control plane", EKS_CLUSTER),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": ("load balancer", LOAD_BALANCER),
    "AWS::KMS::Key": ("KMS key", KEY),
    "AWS::WAFv2::WebACL": ("web ACL", WEB_ACL),
}
"""Resource type -> what one of it is paid as."""

BY_USE = {
    "AWS::Athena::WorkGroup": "bytes that queries scan",
    "AWS::CodeBuild::Project": "minutes of builds",
    "AWS::CodeCommit::Repository": "users and requests",
    "AWS::CodePipeline::Pipeline": "minutes of actions",
    "AWS::DynamoDB::Table": "requests and storage",
    "AWS::EC2::FlowLog": "log data",
    "AWS::ECR::Repository": "storage of images",
    "AWS::GreengrassV2::Deployment": "active core devices",
    "AWS::IoT::TopicRule": "messages and actions",
    "AWS::Lambda::Function": "requests and duration",
    "AWS::Logs::LogGroup": "log data and storage",
    "AWS::MWAAServerless::Workflow": "time of tasks",
    "AWS::S3::Bucket": "requests and storage",
    "AWS::SNS::Topic": "messages",
    "AWS::SQS::Queue": "requests",
    "AWS::Scheduler::Schedule": "invocations",
    "AWS::StepFunctions::StateMachine": "transitions",
    "AWS::Events::Rule": "events of one's own",
    "AWS::Logs::MetricFilter": "metrics that have data",
}
"""Resource type -> what is counted."""

UNPRICED = {
    "AWS::ApplicationAutoScaling::ScalingPolicy": "alarms that target tracking makes itself",
    "AWS::EC2::EIP": "public IPv4 addresses",
    "Custom::DeliveredStack": "what the pipeline deploys; its quotas are not checked, either",
}
"""Resource type -> what is paid for without a price here."""

FREE = {
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::Athena::NamedQuery",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::Route",
    "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::Subnet",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPC",
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::ECS::Cluster",
    "AWS::ECS::TaskDefinition",
    "AWS::EKS::AccessEntry",
    "AWS::EKS::Addon",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::ListenerRule",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::Glue::Database",
    "AWS::Glue::Table",
    "AWS::GreengrassV2::ComponentVersion",
    "AWS::IAM::InstanceProfile",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::IoT::Policy",
    "AWS::IoT::RoleAlias",
    "AWS::IoT::ThingGroup",
    "AWS::KMS::Alias",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
    "AWS::Logs::ResourcePolicy",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SSM::Parameter",
    "AWS::SageMaker::EndpointConfig",
    "AWS::SageMaker::InferenceComponent",
    "AWS::SageMaker::Model",
    "AWS::SageMaker::ModelPackageGroup",
    "AWS::SageMaker::Pipeline",
    "AWS::Scheduler::ScheduleGroup",
    "AWS::WAFv2::LoggingConfiguration",
    "AWS::WAFv2::WebACLAssociation",
}
"""Resource types without a charge of their own."""

COUNTED = {
    "AWS::CloudWatch::Alarm",
    "AWS::EC2::VPCEndpoint",
    "AWS::ECS::Service",
    "AWS::SageMaker::Endpoint",
    *EACH,
}
"""Resource types whose charges are counted here."""


def charges(template: Template) -> list[Charge]:
    """Returns what is paid for while nobody uses the stack, one line an item."""
    total: defaultdict[tuple[str, Usage], float] = defaultdict(float)
    for charge in _charges(template):
        total[charge.item, charge.usage] += charge.quantity
    return [Charge(item, quantity, usage) for (item, usage), quantity in total.items()]


def _charges(template: Template) -> Iterator[Charge]:
    for variant in variants(template):
        if variant.instance_type:
            usage = hosting(variant.instance_type)
            yield Charge(f"{variant.instance_type} behind an endpoint", variant.lowest, usage)
    for task in fargate_tasks(template):
        if not task.arm:
            yield Charge("Fargate vCPU", task.lowest * task.size, FARGATE_VCPU)
            yield Charge("Fargate GB", task.lowest * task.memory_gb, FARGATE_GB)
    for function in warm_functions(template):
        usage = WARM_ARM_GB if function.arm else WARM_GB
        yield Charge("provisioned Lambda GB", function.lowest * function.memory_gb, usage)
    for resource_type, (item, usage) in EACH.items():
        count = template.type_counts()[resource_type]
        if count:
            yield Charge(item, count, usage)
    for _, acl in template.of_type("AWS::WAFv2::WebACL"):
        yield Charge("web ACL rule", len(acl["Rules"]), WEB_ACL_RULE)
    for _, endpoint in template.of_type("AWS::EC2::VPCEndpoint"):
        if endpoint.get("VpcEndpointType") == "Interface":
            zones = len(endpoint.get("SubnetIds", [None]))
            yield Charge("interface endpoint and zone", zones, INTERFACE_ENDPOINT)
    metrics = sum(_metrics(alarm) for _, alarm in template.of_type("AWS::CloudWatch::Alarm"))
    if metrics:
        yield Charge("metric of an alarm", metrics, ALARM_METRIC)


def _metrics(alarm: dict[str, list[dict[str, object]]]) -> int:
    """Returns how many metrics an alarm looks at; it is paid for by the metric."""
    return sum("MetricStat" in query for query in alarm.get("Metrics", [])) or 1


def by_use(template: Template) -> list[tuple[str, str]]:
    """Returns what costs only when it is used, and what is counted then."""
    counts = template.type_counts()
    used = [(_short(kind), counted) for kind, counted in BY_USE.items() if counts[kind]]
    started = sorted({(job.kind, job.instance_type) for job in jobs(template)})
    used += [(f"{kind} job", f"time of its {instance}") for kind, instance in started]
    if any(variant.concurrency for variant in variants(template)):
        used.append(("serverless endpoint", "duration and data of requests"))
    return sorted(used)


def not_estimated(template: Template) -> list[tuple[str, str]]:
    """Returns what is paid for, or may be, and is in no sum."""
    counts = template.type_counts()
    found = [(_short(kind), what) for kind, what in UNPRICED.items() if counts[kind]]
    for variant in variants(template):
        if variant.concurrency and variant.lowest:
            what = f"{variant.lowest} of {variant.memory_mb} MB, kept warm"
            found.append(("provisioned concurrency of a serverless endpoint", what))
    if any(task.arm for task in fargate_tasks(template)):
        found.append(("Fargate tasks", "on Graviton"))
    for _, cluster in template.of_type("AWS::EKS::Cluster"):
        if cluster.get("ComputeConfig", {}).get("Enabled"):
            found.append(("nodes of EKS Auto Mode", "EC2 instances, and the fee on top of them"))
    known = BY_USE.keys() | UNPRICED.keys() | FREE | COUNTED
    unknown = [kind for kind in counts if kind.startswith("AWS::") and kind not in known]
    return found + [(_short(kind), "of an unknown kind of charge") for kind in sorted(unknown)]


def _short(resource_type: str) -> str:
    return " ".join(resource_type.split("::")[1:])
