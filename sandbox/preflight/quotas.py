"""What the template needs of the account's quotas."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.aws import Account, Unseen
from sandbox.preflight.findings import Finding, ok, problem, unseen
from sandbox.preflight.needs import Need, needs
from sandbox.preflight.subject import Subject

Quota = dict[str, Any]

IN_USE = {
    "L-0263D0A3": ("ec2", "describe_addresses", "Addresses"),
    "L-A4707A72": ("ec2", "describe_internet_gateways", "InternetGateways"),
    "L-F678F1CE": ("ec2", "describe_vpcs", "Vpcs"),
}
"""Quota -> the call that lists what counts toward it."""

RECENT = timedelta(hours=3)


def quotas(subject: Subject) -> list[Finding]:
    """Each need against the quota, less what the account already uses of it."""
    wanted: dict[str, list[Need]] = {}
    for need in needs(subject.template):
        wanted.setdefault(need.service, []).append(need)
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = pool.map(lambda service: _of_service(subject, service, wanted[service]), wanted)
        return [finding for findings in found for finding in findings]


def _of_service(subject: Subject, service: str, wanted: list[Need]) -> list[Finding]:
    listed = listing(subject.account, service)
    if isinstance(listed, Unseen):
        needed = ", ".join(f"{need.amount} of {need.label}" for need in wanted)
        return [unseen(f"quotas: {service}", listed, known=f"needed: {needed}")]
    return [_finding(subject, need, listed) for need in wanted]


def listing(account: Account, service: str) -> list[Quota] | Unseen:
    """Returns a service's quotas as they apply to the account, or why they were not seen.

    Quotas that only have a default value are not among the applied ones.

    Source: https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html
    """
    found: list[Quota] = []
    for operation in ("list_service_quotas", "list_aws_default_service_quotas"):
        try:
            found += account.pages("service-quotas", operation, "Quotas", ServiceCode=service)
        except Unseen as error:
            return found or error
    return found


def _finding(subject: Subject, need: Need, listed: list[Quota]) -> Finding:
    about = f"quota: {need.label}"
    quota = next((q for q in listed if need.quota in (q["QuotaCode"], q["QuotaName"])), None)
    if quota is None:
        missing = Unseen(
            f"Service Quotas lists no {need.quota!r} in {subject.region}",
            call="service-quotas:ListServiceQuotas",
        )
        return unseen(about, missing, known=f"{need.amount} needed")
    allowed = int(quota["Value"])
    used = 0 if subject.deployed else _used(subject.account, quota)
    shown = f"{used} in use" if used is not None else "how many are in use was not seen"
    text = f"{need.amount} needed, {allowed} allowed, {shown}"
    text += f"; {need.note}" if need.note else ""
    if need.amount + (used or 0) > allowed:
        return problem(about, text, increase(need, quota, used or 0, subject.region))
    return ok(about, text)


def increase(need: Need, quota: Quota, used: int, region: str) -> str:
    """Returns the command that asks for a quota which is large enough."""
    if not quota.get("Adjustable", True):
        return f"AWS does not raise {quota['QuotaName']!r}: free some, or use another Region."
    return (
        "aws service-quotas request-service-quota-increase \\\n"
        f"  --service-code {need.service} --quota-code {quota['QuotaCode']} \\\n"
        f"  --desired-value {need.amount + used} --region {region}"
    )


def _used(account: Account, quota: Quota) -> int | None:
    """Returns how much of a quota is in use, None if the account does not show it."""
    metric = quota.get("UsageMetric")
    try:
        if quota["QuotaCode"] in IN_USE:
            service, operation, key = IN_USE[quota["QuotaCode"]]
            return len(account.ask(service, operation)[key])
        return _measured(account, metric) if metric else None
    except Unseen:
        return None


def _measured(account: Account, metric: dict[str, Any]) -> int:
    """Returns the latest value of a usage metric; nothing was reported means nothing is used."""
    now = datetime.now(UTC)
    statistic = metric.get("MetricStatisticRecommendation", "Maximum")
    dimensions = metric.get("MetricDimensions", {})
    points = account.ask(
        "cloudwatch",
        "get_metric_statistics",
        Namespace=metric["MetricNamespace"],
        MetricName=metric["MetricName"],
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - RECENT,
        EndTime=now,
        Period=300,
        Statistics=[statistic],
    )["Datapoints"]
    latest = max(points, key=lambda point: point["Timestamp"], default={statistic: 0})
    return int(latest[statistic])
