"""Asks whether what is locked has known vulnerabilities: pip-audit for Python, npm audit for Node.

Exits with 1 at a finding that `audit_accepted.toml` does not explain, and at an explanation that
explains nothing any more. Where the data cannot be reached, a line says so and nothing fails.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ACCEPTED = Path(__file__).with_name("audit_accepted.toml")
AIRFLOW = "runtime/airflow/requirements.txt"
TIMEOUT = 15
"""Seconds."""


class AuditError(Exception):
    """The data could be reached, and the tool still gave no answer."""


@dataclass(frozen=True, order=True)
class Finding:
    """An advisory about a version that is locked."""

    package: str
    advisory: str
    detail: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.package}: {self.advisory} {self.detail}".rstrip()


@dataclass(frozen=True)
class Acceptance:
    """Why an advisory does no harm here, and who reads it again when."""

    package: str
    advisory: str
    reason: str
    again: datetime.date

    def explains(self, finding: Finding, today: datetime.date) -> bool:
        """Returns whether it speaks of this finding, and still does."""
        same = (self.package, self.advisory) == (finding.package, finding.advisory)
        return same and today < self.again


def acceptances(file: Path) -> list[Acceptance]:
    """Reads the explanations."""
    entries = tomllib.loads(file.read_text(encoding="utf-8")).get("accepted", [])
    return [Acceptance(**entry) for entry in entries]


def unreachable(url: str, question: object) -> str | None:
    """Returns why the service does not answer, or None if it does."""
    request = urllib.request.Request(  # noqa: S310
        url, json.dumps(question).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            json.load(answer)
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}"
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))
    return None


def answer_of(command: list[str]) -> dict[str, object]:
    """Returns what a tool printed as JSON; a finding makes it exit with 1."""
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        answer = json.loads(process.stdout)
    except ValueError:
        answer = {}
    if not {"dependencies", "vulnerabilities"} & answer.keys():
        raise AuditError(f"{command[0]}: {(process.stderr or process.stdout).strip()[-500:]}")
    return answer


def python_findings(files: list[str], osv: str) -> list[Finding]:
    """Returns what OSV knows of the versions in lock files."""
    named = [argument for file in files for argument in ("--requirement", file)]
    service = ("--vulnerability-service", "osv", "--osv-url", f"{osv}/v1/query")
    options = ("--disable-pip", "--progress-spinner", "off", "--format", "json")
    answer = answer_of(["pip-audit", *named, *service, *options, "--timeout", str(TIMEOUT)])
    for package in answer["dependencies"]:
        if "skip_reason" in package:
            raise AuditError(f"{package['name']} was not looked up: {package['skip_reason']}")
    return [
        Finding(
            package["name"], found["id"], f"fixed in {', '.join(found['fix_versions']) or 'none'}"
        )
        for package in answer["dependencies"]
        for found in package["vulns"]
    ]


def npm_findings(registry: str) -> list[Finding]:
    """Returns what the registry knows of the versions in package-lock.json."""
    answer = answer_of(["npm", "audit", "--json", "--package-lock-only", f"--registry={registry}"])
    advisories = [
        via
        for package in answer["vulnerabilities"].values()
        for via in package["via"]
        if isinstance(via, dict)  # a string names the dependency that brings the finding along
    ]
    return [
        Finding(via["name"], via["url"].rsplit("/", 1)[-1], f"{via['severity']}: {via['title']}")
        for via in advisories
    ]


def report(title: str, findings: list[Finding], accepted: list[Acceptance]) -> list[Finding]:
    """Prints what was found; returns what nothing explains."""
    today = datetime.datetime.now(datetime.UTC).date()
    reasons = {f: a.reason for f in findings for a in accepted if a.explains(f, today)}
    print(f"audit: {title}: {len(findings)} known vulnerabilities, {len(reasons)} explained")
    for finding in sorted(set(findings)):
        print(f"  {finding}" + (f" (accepted: {reasons[finding]})" if finding in reasons else ""))
    return [finding for finding in findings if finding not in reasons]


def locked() -> list[str]:
    """Returns the Python lock files, but for Airflow's."""
    patterns = ("requirements*.txt", "rehearsal/**/*.txt", "runtime/**/requirements*.txt")
    files = [file for pattern in patterns for file in ROOT.glob(pattern)]
    return sorted({str(file.relative_to(ROOT)) for file in files} - {AIRFLOW})


def audit(osv: str, registry: str, accepted: list[Acceptance]) -> bool:
    """Prints a line for each of the two, and their findings; returns whether all are explained."""
    findings: list[Finding] = []
    unexplained: list[Finding] = []
    seen_all = True
    question = {"package": {"ecosystem": "PyPI", "name": "pip"}, "version": "1"}
    if reason := unreachable(f"{osv}/v1/query", question):
        print(f"audit: Python: skipped, {osv} is out of reach ({reason})")
        seen_all = False
    else:
        findings += (found := python_findings(locked(), osv))
        unexplained += report("Python", found, accepted)
        # A copy of what AWS runs in MWAA, to test in and never deployed: the versions are not ours.
        report("Airflow's environment, for information", python_findings([AIRFLOW], osv), [])
    if reason := unreachable(f"{registry}/-/npm/v1/security/advisories/bulk", {"npm": ["1.0.0"]}):
        print(f"audit: npm: skipped, the registry gives no advisories ({reason})")
        seen_all = False
    else:
        findings += (found := npm_findings(registry))
        unexplained += report("npm", found, accepted)
    today = datetime.datetime.now(datetime.UTC).date()
    stale = [a for a in accepted if not any(a.explains(f, today) for f in findings)]
    if seen_all and stale:
        print("audit: explain nothing, or have to be read again:")
        for acceptance in stale:
            print(f"  {acceptance.package}: {acceptance.advisory}, again on {acceptance.again}")
    return not unexplained and not (seen_all and stale)


def main() -> int:
    """Audits what is locked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--osv", default="https://api.osv.dev")
    parser.add_argument("--registry", help="instead of the one that npm installs from")
    parser.add_argument("--accepted", type=Path, default=ACCEPTED)
    arguments = parser.parse_args()
    registry = arguments.registry or subprocess.run(
        ["npm", "config", "get", "registry"],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip().rstrip("/")
    try:
        explained = audit(arguments.osv, registry, acceptances(arguments.accepted))
    except AuditError as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2
    return int(not explained)


if __name__ == "__main__":
    sys.exit(main())
