"""What a user tries first, and what proves the architecture: load and the clock move capacity."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from rehearsal.clients import ask_endpoint
from rehearsal.load import instances, out_and_in
from rehearsal.stage import Stage, read
from runtime.models import tumor_classifier

TARGET = 1500  # invocations per instance and minute, as the stack sets it
CALM_MINUTES = 25  # 15 of the lower alarm, 5 of the cooldown, and some
OFFICE = ZoneInfo("Europe/Berlin")
MORNING, EVENING = (7, 45), (19, 0)
SATURDAY = 5

invoke = ask_endpoint


def rehearse(stage: Stage) -> None:
    """Target tracking follows the load; deployed anew with a schedule, the clock decides."""
    endpoint = stage.stack.outputs["EndpointName"]
    body = read(tumor_classifier.SAMPLE_REQUESTS)[0].encode()
    out_and_in(
        stage,
        endpoint,
        lambda: invoke(stage.stack, body),
        target=TARGET,
        calm_minutes=CALM_MINUTES,
    )
    stage.redeploy({"policy": "schedule"})
    _at(stage, *MORNING, minutes=-1)
    _expect(stage, endpoint, "a minute before the morning's action", 1)
    _at(stage, *MORNING, minutes=1)
    _expect(stage, endpoint, "from 7:45 in Berlin", 3)
    _at(stage, *EVENING, minutes=1)
    _expect(stage, endpoint, "from 19:00 in Berlin", 1)


def _expect(stage: Stage, endpoint: str, when: str, count: int) -> None:
    seen = instances(stage, endpoint)
    plural = "" if count == 1 else "s"
    stage.expect(f"{count} instance{plural} {when}", seen == count, f"{seen}")


def _at(stage: Stage, hour: int, minute: int, *, minutes: int) -> None:
    """Skips to so many minutes after the next time of a working day in the office."""
    now = stage.account.now().astimezone(OFFICE)
    then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    then += timedelta(minutes=minutes)
    while then <= now or then.weekday() >= SATURDAY:
        then += timedelta(days=1)
    stage.advance(minutes=(then - now) / timedelta(minutes=1))
