"""Templates from the cloud assembly on disk; what is missing or stale is synthesized anew."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from catalogue.discover import ROOT, Architecture
from catalogue.errors import UsageError, unknown
from catalogue.model import Option
from catalogue.template import Template

CDK_OUT = ROOT / "cdk.out"
CACHE = ROOT / ".mla" / "cdk.out"
"""Where stale templates are synthesized: cdk.out stays as the CDK command line left it."""

OF_ANY_STACK = ("expire_after_hours", "retain_data")
"""Options that every architecture has."""

FINDINGS = 1
"""Exit code of app.py when a rule found something."""


def load(architectures: Sequence[Architecture], assembly: Path | None = None) -> list[Template]:
    """Returns the architectures' templates.

    Args:
        architectures: Whose templates.
        assembly: A cloud assembly to read as it is; None reads cdk.out and synthesizes what is
            missing there or older than its sources.

    Raises:
        UsageError: The assembly lacks a template, a template is not readable, or synthesis failed.
    """
    if assembly is not None:
        return [read(assembly, architecture) for architecture in architectures]
    stale = [a for a in architectures if not any(fresh(d, a) for d in (CDK_OUT, CACHE))]
    if stale:
        synthesize([a.slug for a in stale], CACHE)
    return [read(CDK_OUT if fresh(CDK_OUT, a) else CACHE, a) for a in architectures]


def load_variations(architecture: Architecture, option: Option) -> list[Template]:
    """Returns the architecture's template for every value of an option, in their order.

    Raises:
        UsageError: Synthesis failed.
    """
    templates = []
    for value in option.values:
        templates.append(read(_chosen(architecture, {option.name: value}), architecture))
    return templates


def folder_with(
    architecture: Architecture, assembly: Path | None, options: Mapping[str, str]
) -> Path:
    """Returns a cloud assembly that has an architecture's template.

    Args:
        architecture: Whose template.
        assembly: A cloud assembly to take as it is; None synthesizes what is missing or stale.
        options: What is chosen of the architecture's options and of any stack's, by name.

    Raises:
        UsageError: There is no such option, an assembly is named as well, or synthesis failed.
    """
    if assembly is not None:
        if options:
            raise UsageError("--assembly is read as it is: leave out either it or -c.")
        return assembly
    if options:
        return _chosen(architecture, options)
    load([architecture])
    return CDK_OUT if fresh(CDK_OUT, architecture) else CACHE


def _chosen(architecture: Architecture, options: Mapping[str, str]) -> Path:
    """Returns an assembly of an architecture under some options, synthesized if it is stale."""
    known = [*(option.name for option in architecture.facts.options), *OF_ANY_STACK]
    for name in options:
        if name not in known:
            raise unknown(f"option of {architecture.slug}", name, known)
    chosen = "-".join(f"{name}-{value}" for name, value in sorted(options.items()))
    outdir = CACHE / "options" / f"{architecture.stack_id}-{quote(chosen, safe='')}"
    if not fresh(outdir, architecture):
        synthesize([architecture.slug], outdir, context=options)
    return outdir


def _template_file(assembly: Path, architecture: Architecture) -> Path:
    return assembly / f"{architecture.stack_id}.template.json"


def read(assembly: Path, architecture: Architecture) -> Template:
    """Returns an architecture's template from a cloud assembly.

    Raises:
        UsageError: The assembly has none, or it is not readable.
    """
    file = _template_file(assembly, architecture)
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"There is no {file}: run `make synth`, or name a cloud assembly that has it."
        ) from None
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{file} is not a readable template ({error}): delete it and run `make synth`."
        ) from None
    if not isinstance(document, dict):
        raise UsageError(f"{file} holds no template: delete it and run `make synth`.")
    return Template(document, architecture.slug)


def fresh(assembly: Path, architecture: Architecture) -> bool:
    """Returns whether an assembly has an architecture's template, newer than its sources."""
    file = _template_file(assembly, architecture)
    return file.exists() and file.stat().st_mtime > _newest_source(architecture)


def _newest_source(architecture: Architecture) -> float:
    """Returns when the newest of the files that decide the template was written."""
    folders = [architecture.folder, ROOT / "constructs", ROOT / "runtime"]
    shared = [ROOT / name for name in ("app.py", "cdk.json", "requirements.txt")]
    beside = (ROOT / "stacks", architecture.folder.parent, ROOT / "catalogue")
    files = [*shared, *(file for folder in beside for file in folder.glob("*.py"))]
    for folder in folders:
        files += [Path(top, name) for top, _, names in os.walk(folder) for name in names]
    return max(file.stat().st_mtime for file in files if "__pycache__" not in file.parts)


def synthesize(
    slugs: Iterable[str],
    outdir: Path,
    *,
    reports: bool = False,
    context: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs app.py for some architectures.

    Args:
        slugs: Which ones; none means all.
        outdir: Receives the cloud assembly.
        reports: Also run the compliance packs; their findings are then no failure.
        context: Options of the architectures, by name.

    Returns:
        The finished process.

    Raises:
        UsageError: Synthesis failed; the message is the app's own.
    """
    chosen = {"stack": ",".join(slugs), "packs": "all" if reports else ""}
    settings = {**chosen, **(context or {})}
    environment = {
        **os.environ,
        "CDK_CONTEXT_JSON": json.dumps({name: value for name, value in settings.items() if value}),
        "CDK_OUTDIR": str(outdir),
        # Node comes with the virtual environment, activated or not.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    }
    process = subprocess.run(  # noqa: S603 - our own app, no shell
        [sys.executable, str(ROOT / "app.py")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode not in ((0, FINDINGS) if reports else (0,)):
        message = process.stderr.strip().splitlines() or ["no message"]
        raise UsageError(f"Synthesis failed: {message[-1].removeprefix('error: ')}")
    return process
