"""Invocations through the emulated AWS against the same inference server, asked directly."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench_container.measure import AUTOCANNON, CONNECTIONS, SECONDS
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from rich.progress import track

from rehearsal.account import ACCOUNT, EMULATOR, REGION, EmulatedAccount
from runtime.models import tumor_classifier

NAME = "bench"
BARE, EMULATED = "the inference server", "through the emulated AWS"
MEGABYTE = 2**20


@dataclass(frozen=True)
class Target:
    """Where to send requests, and with which headers."""

    url: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Sample:
    """What one burst of requests gave; the latency in milliseconds."""

    per_second: float
    p99: float


def possible() -> str:
    """Returns why this machine cannot measure, empty if it can."""
    if not EMULATOR.exists():
        return "there is no emulated AWS: make rehearsal"
    return "" if AUTOCANNON else "npm's autocannon is missing: npm ci"


@contextmanager
def endpoint(account: EmulatedAccount, instances: int) -> Iterator[None]:
    """Hosts the sample model."""
    s3, iam, sagemaker = (account.client(name) for name in ("s3", "iam", "sagemaker"))
    s3.create_bucket(Bucket=NAME)
    s3.upload_file(str(tumor_classifier.ARTIFACT), NAME, "model.tar.gz")
    principal = {"Service": "sagemaker.amazonaws.com"}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    read = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{NAME}/*"}
    iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    policy = json.dumps({"Version": "2012-10-17", "Statement": [read]})
    iam.put_role_policy(RoleName=NAME, PolicyName=NAME, PolicyDocument=policy)
    sagemaker.create_model(
        ModelName=NAME,
        ExecutionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/{NAME}",
        PrimaryContainer={
            "Image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/sagemaker-xgboost:3.0-5",
            "ModelDataUrl": f"s3://{NAME}/model.tar.gz",
        },
    )
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": NAME,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": instances,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=NAME, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)
    waiter = sagemaker.get_waiter("endpoint_in_service")
    waiter.wait(EndpointName=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    yield
    sagemaker.delete_endpoint(EndpointName=NAME)


def user(account: EmulatedAccount) -> Credentials:
    """Returns a key of a user that may invoke the endpoint and nothing else."""
    iam = account.client("iam")
    iam.create_user(UserName=NAME)
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{NAME}"
    invoke = {"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [invoke]})
    iam.put_user_policy(UserName=NAME, PolicyName=NAME, PolicyDocument=policy)
    key = iam.create_access_key(UserName=NAME)["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def signed(url: str, credentials: Credentials, body: str) -> dict[str, str]:
    """Returns the headers of a signed request, good for some minutes."""
    request = AWSRequest("POST", url, headers={"Content-Type": "text/csv"}, data=body)
    SigV4Auth(credentials, "sagemaker", REGION).add_auth(request)
    return dict(request.headers.items())


def processes(account: EmulatedAccount) -> list[Path]:
    """Returns the processes of the emulator and of the inference servers that it started."""
    port = account.url.rpartition(":")[2]
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if f"GATEWAY_PORT={port}".encode() in environment and b"rehearsal.emulator" in command:
            found = [process]
            break
    return found + [
        Path("/proc") / child
        for process in found
        for task in (process / "task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def server_port(process: Path) -> int:
    """Returns where an inference server listens."""
    environment = (process / "environ").read_text()
    (port,) = re.findall(r"SAGEMAKER_BIND_TO_PORT=(\d+)", environment)
    return int(port)


def megabytes(process: Path) -> float:
    """Returns the memory of a process."""
    pages = int((process / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def burst(target: Target, body: Path) -> Sample:
    """Sends requests for some seconds."""
    headers = [f"--headers={name}: {value}" for name, value in target.headers.items()]
    load = subprocess.run(
        [
            AUTOCANNON, "--json", f"--connections={CONNECTIONS}", f"--duration={SECONDS}",
            "--method=POST", f"--input={body}", *headers, target.url,
        ],
        capture_output=True,
        check=True,
    )  # fmt: skip
    result = json.loads(load.stdout)
    if result["non2xx"] or result["errors"] or not result["2xx"]:
        raise RuntimeError(f"{target.url} did not answer every request: {load.stdout!r}")
    return Sample(result["requests"]["average"], result["latency"]["p99"])


def samples(rounds: int) -> tuple[dict[str, list[Sample]], float, float]:
    """Returns what each gave in each round, and the megabytes of emulator and inference server."""
    taken: dict[str, list[Sample]] = defaultdict(list)
    row = tumor_classifier.SAMPLE_REQUESTS.read_text().splitlines()[0]
    with tempfile.TemporaryDirectory() as name, EmulatedAccount(Path(name)) as account:
        body = Path(name) / "row.csv"
        body.write_text(row)
        with endpoint(account, instances=1):
            emulator, server = processes(account)
            url = f"{account.url}/endpoints/{NAME}/invocations"
            direct = f"http://127.0.0.1:{server_port(server)}/invocations"
            bare = Target(direct, {"Content-Type": "text/csv"})
            credentials = user(account)
            for number in track(range(rounds + 1), "rehearsal"):
                emulated = Target(url, signed(url, credentials, row))
                for label, target in ((BARE, bare), (EMULATED, emulated)):
                    sample = burst(target, body)
                    if number:
                        taken[label].append(sample)
            return taken, megabytes(emulator), megabytes(server)


def figures(taken: dict[str, list[Sample]], emulator: float, server: float) -> list[list[str]]:
    """Returns each figure with its aim."""
    ratio = statistics.median(
        emulated.per_second / bare.per_second
        for emulated, bare in zip(taken[EMULATED], taken[BARE], strict=True)
    )
    return [
        ["requests per second, emulated AWS / inference server", f"{ratio:.2f}", "0.5"],
        ["memory of the emulator and three instances", f"{emulator + 3 * server:.0f} MB", "600 MB"],
    ]


def medians(taken: dict[str, list[Sample]]) -> list[list[str]]:
    """Returns what each gave, in its own units."""
    return [
        [
            label,
            f"{statistics.median(sample.per_second for sample in given):,.0f}",
            f"{statistics.median(sample.p99 for sample in given):.0f} ms",
        ]
        for label, given in taken.items()
    ]
