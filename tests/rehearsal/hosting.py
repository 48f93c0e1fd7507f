"""An emulated account with a role, a bucket and models, to host endpoints in."""

from __future__ import annotations

import io
import json
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from rehearsal.account import ACCOUNT, REGION, EmulatedAccount
from runtime.models import tumor_classifier

IMAGE = f"683313688378.dkr.ecr.{REGION}.amazonaws.com/sagemaker-xgboost:3.0-5"
BUCKET = "hosting-tests"
ROWS = tumor_classifier.SAMPLE_REQUESTS.read_text().splitlines()
ANSWERS = [float(line) for line in tumor_classifier.SAMPLE_ANSWERS.read_text().splitlines()]
ARTIFACTS = {
    "champion": tumor_classifier.ARTIFACT,
    "challenger": tumor_classifier.CHALLENGER,
    "broken": tumor_classifier.BROKEN,
}

PERMISSIONS = {
    "artifacts": ("s3:GetObject", f"arn:aws:s3:::{BUCKET}/models/*"),
    "capture": ("s3:PutObject", f"arn:aws:s3:::{BUCKET}/capture/*"),
    "key": ("kms:GenerateDataKey", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*"),
    "logs": ("logs:*", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/Endpoints/*:*"),
    "metrics": ("cloudwatch:PutMetricData", "*"),
    "alarms": ("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:*"),
}


class Hosting:
    """What a test hosts, by names of its own; `clean` deletes it."""

    def __init__(self, account: EmulatedAccount) -> None:
        self.account = account
        self.sagemaker = account.client("sagemaker")
        self.runtime = account.client("sagemaker-runtime")
        self.s3 = account.client("s3")
        with suppress(ClientError):
            self.s3.create_bucket(Bucket=BUCKET)
        self._endpoints: list[str] = []

    def name(self, kind: str = "test") -> str:
        """Returns a name that nobody has."""
        return f"{kind}-{uuid.uuid4().hex[:12]}"

    def role(self, *without: str) -> str:
        """Returns the ARN of a new role for SageMaker that may not do what is named."""
        name = self.name("role")
        allowed = [pair for key, pair in PERMISSIONS.items() if key not in without]
        statements = [
            {"Effect": "Allow", "Action": action, "Resource": resource}
            for action, resource in allowed
        ]
        trusted = {"Service": "sagemaker.amazonaws.com"}
        trust = {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}
        iam = self.account.client("iam")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy([trust]))
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=_policy(statements))
        return f"arn:aws:iam::{ACCOUNT}:role/{name}"

    def upload(self, artifact: Path | bytes) -> str:
        """Puts a model artifact into the bucket and returns its URI."""
        content = artifact if isinstance(artifact, bytes) else artifact.read_bytes()
        key = f"models/{uuid.uuid4().hex}.tar.gz"
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        return f"s3://{BUCKET}/{key}"

    def model(self, artifact: str | bytes = "champion", role: str | None = None) -> str:
        """Creates a model and returns its name."""
        name = self.name("model")
        content = ARTIFACTS[artifact] if isinstance(artifact, str) else artifact
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=role or self.role(),
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": self.upload(content)},
        )
        return name

    def config(self, *variants: dict[str, Any], **settings: Any) -> str:
        """Creates an endpoint configuration and returns its name."""
        name = self.name("config")
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=list(variants), **settings
        )
        return name

    def endpoint(self, config: str) -> str:
        """Creates an endpoint and returns its name when it is in service."""
        name = self.name("Endpoint")
        self._endpoints.append(name)
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        self.settled(name)
        return name

    def describe(self, endpoint: str) -> dict[str, Any]:
        """Returns what DescribeEndpoint says."""
        return dict(self.sagemaker.describe_endpoint(EndpointName=endpoint))

    def settled(self, endpoint: str) -> dict[str, Any]:
        """Returns what DescribeEndpoint says when nothing is in progress."""
        busy = ("Creating", "Updating", "RollingBack")
        return until(lambda: self.describe(endpoint), lambda d: d["EndpointStatus"] not in busy)

    def invoke(self, endpoint: str, body: str = ROWS[0], **parameters: Any) -> dict[str, Any]:
        """Sends a request and returns the answer, its body as text."""
        answer = self.runtime.invoke_endpoint(
            EndpointName=endpoint,
            Body=body,
            **{"ContentType": tumor_classifier.CONTENT_TYPE, **parameters},
        )
        return {**answer, "Body": answer["Body"].read().decode()}

    def statistics(
        self, namespace: str, metric: str, statistic: str, **dimensions: str
    ) -> list[float]:
        """Returns a metric's statistic for each minute that has data."""
        now = self.account.now()
        points = self.account.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=now - timedelta(hours=12),
            EndTime=now,
            Period=60,
            Statistics=[statistic],
        )["Datapoints"]
        return [point[statistic] for point in points]

    def captured(self, endpoint: str, variant: str) -> list[dict[str, Any]]:
        """Returns what was captured."""
        prefix = f"capture/{endpoint}/{variant}/"
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        bodies = [
            self.s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in listed
        ]
        return [json.loads(line) for body in bodies for line in body.decode().splitlines()]

    def clean(self) -> None:
        """Deletes the endpoints."""
        for name in self._endpoints:
            with suppress(ClientError):
                self.settled(name)
                self.sagemaker.delete_endpoint(EndpointName=name)


def variant(model: str, name: str = "AllTraffic", **settings: Any) -> dict[str, Any]:
    """Returns a variant on one instance."""
    return {
        "VariantName": name,
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 1.0,
        **settings,
    }


def until(look: Callable[[], Any], holds: Callable[[Any], object], seconds: float = 30) -> Any:
    """Returns what is seen when it holds."""
    deadline = time.monotonic() + seconds
    while not holds(seen := look()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)
    return seen


def code(refused: Any) -> tuple[str, str]:
    """Returns the code and the message of a refusal."""
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def archive(**files: bytes) -> bytes:
    """Returns a model artifact of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def hosted(account: EmulatedAccount) -> Iterator[Hosting]:
    """Yields a Hosting and cleans it up."""
    hosting = Hosting(account)
    yield hosting
    hosting.clean()


def _policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
