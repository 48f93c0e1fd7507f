"""Sends sample requests to an endpoint at a steady rate, and tells every 10 s how it answered.

For what has to be seen under load: a scaling policy that adds instances, a canary that is rolled
back, a shadow that is compared. Each request carries an inference ID, under which captured data can
be joined. Every call is billed as any other.

    python -m scripts.traffic NAME [--rate 5] [--minutes 10] [--region eu-west-1]
"""

from __future__ import annotations

import argparse
import math
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from queue import SimpleQueue
from typing import Any

from runtime.models import tumor_classifier

REPORT_SECONDS = 10
MAX_IN_FLIGHT = 256


Outcome = tuple[str, float]
"""Who answered, or the error's code; and after how many seconds."""


def send(runtime: Any, endpoint: str, body: str) -> Outcome:
    """Sends one request and returns what became of it."""
    from botocore.exceptions import BotoCoreError, ClientError

    started = time.perf_counter()
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=endpoint,
            ContentType=tumor_classifier.CONTENT_TYPE,
            Body=body,
            InferenceId=str(uuid.uuid4()),
        )
        answer["Body"].read()
        told = f"answered by {answer.get('InvokedProductionVariant', endpoint)}"
    except ClientError as error:
        told = error.response["Error"]["Code"]
    except BotoCoreError as error:
        told = type(error).__name__
    return told, time.perf_counter() - started


def report(outcomes: Sequence[Outcome]) -> str:
    """Returns the outcomes in one line."""
    if not outcomes:
        return "nothing answered"
    counts = Counter(told for told, _ in outcomes)
    seconds = sorted(passed for _, passed in outcomes)
    p50, p99 = (seconds[math.ceil(share * len(seconds)) - 1] for share in (0.5, 0.99))
    told = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    return f"{told}; p50 {p50:.3f} s, p99 {p99:.3f} s"


def run(runtime: Any, endpoint: str, *, rate: float, seconds: float) -> Iterator[str]:
    """Yields a line every 10 s while requests go out on time, whether answers come or not."""
    bodies = cycle(tumor_classifier.SAMPLE_REQUESTS.read_text(encoding="utf-8").splitlines())
    done: SimpleQueue[Outcome] = SimpleQueue()

    def drained() -> str:
        return report([done.get() for _ in range(done.qsize())])

    reported = started = time.monotonic()
    with ThreadPoolExecutor(MAX_IN_FLIGHT) as pool:
        for number in range(max(1, round(rate * seconds))):
            time.sleep(max(0.0, started + number / rate - time.monotonic()))
            body = next(bodies)
            pool.submit(lambda body=body: done.put(send(runtime, endpoint, body)))
            if time.monotonic() - reported >= REPORT_SECONDS:
                reported = time.monotonic()
                yield drained()
    yield drained()


def main() -> None:
    """Sends requests as the command line says."""
    import boto3
    from botocore.config import Config

    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("endpoint", help="the stack's output EndpointName")
    parser.add_argument("--rate", type=float, default=5, help="requests per second")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--region")
    given = parser.parse_args()
    if given.rate <= 0 or given.minutes <= 0:
        parser.error(f"rate is {given.rate:g}, minutes is {given.minutes:g}: give positive values.")
    # Retries would hide the errors that the test is about.
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=MAX_IN_FLIGHT)
    runtime = boto3.client("sagemaker-runtime", region_name=given.region, config=config)
    for line in run(runtime, given.endpoint, rate=given.rate, seconds=given.minutes * 60):
        print(line, flush=True)


if __name__ == "__main__":
    main()
