"""What is installed is what was locked; what is locked is looked at; no secret is in the tree."""

from __future__ import annotations

import datetime
import gzip
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from scripts import audit, licences, lock
from tests.support.locks import canonical, entries, pins

ROOT = Path(__file__).resolve().parent.parent
SOURCES = [ROOT / source for source in lock.sources()]
NPM = json.loads((ROOT / "package-lock.json").read_text())["packages"]

each_environment = pytest.mark.parametrize(
    "source", SOURCES, ids=lambda source: str(source.relative_to(ROOT))
)


# Locks


def asked_for(source: Path) -> list[Requirement]:
    """The direct pins of a hand-kept file and of those that it includes."""
    pins = []
    for line in source.read_text().splitlines():
        text = line.split(" #")[0]
        if text.startswith("-r "):
            pins += asked_for(source.parent / text.removeprefix("-r "))
        elif text and not text.startswith("#"):
            pins.append(Requirement(text))
    return pins


def test_every_lock_has_its_source() -> None:
    locks = [
        file
        for pattern in ("requirements*.txt", "[!.n]*/**/*requirements*.txt", "**/constraints*.txt")
        for file in ROOT.glob(pattern)
        if not file.relative_to(ROOT).parts[0].startswith((".", "node_modules", "cdk.out"))
    ]
    assert sorted(locks) == sorted(source.with_suffix(".txt") for source in SOURCES)


@each_environment
def test_versions_are_asked_for_exactly(source: Path) -> None:
    for pin in asked_for(source):
        assert [specifier.operator for specifier in pin.specifier] == ["=="], pin


@each_environment
def test_lock_has_what_is_asked_for(source: Path) -> None:
    locked = {(entry.name, entry.version) for entry in entries(source.with_suffix(".txt"))}
    for pin in asked_for(source):
        (specifier,) = pin.specifier
        assert (canonical(pin.name), specifier.version) in locked, "run `make lock`"


@each_environment
def test_everything_locked_has_hashes(source: Path) -> None:
    locked = entries(source.with_suffix(".txt"))
    assert locked
    assert not [entry for entry in locked if not entry.hashes]


@each_environment
def test_locks_name_no_place(source: Path) -> None:
    text = source.with_suffix(".txt").read_text()
    assert "://" not in text
    assert not [line for line in text.splitlines() if line.startswith("-")]
    assert str(ROOT) not in text


def test_environments_agree() -> None:
    """Else what is tested here is not what is deployed; Airflow and the emulator are apart."""
    here = pins(ROOT / "requirements-dev.txt").items()
    for source in set(SOURCES) - {ROOT / apart for apart in lock.APART}:
        there = pins(source.with_suffix(".txt")).items()
        assert not {name for name, _ in there - here} & dict(here).keys(), source


def test_node_packages_have_hashes_and_no_place() -> None:
    packages = {path: package for path, package in NPM.items() if path}
    assert not [path for path, package in packages.items() if "integrity" not in package]
    assert not [path for path, package in packages.items() if "resolved" in package]
    asked = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    assert {name: NPM[f"node_modules/{name}"]["version"] for name in asked} == asked


def test_no_node_package_runs_a_script_to_be_installed() -> None:
    """`npm ci --ignore-scripts` therefore leaves nothing out."""
    assert not [path for path, package in NPM.items() if package.get("hasInstallScript")]


# Vulnerabilities


class Advisories(http.server.BaseHTTPRequestHandler):
    """OSV and the registry's bulk advisories, knowing what the test says."""

    python: dict[str, dict[str, Any]]
    node: dict[str, list[dict[str, Any]]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        question = json.loads(body)
        if self.path.endswith("/advisories/bulk"):
            answer: object = {name: self.node[name] for name in question if name in self.node}
        else:
            known = self.python.get(question["package"]["name"])
            answer = {"vulns": [known]} if known else {}
        self._answer(200, json.dumps(answer).encode())

    def do_GET(self) -> None:
        self._answer(404, b"{}")  # a package's page, which npm reads for its advice

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def advisories(
    python: dict[str, dict[str, Any]], node: dict[str, list[dict[str, Any]]]
) -> Iterator[str]:
    handler = type("Handler", (Advisories,), {"python": python, "node": node})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def osv(package: str, advisory: str, version: str) -> dict[str, Any]:
    affected = {
        "package": {"name": package, "ecosystem": "PyPI"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9999"}]}],
        "versions": [version],
    }
    day = "2026-11-22T00:00:00Z"
    texts = {"summary": "of the test", "details": "of the test", "aliases": []}
    return {"id": advisory, "modified": day, "published": day, **texts, "affected": [affected]}


ADVISORY = {
    "id": 1,
    "url": "https://github.com/advisories/GHSA-node-node-node",
    "title": "of the test",
    "severity": "high",
    "vulnerable_versions": "*",
    "cwe": [],
    "cvss": {"score": 0, "vectorString": None},
}
ACCEPTED = """
[[accepted]]
package = "{}"
advisory = "{}"
reason = "the test says so"
again = {}
"""


Audit = Callable[..., tuple[int, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Audit:
    """Runs the audit of two small lock files against emulated services."""
    monkeypatch.setattr(audit, "locked", lambda: ["runtime/edge/tumor_classifier/requirements.txt"])
    monkeypatch.setattr(audit, "AIRFLOW", "scripts/none.txt")
    find = audit.python_findings
    monkeypatch.setattr(
        audit,
        "python_findings",
        lambda files, osv: find(files, osv) if audit.locked() == files else [],
    )

    def run(service: str, *options: str) -> tuple[int, str]:
        command = ["audit", "--osv", service, "--registry", service, *options]
        monkeypatch.setattr(sys, "argv", command)
        return audit.main(), capsys.readouterr().out

    return run


def test_audit_passes_what_nothing_is_known_of(run: Audit) -> None:
    with advisories({}, {}) as service:
        status, said = run(service)
    assert status == 0
    assert "Python: 0 known vulnerabilities" in said
    assert "npm: 0 known vulnerabilities" in said


def test_audit_fails_on_findings(run: Audit) -> None:
    numpy = osv("numpy", "PYSEC-1", pins(ROOT / audit.locked()[0])["numpy"])
    with advisories({"numpy": numpy}, {"autocannon": [ADVISORY]}) as service:
        status, said = run(service)
    assert status == 1
    assert "numpy: PYSEC-1 fixed in 9999" in said
    assert "autocannon: GHSA-node-node-node high: of the test" in said


@pytest.mark.parametrize(("days", "expected"), [(1, 0), (0, 1)])
def test_explained_findings_pass_until_they_are_read_again(
    run: Audit, tmp_path: Path, days: int, expected: int
) -> None:
    day = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days)
    file = tmp_path / "accepted.toml"
    file.write_text(ACCEPTED.format("autocannon", "GHSA-node-node-node", day))
    with advisories({}, {"autocannon": [ADVISORY]}) as service:
        status, said = run(service, "--accepted", str(file))
    assert status == expected
    assert ("accepted: the test says so" in said) is (expected == 0)


def test_explanation_of_nothing_fails(run: Audit, tmp_path: Path) -> None:
    file = tmp_path / "accepted.toml"
    file.write_text(ACCEPTED.format("autocannon", "GHSA-gone-gone-gone", "2999-01-01"))
    with advisories({}, {}) as service:
        status, said = run(service, "--accepted", str(file))
    assert status == 1
    assert "GHSA-gone-gone-gone" in said


def test_audit_says_when_nothing_can_be_asked(run: Audit) -> None:
    with advisories({}, {}) as service:
        pass  # closed from here on
    status, said = run(service)
    assert status == 0
    lines = said.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "audit: Python: skipped",
        "audit: npm: skipped",
    ]


def test_audit_that_breaks_is_no_pass(run: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "locked", lambda: ["requirements.in"])  # has no hashes
    with advisories({}, {}) as service:
        status, _ = run(service)
    assert status == 2


def test_accepted_findings_say_why() -> None:
    for acceptance in audit.acceptances(audit.ACCEPTED):
        assert len(acceptance.reason.split()) > 5, acceptance


def test_everything_locked_is_audited() -> None:
    locks = {str(source.with_suffix(".txt").relative_to(ROOT)) for source in SOURCES}
    assert {*audit.locked(), audit.AIRFLOW} == locks


# Licences


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", True),
        ("(MIT OR CC0-1.0)", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT AND (Apache-2.0 OR GPL-3.0-only)", False),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("unclear", False),
        ("", False),
    ],
)
def test_licences_are_allowed_one_by_one(expression: str, expected: bool) -> None:
    assert licences.allowed(expression) is expected


def rows() -> dict[tuple[str, str], str]:
    lines = licences.PAGE.read_text().splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return {(row[0], row[1]): row[2] for row in cells if len(row) == 3}


def test_everything_locked_has_its_licence_on_the_page() -> None:
    python = {
        (entry.name, entry.version)
        for source in SOURCES
        for entry in entries(source.with_suffix(".txt"))
    }
    node = {
        (path.rsplit("node_modules/", 1)[-1], package["version"])
        for path, package in NPM.items()
        if path
    }
    listed = rows()
    listed.pop(("package", "version"))
    listed.pop(("---", "---"))
    assert listed.keys() == python | node, "run `make licences`"
    assert not [row for row, licence in listed.items() if not licences.allowed(licence)]


# Secrets

# In two parts, or the detector would find it here.
PLANTED = 'KEY = "AKIA' + 'Q3EGVX2LM7TYZBNP"\n'


def detector(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "node_modules/.bin/secretlint"), "--no-color", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_secret_is_in_the_tree() -> None:
    process = detector("**/*")
    assert process.returncode == 0, process.stdout


@pytest.mark.parametrize("name", ["settings.py", ".hidden.yml", "notes.txt"])
def test_planted_secret_is_found_and_not_repeated(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(PLANTED)
    process = detector("--secretlintrc", str(ROOT / ".secretlintrc.yml"), "**/*", cwd=tmp_path)
    assert process.returncode == 1
    assert "AWSAccessKeyID" in process.stdout
    assert "Q3EGVX2LM7TYZBNP" not in process.stdout


def test_hooks_are_what_is_locked() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}


@pytest.mark.parametrize(("text", "expected"), [(PLANTED, 1), ('KEY = "none"\n', 0)])
def test_commit_with_a_secret_is_refused(tmp_path: Path, text: str, expected: int) -> None:
    for name in (".pre-commit-config.yaml", ".secretlintrc.yml", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    (tmp_path / "settings.py").write_text(f'"""Settings."""\n\n{text}')
    git = ["git", "-c", "init.defaultBranch=main"]
    subprocess.run([*git, "init", "--quiet"], cwd=tmp_path, check=True)
    subprocess.run(
        [*git, "add", "settings.py", ".pre-commit-config.yaml"], cwd=tmp_path, check=True
    )
    process = subprocess.run(
        [sys.executable, "-m", "pre_commit", "run"],
        cwd=tmp_path,
        env={**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == expected, process.stdout
    assert ("AWSAccessKeyID" in process.stdout) is bool(expected)
