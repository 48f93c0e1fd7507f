"""Which quotas a template needs, at its maximum capacity.

Names and codes of the quotas, read on 2026-11-22:
https://docs.aws.amazon.com/general/latest/gr/sagemaker.html
https://docs.aws.amazon.com/general/latest/gr/lambda-service.html
https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
Those of Fargate and EC2 are second-hand; what the account does not list is reported as not seen.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from catalogue.template import Template
from sandbox.preflight.capacity import fargate_tasks, jobs, pods, variants, warm_functions


@dataclass(frozen=True)
class Need:
    """What a template needs of a quota.

    Attributes:
        service: Service Quotas' code of the service.
        quota: The quota's code or name.
        amount: How much of it is needed.
        label: What it is called here.
        note: What is worth knowing beside it.
    """

    service: str
    quota: str
    amount: int
    label: str
    note: str = ""


UPDATED = "an update runs the old and the new fleet at once, up to twice that"
ROLLED = "a rolling deployment runs up to twice that"

COUNTED = {
    "AWS::EC2::EIP": ("ec2", "L-0263D0A3", "Elastic IP addresses"),
    "AWS::EC2::InternetGateway": ("vpc", "L-A4707A72", "internet gateways"),
    "AWS::EC2::NatGateway": ("vpc", "L-FE5A380F", "NAT gateways per zone"),
    "AWS::EC2::VPC": ("vpc", "L-F678F1CE", "VPCs"),
}
"""Resource type -> the quota that counts its resources."""


def needs(template: Template) -> list[Need]:
    """Returns every quota that the template needs something of."""
    return [
        *_endpoints(template),
        *_serverless(template),
        *_jobs(template),
        *_functions(template),
        *_containers(template),
        *_network(template),
    ]


def _endpoints(template: Template) -> Iterator[Need]:
    by_type: Counter[str] = Counter()
    by_endpoint: Counter[str] = Counter()
    for variant in variants(template):
        if variant.instance_type:
            by_type[variant.instance_type] += variant.highest
            by_endpoint[variant.endpoint] += variant.highest
    for instance_type, count in by_type.items():
        quota = f"{instance_type} for endpoint usage"
        yield Need("sagemaker", quota, count, quota, UPDATED)
    if by_endpoint:
        most, total = max(by_endpoint.values()), by_endpoint.total()
        yield Need("sagemaker", "L-ED8DEE9B", most, "instances per endpoint")
        yield Need("sagemaker", "L-7A3DF611", total, "instances of all endpoints", UPDATED)


def _serverless(template: Template) -> Iterator[Need]:
    found = [variant.concurrency for variant in variants(template) if variant.concurrency]
    if found:
        yield Need("sagemaker", "L-99AD19BF", len(found), "serverless endpoints")
        yield Need("sagemaker", "L-96300102", sum(found), "serverless concurrency")


def _jobs(template: Template) -> Iterator[Need]:
    by_type: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for job in jobs(template):
        largest = by_type[job.kind]
        largest[job.instance_type] = max(largest[job.instance_type], job.count)
    for kind, largest in by_type.items():
        for instance_type, count in largest.items():
            quota = f"{instance_type} for {kind} job usage"
            yield Need("sagemaker", quota, count, quota, "for the largest job")
        across = f"Number of instances across all {kind} jobs"
        yield Need("sagemaker", across, max(largest.values()), f"instances of all {kind} jobs")


def _functions(template: Template) -> Iterator[Need]:
    warm = sum(function.highest for function in warm_functions(template))
    reserved = sum(
        int(function.get("ReservedConcurrentExecutions", 0))
        for _, function in template.of_type("AWS::Lambda::Function")
    )
    if warm + reserved:
        yield Need("lambda", "L-B99A9384", warm + reserved, "Lambda concurrency")


def _containers(template: Template) -> Iterator[Need]:
    tasks = ceil(sum(task.highest * task.size for task in fargate_tasks(template)))
    if tasks:
        yield Need(
            "fargate", "Fargate On-Demand vCPU resource count", tasks, "Fargate vCPUs", ROLLED
        )
    requested = ceil(sum(pod.highest * pod.size for pod in pods(template)))
    if requested:
        standard = "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"
        note = "what the pods request; nodes round it up"
        yield Need("ec2", standard, requested, "EC2 vCPUs", note)


def _network(template: Template) -> Iterator[Need]:
    counts = template.type_counts()
    for resource_type, (service, code, label) in COUNTED.items():
        if counts[resource_type]:
            per_zone = resource_type == "AWS::EC2::NatGateway"
            yield Need(service, code, 1 if per_zone else counts[resource_type], label)
