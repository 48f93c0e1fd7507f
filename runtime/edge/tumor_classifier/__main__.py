"""`check` and `run`, as the recipe calls them."""

from __future__ import annotations

import argparse
import logging
import math
import signal
import sys
from pathlib import Path
from threading import Event

from .classifier import Classifier
from .station import Station
from .telemetry import connect

log = logging.getLogger(__name__)


def check(arguments: argparse.Namespace) -> int:
    """Returns 0 if this device gives the answers that are known, 1 if not."""
    answers = Classifier(arguments.model).score(arguments.requests.read_bytes())
    expected = [float(line) for line in arguments.answers.read_text().split()]
    agree = len(answers) == len(expected) and all(
        math.isclose(answer, known, abs_tol=1e-4)
        for answer, known in zip(answers, expected, strict=True)
    )
    log.log(
        logging.INFO if agree else logging.ERROR,
        "%d answers, %s those that are known",
        len(answers),
        "equal to" if agree else "not",
    )
    return 0 if agree else 1


def run(arguments: argparse.Namespace) -> int:
    """Scores until SIGTERM, then ends with the file it has begun."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    station = Station(
        Classifier(arguments.model),
        arguments.folder,
        connect(),
        topic=arguments.topic,
        version=arguments.version,
    )
    log.info("ready")
    station.run(stop)
    return 0


def main(arguments: list[str]) -> int:
    """Runs a command and returns its exit code."""
    parser = argparse.ArgumentParser(prog="tumor_classifier")
    commands = parser.add_subparsers(required=True)
    for command, paths, texts in (
        (check, ("model", "requests", "answers"), ()),
        (run, ("model", "folder"), ("topic", "version")),
    ):
        chosen = commands.add_parser(command.__name__, help=command.__doc__)
        chosen.set_defaults(command=command)
        for name in paths:
            chosen.add_argument(f"--{name}", type=Path, required=True)
        for name in texts:
            chosen.add_argument(f"--{name}", required=True)
    parsed = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stdout)
    return int(parsed.command(parsed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
