"""Scores the files that are put into a folder."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from statistics import fmean
from threading import Event

from .classifier import BadSamples, Classifier
from .telemetry import Telemetry

POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = 60.0
THRESHOLD = 0.5

log = logging.getLogger(__name__)


class Station:
    """Takes files from `inbox`, leaves answers in `outbox` and what is wrong in `rejected`.

    A file leaves the inbox once its answer is there: after a power cut it is scored again.

    Args:
        classifier: Scores.
        folder: Below it are the three folders; they are made if they are missing.
        telemetry: Told of what was done.
        topic: In front of the message's kind, such as "edge-deployment/device-1".
        version: Of the component, for whoever reads the messages.
    """

    def __init__(
        self,
        classifier: Classifier,
        folder: Path,
        telemetry: Telemetry,
        *,
        topic: str,
        version: str,
    ) -> None:
        self._classifier, self._telemetry = classifier, telemetry
        self._topic, self._version = topic, version
        self._inbox, self._outbox, self._rejected = (
            folder / name for name in ("inbox", "outbox", "rejected")
        )
        for place in (self._inbox, self._outbox, self._rejected):
            place.mkdir(parents=True, exist_ok=True)

    def run(self, stop: Event) -> None:
        """Works until `stop` is set."""
        next_heartbeat = time.monotonic()
        while not stop.is_set():
            if time.monotonic() >= next_heartbeat:
                self._publish("heartbeat")
                next_heartbeat = time.monotonic() + HEARTBEAT_SECONDS
            if not self.work(stop):
                stop.wait(POLL_SECONDS)

    def work(self, stop: Event) -> int:
        """Scores what is in the inbox, oldest name first; returns how many files it took."""
        files = sorted(self._inbox.glob("*.csv"))
        for taken, file in enumerate(files):
            if stop.is_set():
                return taken
            self._take(file)
        return len(files)

    def _take(self, file: Path) -> None:
        begin = time.perf_counter()
        try:
            answers = self._classifier.score(file.read_bytes())
        except BadSamples as error:
            self._reject(file, str(error))
            return
        _write(self._outbox / file.name, "".join(f"{answer!r}\n" for answer in answers))
        file.unlink()
        self._publish(
            "results",
            rows=len(answers),
            malignant=sum(answer > THRESHOLD for answer in answers),
            mean_probability=round(fmean(answers), 6),
            milliseconds=round((time.perf_counter() - begin) * 1000, 3),
        )

    def _reject(self, file: Path, reason: str) -> None:
        log.warning("rejected a file: %s", reason)
        _write(self._rejected / f"{file.name}.reason.txt", f"{reason}\n")
        file.replace(self._rejected / file.name)
        self._publish("rejected", reason=reason)

    def _publish(self, kind: str, **message: object) -> None:
        self._telemetry.publish(f"{self._topic}/{kind}", {"version": self._version, **message})


def _write(path: Path, text: str) -> None:
    """Writes the whole file or nothing: whoever waits for it never reads half of it."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text)
    part.replace(path)
