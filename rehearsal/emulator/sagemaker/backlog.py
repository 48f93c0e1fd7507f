"""The queue of an asynchronous endpoint."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Condition

from rehearsal.emulator import clock, cloudwatch
from rehearsal.emulator.sagemaker.endpoint import Endpoint
from rehearsal.emulator.sagemaker.fleets import Instance
from rehearsal.emulator.sagemaker.metrics import INVOCATIONS, MINUTE

WAIT_SECONDS = 1.0


@dataclass(eq=False)
class Waiting:
    """A request in the queue.

    Attributes:
        inference_id: As the client gave it, or ours.
        headers: Of the request, names in lower case.
        input_location: Where the payload lies; empty if it came with the request.
        body: The payload if it came with the request.
        output_location: Where the answer goes.
        failure_location: Where the reason of a failure goes; empty if nowhere.
        received: When it came.
        lives: Until when it may wait.
        seconds: How long the model may take.
        taken: When an instance took it from the queue.
    """

    inference_id: str
    headers: Mapping[str, str]
    input_location: str
    body: bytes
    output_location: str
    failure_location: str
    received: datetime
    lives: timedelta
    seconds: float
    taken: datetime | None = None


@dataclass
class Backlog:
    """What waits, and what instances work on.

    Attributes:
        endpoint: Whose queue it is.
        served: Whether somebody hands requests out.
        working: Requests that instances work on.
        changed: Held by whoever changes something, and notified.
    """

    endpoint: Endpoint
    served: bool = False
    working: set[Waiting] = field(default_factory=set)
    changed: Condition = field(default_factory=Condition)
    _waiting: deque[Waiting] = field(default_factory=deque)

    def put(self, request: Waiting) -> None:
        """Adds a request at the end."""
        with self.changed:
            self._waiting.append(request)
            self.changed.notify_all()

    def expired(self) -> list[Waiting]:
        """Takes the requests out that have waited for too long."""
        now = clock.now()
        with self.changed:
            gone = [each for each in self._waiting if now - each.received > each.lives]
            for request in gone:
                self._waiting.remove(request)
        return gone

    def take(self, instance: Instance) -> Waiting | None:
        """Takes the oldest request out for an instance, None if there is none."""
        with self.changed:
            if not self._waiting:
                return None
            request = self._waiting.popleft()
            request.taken = clock.now()
            self.working.add(request)
            instance.in_flight += 1
            return request

    def done(self, request: Waiting, instance: Instance, *, again: bool = False) -> None:
        """Takes note that an instance is done with a request, or that it has to wait again."""
        with self.changed:
            instance.in_flight -= 1
            self.working.discard(request)
            if again:
                self._waiting.appendleft(request)
            self.changed.notify_all()

    def wait(self) -> None:
        """Returns when something has changed, or after a moment."""
        with self.changed:
            if self.working:
                self.changed.wait(WAIT_SECONDS)

    def all(self) -> list[Waiting]:
        """Returns what waits and what is worked on."""
        with self.changed:
            return [*self._waiting, *self.working]

    def drop(self) -> None:
        """Forgets what waits."""
        with self.changed:
            self._waiting.clear()
            self.changed.notify_all()

    def measure(self) -> None:
        """Publishes what the queue was like in the minute that ends.

        Without an instance the backlog per instance counts as that of one: a policy that tracks it
        leaves zero once more requests wait than its target.
        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
        """
        known, now = self.all(), clock.now()
        instances = sum(len(variant.instances) for variant in self.endpoint.fleet or ())
        oldest = min((request.received for request in known), default=now)
        values = {
            "ApproximateBacklogSize": (float(len(known)), "Count"),
            "ApproximateBacklogSizePerInstance": (len(known) / max(1, instances), "Count"),
            "HasBacklogWithoutCapacity": (float(bool(known) and not instances), "Count"),
            "ApproximateAgeOfOldestRequest": ((now - oldest).total_seconds(), "Seconds"),
        }
        at = time.time() - MINUTE
        dimensions = {"EndpointName": self.endpoint.name}
        for name, (value, unit) in values.items():
            cloudwatch.put_values(INVOCATIONS, name, dimensions, {value: 1}, unit, at=at)
