"""The checks of a preflight, and their run: all at once, each on its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from sandbox.preflight.bootstrap import bootstrap
from sandbox.preflight.cost import Line, estimate
from sandbox.preflight.findings import Finding, State
from sandbox.preflight.identity import identity, region
from sandbox.preflight.images import images
from sandbox.preflight.quotas import quotas
from sandbox.preflight.services import features, resource_types
from sandbox.preflight.stack import names, stack
from sandbox.preflight.subject import Subject
from sandbox.preflight.tools import tools

T = TypeVar("T")

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
        lines: What is paid for while nobody uses the stack.
    """

    findings: list[Finding]
    lines: list[Line]

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

    def told(name: str, work: Callable[[Subject], T]) -> T:
        found = work(subject)
        done(name)
        return found

    with ThreadPoolExecutor(max_workers=len(CHECKS) + 1) as pool:
        cost = pool.submit(told, "cost", estimate)
        futures = [pool.submit(told, name, _listed(check)) for name, check in CHECKS.items()]
        lines, prices = cost.result()
        checked = [finding for future in futures for finding in future.result()]
    return Result([who, state, *checked, prices], lines)


def _listed(check: Check) -> Callable[[Subject], list[Finding]]:
    return lambda subject: list(check(subject))


STEPS = len(CHECKS) + 3
"""How often `done` is called."""
