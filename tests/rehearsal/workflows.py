"""Roles, queues and objects of an emulated account, for tests of what runs by itself."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

from rehearsal.account import ACCOUNT, REGION, EmulatedAccount

IMAGE = f"683313688378.dkr.ecr.{REGION}.amazonaws.com/sagemaker-xgboost:3.0-5"
LOGS = ["logs:CreateLogStream", "logs:PutLogEvents"]


class Workflows:
    """What a test needs, by names of its own."""

    def __init__(self, account: EmulatedAccount) -> None:
        self.account = account
        self.client = account.client
        self.bucket = self.name("bucket")
        self.client("s3").create_bucket(Bucket=self.bucket)

    def name(self, kind: str) -> str:
        """Returns a name that nobody has."""
        return f"{kind}-{uuid.uuid4().hex[:10]}"

    def role(self, service: str, *allowed: tuple[str | list[str], str], source: str = "*") -> str:
        """Returns the ARN of a new role that a service may assume."""
        iam, name = self.client("iam"), self.name("role")
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": f"{service}.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"ArnLike": {"aws:SourceArn": source}},
        }
        role = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
        statements = [{"Effect": "Allow", "Action": a, "Resource": r} for a, r in allowed]
        if statements:
            document = {"Version": "2012-10-17", "Statement": statements}
            iam.put_role_policy(
                RoleName=name, PolicyName="test", PolicyDocument=json.dumps(document)
            )
        return str(role["Role"]["Arn"])

    def job_role(self, *more: tuple[str | list[str], str], writes: bool = True) -> str:
        """Returns the ARN of a role for jobs over the bucket."""
        actions = ["s3:GetObject", "s3:ListBucket", *(["s3:PutObject"] if writes else [])]
        return self.role(
            "sagemaker",
            (actions, f"arn:aws:s3:::{self.bucket}*"),
            (["ecr:GetAuthorizationToken"], "*"),
            (["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "arn:aws:ecr:*:*:repository/*"),
            (LOGS, f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/*"),
            *more,
        )

    def put(self, key: str, content: bytes | str) -> str:
        """Writes an object and returns its address."""
        body = content.encode() if isinstance(content, str) else content
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def get(self, key: str) -> str:
        """Returns an object."""
        body = self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return str(body.decode())

    def keys(self, prefix: str) -> list[str]:
        """Returns the keys below a prefix."""
        found = self.client("s3").list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [each["Key"] for each in found.get("Contents", [])]

    def ended(self, kind: str, name: str) -> dict[str, Any]:
        """Returns a job when it has ended."""
        describe = getattr(self.client("sagemaker"), f"describe_{kind}_job")
        noun = f"{kind.capitalize()}Job"

        def look() -> Any:
            found = describe(**{f"{noun}Name": name})
            return found if found[f"{noun}Status"] not in ("InProgress", "Stopping") else None

        found: dict[str, Any] = until(look)
        return found

    def queue(self) -> tuple[str, str]:
        """Returns address and ARN of a new queue."""
        name = self.name("queue")
        url = self.client("sqs").create_queue(QueueName=name)["QueueUrl"]
        return url, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    def allow(self, url: str, arn: str, source: str) -> None:
        """Lets EventBridge send into a queue on behalf of a rule."""
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": source}},
        }
        self.client("sqs").set_queue_attributes(
            QueueUrl=url,
            Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})},
        )

    def message(self, url: str, *, skipping: float = 0) -> dict[str, Any]:
        """Returns the next message of a queue."""
        sqs = self.client("sqs")

        def look() -> Any:
            if skipping:
                self.account.advance(skipping)
            return sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages")

        (message,) = until(look)
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return dict(message)


def until(look: Callable[[], Any], seconds: float = 30) -> Any:
    """Returns the first thing that is something."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
