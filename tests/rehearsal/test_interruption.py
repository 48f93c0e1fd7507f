"""Ctrl-C ends a rehearsal, whatever it is about to do, and everything that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from catalogue.discover import ROOT

PROGRAM = """
import sys
from pathlib import Path
from catalogue.discover import select
from catalogue.template import Template
from rehearsal import run
from study.rehearse import look_round
from tests.support.small_assembly import write

folder = Path(sys.argv[1])
run.FOLDER = folder / "logs"
run.scenario = lambda _: None
(architecture,) = select(["realtime_endpoint"])
resources = {"Queue": {"Type": "AWS::SQS::Queue"}}
assembly = write(folder / "assembly", architecture.stack_id, resources, {"A": "b"})
template = Template({"Resources": resources}, architecture.slug)
said = lambda step, _: print(step, flush=True)
run.Rehearsal(architecture, template, lambda _: assembly, said).run(after=look_round)
"""
SECONDS = 15.0


@pytest.mark.parametrize("step", ["bootstrap", "deploy", "keep", "destroy"])
def test_nothing_goes_on_after_ctrl_c(step: str, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "REHEARSAL_OF": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    if step == "keep":
        for line in process.stderr:
            if not line.startswith("export "):
                break
    else:
        if step == "destroy":
            process.stdin.write("\n")
            process.stdin.flush()
        for line in process.stdout:
            if line.strip() == step:
                break
    time.sleep(0.3)  # in the middle of it
    assert len(running(tmp_path)) > 1
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=SECONDS)
    assert "KeyboardInterrupt" in said
    assert running(tmp_path) == []


def running(folder: Path) -> list[str]:
    """Command lines of the processes that belong to a rehearsal."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"REHEARSAL_OF={folder}\0".encode() in environment.read_bytes():
                command = environment.with_name("cmdline").read_bytes()
                found.append(command.replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found
