"""Whether AWS has what the architecture stands on, in the Region and for a new account."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.aws import Unseen
from sandbox.preflight.findings import Finding, ok, problem, unseen
from sandbox.preflight.subject import Subject

OPEN_TO = "closed to accounts that did not use it before"


def features(subject: Subject) -> Iterator[Finding]:
    """What the facts say of the feature: closed to new accounts, or not in the Region."""
    availability = subject.architecture.facts.availability
    if availability.closed_since:
        instead = availability.replaced_by
        fix = f"mla preflight {instead}" if instead else "Use an account that used it before."
        since = availability.closed_since.isoformat()
        yield problem("feature", f"{OPEN_TO} {since}: {availability.source.url}", fix)
    elif subject.region in availability.not_in:
        text = f"not in {subject.region}: {availability.source.url}"
        yield problem("feature", text, "Choose another Region by --region.")
    else:
        yield ok("feature", "open to new accounts")


def resource_types(subject: Subject) -> Iterator[Finding]:
    """Whether CloudFormation has the resource types in the Region, by cfn-lint's data."""
    from cfnlint.helpers import REGIONS
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    used = {name for name in subject.template.type_counts() if name.startswith("AWS::")}
    if subject.region not in REGIONS:
        why = Unseen(f"cfn-lint does not know {subject.region}", call="cfn-lint:schemas")
        yield unseen("resource types", why)
        return
    missing = sorted(used - set(PROVIDER_SCHEMA_MANAGER.get_resource_types(region=subject.region)))
    if missing:
        text = f"CloudFormation has no {', '.join(missing)} in {subject.region}, by cfn-lint"
        yield problem("resource types", text, "Choose another Region by --region.")
    else:
        yield ok("resource types", f"all {len(used)} are in {subject.region}, by cfn-lint's data")
