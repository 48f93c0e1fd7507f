"""Measures the project's figures as ratios within one run, and prints them beside their aims.

Whole processes are timed in turn, so that a machine that slows down slows down all of them; the
median counts. Figures are for reading, not for gating: the exit code is always 0.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import bench_rehearsal
from bench_container import measure
from rich.progress import Progress

from catalogue.discover import discover
from study.report import Format, Report, Section

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
MLA = str(Path(PYTHON).with_name("mla"))
FOUR = ("realtime_endpoint", "serverless_endpoint", "async_endpoint", "batch_transform")

EMPTY_APP = "import aws_cdk; aws_cdk.App().synth()"
GATED_APP = (
    "import aws_cdk; from stacks.gates import add_gates; "
    "app = aws_cdk.App(); add_gates(app, reports=False); app.synth()"
)
COMMANDS: dict[str, list[str]] = {
    "python -c pass": [PYTHON, "-c", "pass"],
    "empty app": [PYTHON, "-c", EMPTY_APP],
    "empty app with gates": [PYTHON, "-c", GATED_APP],
    "one stack": [PYTHON, "app.py"],
    "four stacks": [PYTHON, "app.py"],
    "the catalogue": [PYTHON, "app.py"],
    "mla list": [MLA, "list"],
    "mla compare": [MLA, "compare", *FOUR],
}


def run(name: str, outdir: Path) -> float:
    """Runs a command to its end; returns the seconds it took."""
    chosen = {"one stack": FOUR[0], "four stacks": ",".join(FOUR)}
    context = {"stack": chosen[name]} if name in chosen else {}
    environment = {
        **os.environ,
        "CDK_CONTEXT_JSON": json.dumps(context),
        "CDK_OUTDIR": str(outdir / name.replace(" ", "-")),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.perf_counter()
    subprocess.run(COMMANDS[name], cwd=ROOT, env=environment, capture_output=True, check=True)
    return time.perf_counter() - started


def medians(runs: int) -> dict[str, float]:
    """Returns the median seconds of each command, after one run that is not counted."""
    taken: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, Progress() as progress:
        bar = progress.add_task("whole processes", total=(runs + 1) * len(COMMANDS))
        for number in range(runs + 1):
            for name in COMMANDS:
                seconds = run(name, Path(folder))
                if number:
                    taken[name].append(seconds)
                progress.advance(bar)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def template_tests() -> float:
    """Returns the seconds that the template tests take per stack, after the shared synthesis."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        chosen = ["tests/stacks/test_traits.py", "tests/stacks/test_snapshots.py"]
        chosen += [f"tests/stacks/test_{slug}.py" for slug in discover()]
        subprocess.run(
            [PYTHON, "-m", "pytest", "-q", f"--junitxml={results}", *chosen],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        cases = ET.parse(results).getroot().iter("testcase")  # noqa: S314 - written by ourselves
        seconds = sorted(float(case.get("time", 0)) for case in cases)
    # The longest case is the one that had to wait for the synthesis.
    return sum(seconds[:-1]) / len(discover())


def rows(seconds: Mapping[str, float], tests: float, megabytes: float) -> list[list[str]]:
    """Returns each figure with its aim."""
    empty, four, one = seconds["empty app"], seconds["four stacks"], seconds["one stack"]
    everything, number = seconds["the catalogue"], len(discover())
    start = seconds["python -c pass"]
    return [
        ["app.py, four stacks / empty app", f"{four / empty:.2f}", "1.4"],
        ["app.py, one stack / empty app", f"{one / empty:.2f}", "1.25"],
        [f"app.py, all {number} stacks / empty app", f"{everything / empty:.2f}", ""],
        ["a further stack", f"{(everything - one) / (number - 1) * 1000:.0f} ms", "60 ms"],
        ["peak memory of the largest process", f"{megabytes:.0f} MB", "900 MB"],
        ["mla list", f"{seconds['mla list']:.2f} s", "0.4 s"],
        ["mla list / python -c pass", f"{seconds['mla list'] / start:.1f}", ""],
        ["mla compare of four", f"{seconds['mla compare']:.2f} s", "0.8 s"],
        ["mla compare / python -c pass", f"{seconds['mla compare'] / start:.1f}", ""],
        ["template tests per stack, after the synthesis", f"{tests:.2f} s", "0.5 s"],
    ]


def synthesis(runs: int) -> list[Section]:
    """Returns the figures of synthesis and of the command."""
    seconds = medians(runs)
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    figures = rows(seconds, template_tests(), megabytes)
    return [
        Section("Figures", ["Figure", "Measured", "Aim"], figures),
        Section(
            "Seconds of whole processes",
            ["Command", "Median"],
            [[name, f"{value:.2f}"] for name, value in seconds.items()],
        ),
    ]


def container(runs: int) -> list[Section]:
    """Returns the figures of the inference container."""
    if reason := measure.possible():
        return [Section("Inference container", ["Not measured"], [[reason]])]
    taken = measure.samples(runs)
    return [
        Section("Inference container", ["Figure", "Measured", "Aim"], measure.figures(taken)),
        Section(
            "One row a request, one worker on one core, 16 connections",
            ["Server", "Requests per second", "p99", "Processor time"],
            measure.medians(taken),
        ),
    ]


def emulator(runs: int) -> list[Section]:
    """Returns the figures of the emulated AWS."""
    if reason := bench_rehearsal.possible():
        return [Section("Rehearsal", ["Not measured"], [[reason]])]
    taken, *used = bench_rehearsal.samples(runs)
    figures = bench_rehearsal.figures(taken, *used)
    return [
        Section("Rehearsal", ["Figure", "Measured", "Aim"], figures),
        Section(
            "One row a request, one instance, 16 connections",
            ["Asked", "Requests per second", "p99"],
            bench_rehearsal.medians(taken),
        ),
    ]


PARTS = {"synth": synthesis, "container": container, "rehearsal": emulator}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description="Measure the project's figures.")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each")
    parser.add_argument("--only", choices=list(PARTS), help="one part; without it, all")
    parser.add_argument("--format", type=Format, default=Format.TABLE, choices=list(Format))
    arguments = parser.parse_args()
    chosen = [arguments.only] if arguments.only else list(PARTS)
    report = Report(
        title="Figures",
        lead=f"Median of {arguments.runs} runs. Ratios compare within one run.",
        sections=[section for part in chosen for section in PARTS[part](arguments.runs)],
    )
    print(report.render(arguments.format))


if __name__ == "__main__":
    main()
