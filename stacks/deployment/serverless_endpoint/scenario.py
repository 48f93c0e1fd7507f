"""What a user tries first, and what proves the architecture: warm, cold, throttled, scaled."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from rehearsal.clients import ask_endpoint
from rehearsal.load import activities
from rehearsal.stage import Stage, read
from runtime.models import tumor_classifier

MAX_CONCURRENCY = 5  # as the stack sets it
LARGEST_BODY = 4 * 2**20
COPIES = 150  # of the sample: some 1 MB, which keep an environment busy for a moment
IDLE_MINUTES = 6
TOLERANCE = 1e-6
LOAD_MINUTES = 7  # 3 of the upper alarm, and some more as each step follows the last
CALM_MINUTES = 22  # 15 of the lower alarm, 5 of the cooldown, and some

invoke = ask_endpoint


def rehearse(stage: Stage) -> None:
    """Requests start environments, too many are throttled, and load raises what is kept warm."""
    rows = read(tumor_classifier.SAMPLE_REQUESTS)
    expected = [float(line) for line in read(tumor_classifier.SAMPLE_ANSWERS)]
    answer = float(invoke(stage.stack, rows[0].encode()))
    stage.expect("answered as the model answers", abs(answer - expected[0]) < TOLERANCE, answer)
    stage.expect("the first request finds a warm environment", not _cold(stage), _cold(stage))

    body = ("\n".join(rows) + "\n").encode() * COPIES
    outcomes = _fill(stage, body, expected)
    throttled, cold = outcomes["ThrottlingException"], _cold(stage)
    stage.show(f"{4 * MAX_CONCURRENCY} requests at once, and again", dict(outcomes))
    stage.expect("more than may run at once are throttled", throttled > 0, dict(outcomes))
    stage.show("cold starts, the longest", f"{cold}, {_longest(stage, 'ModelSetupTime')}")
    stage.show("longest overhead", _longest(stage, "OverheadLatency"))
    _burst(stage, body, expected, MAX_CONCURRENCY)
    again = _cold(stage) - cold
    stage.expect("the next ones find them warm", again == 0, f"{again} more cold starts")

    outcomes = _burst(stage, body * (LARGEST_BODY // len(body) + 1), expected, 1)
    stage.expect("more than 4 MB are refused", outcomes["413"] == 1, dict(outcomes))

    cold = _cold(stage)
    stage.advance(minutes=IDLE_MINUTES)
    invoke(stage.stack, rows[0].encode())
    stage.expect(f"after {IDLE_MINUTES} idle minutes one is warm", _cold(stage) == cold, "none")
    _fill(stage, body, expected, after=cold)
    _scales(stage, body, expected)


def _fill(stage: Stage, body: bytes, expected: list[float], *, after: int = 0) -> Counter[str]:
    """Sends bursts until every environment runs that may, and all but the warm ones start cold."""
    outcomes: Counter[str] = Counter()
    wanted = MAX_CONCURRENCY - _provisioned(stage)

    def full() -> bool:
        outcomes.update(_burst(stage, body, expected, 4 * MAX_CONCURRENCY))
        return _cold(stage) - after == wanted

    stage.until(f"{wanted} environments start cold, as many as may run beside the warm", full)
    return outcomes


def _scales(stage: Stage, body: bytes, expected: list[float]) -> None:
    """Shows that load raises the provisioned concurrency, and little of it brings it down."""
    for _ in range(LOAD_MINUTES):
        _burst(stage, body, expected, MAX_CONCURRENCY)
        stage.advance(minutes=1)
    busy = _provisioned(stage)
    stage.expect(f"more are kept warm after {LOAD_MINUTES} min of load", busy > 1, busy)
    row = body.partition(b"\n")[0]
    for _ in range(CALM_MINUTES):
        invoke(stage.stack, row)
        stage.advance(minutes=1)
    calm = _provisioned(stage)
    stage.expect(f"fewer after {CALM_MINUTES} min of single requests", calm < busy, calm)
    stage.show("kept warm: at first, under load, with little", f"1, {busy}, {calm}")
    stage.show("scaling activities", "; ".join(activities(stage, _name(stage))))


def _burst(stage: Stage, body: bytes, expected: list[float], number: int) -> Counter[str]:
    """Sends requests at once, expects every answer to be right, and counts what came of them."""
    refused = stage.client("sagemaker-runtime").exceptions.ClientError

    def send(_: int) -> str:
        try:
            answers = [float(line) for line in invoke(stage.stack, body).split()]
        except refused as error:
            return str(error.response["Error"]["Code"])
        known = expected * (len(answers) // len(expected))
        right = all(abs(a - b) <= TOLERANCE for a, b in zip(answers, known, strict=True))
        return "right" if right else "wrong"

    with ThreadPoolExecutor(number) as senders:
        outcomes = Counter(senders.map(send, range(number)))
    if outcomes["wrong"]:
        stage.expect("every answer is right", False, dict(outcomes))
    return outcomes


def _name(stage: Stage) -> str:
    return stage.stack.outputs["EndpointName"]


def _provisioned(stage: Stage) -> int:
    described = stage.client("sagemaker").describe_endpoint(EndpointName=_name(stage))
    config = described["ProductionVariants"][0]["CurrentServerlessConfig"]
    return int(config["ProvisionedConcurrency"])


def _cold(stage: Stage) -> int:
    """Returns how many cold starts CloudWatch has seen."""
    return int(sum(_statistics(stage, "ModelSetupTime", "SampleCount")))


def _longest(stage: Stage, metric: str) -> str:
    return f"{max(_statistics(stage, metric, 'Maximum')) / 1e6:.2f} s"


def _statistics(stage: Stage, metric: str, statistic: str) -> list[float]:
    dimensions = {"EndpointName": _name(stage), "VariantName": "AllTraffic"}
    now = stage.account.now()
    found = stage.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(hours=2),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=[statistic],
    )
    return [float(point[statistic]) for point in found["Datapoints"]]
