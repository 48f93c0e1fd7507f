"""The checks of a preflight, and their run: all at once, each on its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain

from catalogue.errors import UsageError
from sandbox.aws import Unseen
from sandbox.preflight.bootstrap import bootstrap
from sandbox.preflight.cost import Estimate, cost
from sandbox.preflight.findings import Finding, State, unseen
from sandbox.preflight.identity import identity, region
from sandbox.preflight.images import images
from sandbox.preflight.quotas import quotas
from sandbox.preflight.services import features, resource_types
from sandbox.preflight.stack import names, stack
from sandbox.preflight.subject import Subject
from sandbox.preflight.tools import tools

Check = Callable[[Subject], Iterable[Finding]]

CHECKS: Mapping[str, Check] = {
    "Region": region,
    "bootstrap": bootstrap,
    "tools": tools,
    "feature": features,
    "resource types": resource_types,
    "images": images,
    "quotas": quotas,
    "names": names,
}
"""What is asked once the account and the stack's state are known, in the order of the report."""


@dataclass(frozen=True)
class Result:
    """What a preflight found.

    Attributes:
        findings: Of all checks, in their order.
        estimate: What the stack costs.
    """

    findings: list[Finding]
    estimate: Estimate

    @property
    def passed(self) -> bool:
        """Whether nothing was found that would fail."""
        return not self.count(State.PROBLEM)

    def count(self, state: State) -> int:
        """Returns how many findings end so."""
        return sum(finding.state is state for finding in self.findings)


def preflight(subject: Subject, done: Callable[[str], None]) -> Result:
    """Asks everything of an account; nothing is changed.

    Args:
        subject: What is to be deployed, and where.
        done: Called with the name of each check that has ended.

    Raises:
        UsageError: The account does not accept the credentials.
    """
    number, who = identity(subject.account)
    done("identity")
    deployed, state = stack(subject.account, subject.architecture.stack_id)
    done("stack")
    subject = replace(subject, number=number, deployed=deployed)

    def told(name: str, check: Check) -> list[Finding]:
        found = _findings(name, check, subject)
        done(name)
        return found

    estimate = Estimate()
    checks = {**CHECKS, "prices": lambda subject: cost(subject, estimate)}
    with ThreadPoolExecutor(max_workers=len(checks)) as pool:
        found = pool.map(told, checks, checks.values())
        return Result([who, state, *chain.from_iterable(found)], estimate)


def _findings(name: str, check: Check, subject: Subject) -> list[Finding]:
    """Returns what a check found; an answer or a template it does not understand is unseen."""
    try:
        return list(check(subject))
    except UsageError:
        raise
    except (LookupError, TypeError, ValueError) as error:
        reason = f"what was read is not understood ({type(error).__name__}: {error})"
        return [unseen(name, Unseen(reason, call=name))]


STEPS = len(CHECKS) + 3
"""How often `done` is called."""
