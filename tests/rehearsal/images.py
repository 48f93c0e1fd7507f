"""A repository, a role and a project, to build images with."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from mla_constructs.containers.built_image import BUILDSPEC
from rehearsal.account import ACCOUNT, REGION, EmulatedAccount
from runtime import containers

BUCKET = "image-sources"
ECR = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/*"
LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/codebuild/*:*"
PERMISSIONS = {
    "s3:GetObject": f"arn:aws:s3:::{BUCKET}/*",
    "logs:CreateLogStream": LOGS,
    "logs:PutLogEvents": LOGS,
    "ecr:GetAuthorizationToken": "*",
    "ecr:BatchCheckLayerAvailability": ECR,
    "ecr:BatchDeleteImage": ECR,
    "ecr:BatchGetImage": ECR,
    "ecr:CompleteLayerUpload": ECR,
    "ecr:DescribeImageScanFindings": ECR,
    "ecr:InitiateLayerUpload": ECR,
    "ecr:PutImage": ECR,
    "ecr:StartImageScan": ECR,
    "ecr:UploadLayerPart": ECR,
}


class Workshop:
    """Builds images, each with a project of its own."""

    def __init__(self, account: EmulatedAccount) -> None:
        self.account = account
        self.codebuild = account.client("codebuild")
        self.ecr = account.client("ecr")
        self.s3 = account.client("s3")
        with suppress(ClientError):
            self.s3.create_bucket(Bucket=BUCKET)

    def role(self, service: str, permissions: Mapping[str, str], **conditions: Any) -> str:
        """Returns the ARN of a new role of a service."""
        name = f"role-{uuid.uuid4().hex[:12]}"
        trusted = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        statements = [
            {"Effect": "Allow", "Action": action, "Resource": resource}
            for action, resource in permissions.items()
        ]
        iam = self.account.client("iam")
        iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=_policy([{**trusted, **conditions}])
        )
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=_policy(statements))
        return f"arn:aws:iam::{ACCOUNT}:role/{name}"

    def repository(self) -> str:
        """Returns the name of a new repository."""
        name = f"images-{uuid.uuid4().hex[:12]}"
        self.ecr.create_repository(
            repositoryName=name,
            imageTagMutability="IMMUTABLE",
            imageScanningConfiguration={"scanOnPush": True},
        )
        return name

    def project(
        self,
        repository: str,
        files: Mapping[str, bytes],
        *,
        without: str = "",
        buildspec: str = BUILDSPEC.read_text(),
        kind: str = "LINUX_CONTAINER",
        options: str = "--file Dockerfile",
        stop_at: str = "CRITICAL",
    ) -> str:
        """Returns the name of a new project whose source are these files."""
        name = f"project-{uuid.uuid4().hex[:12]}"
        self.s3.put_object(Bucket=BUCKET, Key=f"{name}.zip", Body=zipped(files))
        allowed = {action: where for action, where in PERMISSIONS.items() if action != without}
        variables = {
            "REPOSITORY_NAME": repository,
            "REPOSITORY_URI": uri(repository),
            "IMAGE_TAG": uuid.uuid4().hex,
            "BUILD_OPTIONS": options,
            "STOP_AT": stop_at,
        }
        self.account.client("logs").create_log_group(logGroupName=f"/aws/codebuild/{name}")
        self.codebuild.create_project(
            name=name,
            serviceRole=self.role("codebuild.amazonaws.com", allowed),
            source={"type": "S3", "location": f"{BUCKET}/{name}.zip", "buildspec": buildspec},
            artifacts={"type": "NO_ARTIFACTS"},
            environment={
                "type": kind,
                "image": "aws/codebuild/amazonlinux-x86_64-standard:6.0",
                "computeType": "BUILD_GENERAL1_SMALL",
                "environmentVariables": [
                    {"name": key, "value": value} for key, value in variables.items()
                ],
            },
        )
        return name

    def build(self, project: str) -> dict[str, Any]:
        """Runs a build to its end and returns it."""
        started = self.codebuild.start_build(projectName=project)["build"]
        while True:
            (build,) = self.codebuild.batch_get_builds(ids=[started["id"]])["builds"]
            if build["buildStatus"] != "IN_PROGRESS":
                return dict(build)

    def image(self, files: Mapping[str, bytes], **settings: Any) -> str:
        """Builds an image and returns its URI."""
        repository = self.repository()
        build = self.build(self.project(repository, files, **settings))
        assert build["buildStatus"] == "SUCCEEDED", self.log(build)
        return f"{uri(repository)}@{exported(build)['IMAGE_DIGEST']}"

    def log(self, build: dict[str, Any]) -> str:
        """Returns what a build wrote."""
        events = self.account.client("logs").get_log_events(
            logGroupName=build["logs"]["groupName"], logStreamName=build["logs"]["streamName"]
        )["events"]
        return "\n".join(event["message"] for event in events)


def exported(build: dict[str, Any]) -> dict[str, str]:
    """Returns the variables that a build exports."""
    return {each["name"]: each["value"] for each in build["exportedEnvironmentVariables"]}


def inference() -> dict[str, bytes]:
    """Returns the files of the project's inference container."""
    names = [containers.INFERENCE, "models/tumor_classifier/model.onnx"]
    names += ["models/tumor_classifier/features.json", "containers/inference/requirements.txt"]
    folder = (containers.CONTEXT / containers.INFERENCE).parent
    names += [f"containers/inference/{file.name}" for file in folder.glob("*.py")]
    return {name: (containers.CONTEXT / name).read_bytes() for name in names}


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Returns files as a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def uri(repository: str) -> str:
    """Returns the address of a repository."""
    return f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{repository}"


def _policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
