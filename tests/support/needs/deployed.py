"""A template as deployed, and what touching its resources takes of a role.

A bucket, log group, topic or table under a customer-managed key asks its user for the key as well,
through the service; the documents are named where the actions stand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import jmespath

from catalogue.template import Template
from study.evaluation import Request
from study.sample import ACCOUNT, REGION, Sample

TLS = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
"""How every client of AWS calls."""

KEY_OF = {
    "AWS::CodeCommit::Repository": "KmsKeyId",
    "AWS::DynamoDB::Table": "SSESpecification.KMSMasterKeyId",
    "AWS::Logs::LogGroup": "KmsKeyId",
    "AWS::S3::Bucket": (
        "BucketEncryption.ServerSideEncryptionConfiguration[0]"
        ".ServerSideEncryptionByDefault.KMSMasterKeyID"
    ),
    "AWS::SNS::Topic": "KmsMasterKeyId",
}
"""Resource type -> where it names the key that it is under."""


MANAGED = "AWS's managed policy "
"""Begins a source that is the policy of this name: what AWS itself grants for the purpose."""


class Evidence(StrEnum):
    """What shows that a request is made."""

    RECORDED = "our code, which was run"
    DOCUMENT = "a document that says so"
    SERVICE = "a service for itself"


@dataclass(frozen=True)
class Ask:
    """An action on a resource.

    Attributes:
        action: Such as "s3:GetObject".
        resource: Its ARN, "*" for an action that knows none.
        context: What the request says of itself beyond being encrypted: condition key -> value.
    """

    action: str
    resource: str
    context: dict[str, str] = field(default_factory=dict)

    @property
    def request(self) -> Request:
        """The request as AWS decides it."""
        return Request(self.action, self.resource, {**TLS, **self.context})


@dataclass(frozen=True)
class Need:
    """An ask under a role.

    Attributes:
        role: Logical ID.
        ask: What is asked for.
        evidence: What shows it.
        source: The code, or the page of AWS that says what the service asks for.
    """

    role: str
    ask: Ask
    evidence: Evidence
    source: str


class Deployed:
    """A template in the sample account.

    Args:
        template: The template.
    """

    def __init__(self, template: Template) -> None:
        self.template = template
        self.sample = Sample(template)
        self._keys = {
            self.sample.arn(name): str(self.value(key))
            for resource_type, path in KEY_OF.items()
            for name, properties in template.of_type(resource_type)
            if (key := jmespath.search(path, properties))
        }

    def value(self, value: Any) -> Any:
        """Returns a value of the readable template with everything in it resolved."""
        return self.sample.value(value)

    def role(self, value: str) -> str:
        """Returns the logical ID of the role that a property names, such as "<Role1A2B.Arn>"."""
        name = re.sub(r"^<(\w+)\.Arn>$", r"\1", value)
        name = {self.sample.arn(r): r for r, _ in self.template.of_type("AWS::IAM::Role")}.get(
            name, name
        )
        if self.template.resources[name]["Type"] != "AWS::IAM::Role":
            raise ValueError(f"{value} is no role")
        return name

    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html

    def read(self, bucket: str, key: str) -> list[Ask]:
        """Returns what reading an object takes."""
        return [
            Ask("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}"),
            *self._with_key(f"arn:aws:s3:::{bucket}", "s3", "kms:Decrypt"),
        ]

    def put(self, bucket: str, key: str) -> list[Ask]:
        """Returns what writing an object in one request takes: no kms:Decrypt."""
        return [
            Ask("s3:PutObject", f"arn:aws:s3:::{bucket}/{key}"),
            *self._with_key(f"arn:aws:s3:::{bucket}", "s3", "kms:GenerateDataKey"),
        ]

    def upload(self, bucket: str, key: str) -> list[Ask]:
        """Returns what writing an object of any size takes, which goes in parts if it is large."""
        return [
            *self.put(bucket, key),
            Ask("s3:AbortMultipartUpload", f"arn:aws:s3:::{bucket}/{key}"),
            *self._with_key(f"arn:aws:s3:::{bucket}", "s3", "kms:Decrypt"),
        ]

    def list_below(self, bucket: str, prefix: str) -> list[Ask]:
        """Returns what listing the keys below a prefix takes."""
        return [Ask("s3:ListBucket", f"arn:aws:s3:::{bucket}", {"s3:prefix": prefix})]

    def log(self, group: str, *actions: str) -> list[Ask]:
        """Returns what logging into a group takes.

        Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        """
        arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*"
        return [
            *(Ask(f"logs:{action}", arn) for action in actions),
            *self._with_key(arn, "logs", "kms:Decrypt", "kms:GenerateDataKey"),
        ]

    def publish(self, topic: str) -> list[Ask]:
        """Returns what publishing takes.

        Source: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        """
        return [
            Ask("sns:Publish", topic),
            *self._with_key(topic, "sns", "kms:Decrypt", "kms:GenerateDataKey"),
        ]

    def write_item(self, action: str, table: str) -> list[Ask]:
        """Returns what an action on a table takes.

        Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/
        encryption.usagenotes.html
        """
        arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"
        return [
            Ask(action, arn),
            *self._with_key(arn, "dynamodb", "kms:Decrypt", "kms:DescribeKey"),
        ]

    def fetch(self, repository: str, *actions: str) -> list[Ask]:
        """Returns what fetching a commit takes."""
        arn = f"arn:aws:codecommit:{REGION}:{ACCOUNT}:{repository}"
        return [
            *(Ask(f"codecommit:{action}", arn) for action in actions),
            *self._with_key(arn, "codecommit", "kms:Decrypt", "kms:DescribeKey"),
        ]

    def _with_key(self, arn: str, service: str, *actions: str) -> list[Ask]:
        key = self._keys.get(arn)
        via = {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"}
        return [Ask(action, key, via) for action in actions] if key else []


def storage_key(key: str | None) -> list[Ask]:
    """Returns what having a service encrypt a volume takes: it is given a grant on the key.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
    """
    return [Ask("kms:CreateGrant", key, {"kms:GrantIsForAWSResource": "true"})] if key else []


def pass_role(arn: str, service: str) -> Ask:
    """Returns what handing a role to a service takes."""
    return Ask("iam:PassRole", arn, {"iam:PassedToService": f"{service}.amazonaws.com"})


def place(uri: str) -> tuple[str, str]:
    """Returns bucket and key of an S3 URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def arn(service: str, resource: str) -> str:
    """Returns an ARN in the sample account and Region."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"
