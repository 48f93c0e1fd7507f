"""An image built in the account from a folder of the project, and let through by its scan."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from aws_cdk import Duration, IgnoreMode, RemovalPolicy
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.custom_resources.function import ResourceFunction
from mla_constructs.delivery.build_project import Architecture, BuildProject
from mla_constructs.errors import InvalidArgument
from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import acknowledge_wildcard

BUILDSPEC = Path(__file__).resolve().parents[3] / "runtime" / "builds" / "image" / "buildspec.yml"


class BuiltImage(Construct):
    """An ECR repository, the CodeBuild project that fills it, and one image in it.

    Deploying the stack builds the image: nobody needs Docker. The image is pushed under a
    candidate's tag, scanned, and tagged with the hash of its folder only if the scan finds nothing
    at `stop_at` or above; otherwise the deployment fails and is rolled back.

    Args:
        scope: Parent construct.
        id: Construct ID.
        folder: Holds all that the Dockerfile copies.
        dockerfile: Its path below the folder; `<dockerfile>.dockerignore` beside it says what else
            of the folder is left out.
        key: Encrypts images, logs and build artifacts.
        log_retention: How long build logs are kept.
        removal_policy: DESTROY deletes the images with the repository.
        target: Stage of the Dockerfile to build; None builds the last.
        architecture: Processor the image is for; the build runs on it.
        build_arguments: Values of the Dockerfile's ARGs, such as a base image with its digest.
        stop_at: Severity from which a finding stops the image.

    Attributes:
        repository: Where the image lies; tags in it cannot be moved.
        project: The build.
        uri: Address of the image with its digest; whoever uses it waits for the build.
        repository_arn: ARN of the repository.

    Raises:
        InvalidArgument: There is no such Dockerfile, or a build argument contains white space.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-basic.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        folder: Path,
        dockerfile: str = "Dockerfile",
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
        target: str | None = None,
        architecture: Architecture = "x86_64",
        build_arguments: Mapping[str, str] | None = None,
        stop_at: Literal["CRITICAL", "HIGH"] = "CRITICAL",
    ) -> None:
        super().__init__(scope, id)
        if not (folder / dockerfile).is_file():
            raise InvalidArgument(
                f"dockerfile is {dockerfile!r}: name one that lies below {str(folder)!r}."
            )
        source = Asset(
            self,
            "Source",
            path=str(folder),
            exclude=_left_out(folder, dockerfile),
            ignore_mode=IgnoreMode.DOCKER,
        )
        self.repository = _repository(self, key, removal_policy)
        options = _options(dockerfile, target, build_arguments or {})
        # The same folder built otherwise is another image.
        tag = _hash(source.asset_hash, options, architecture)
        self.project = BuildProject(
            self,
            "Build",
            description="Builds, scans and releases an image",
            buildspec=BUILDSPEC,
            source=source,
            environment={
                "REPOSITORY_NAME": self.repository.repository_name,
                "REPOSITORY_URI": self.repository.repository_uri,
                "IMAGE_TAG": tag,
                "BUILD_OPTIONS": options,
                "STOP_AT": stop_at,
            },
            architecture=architecture,
            privileged=True,
            # Less than the 15 minutes that the function which waits for it may take.
            timeout=Duration.minutes(13),
            key=key,
            log_retention=log_retention,
            removal_policy=removal_policy,
        )
        _allow_release(self.project.role, self.repository)
        builder = ResourceFunction.of(self, "ImageBuilder", task="build_image")
        builder.role.add_to_policy(
            iam.PolicyStatement(
                actions=["codebuild:BatchGetBuilds", "codebuild:StartBuild"],
                resources=[self.project.arn],
            )
        )
        built = builder.resource(
            self, "Image", "Custom::BuiltImage", {"ProjectName": self.project.name, "ImageTag": tag}
        )
        built.node.add_dependency(builder.role, self.project)
        self.uri = f"{self.repository.repository_uri}@{built.get_att_string('ImageDigest')}"
        self.repository_arn = self.repository.repository_arn


def _repository(scope: Construct, key: DataKey, removal_policy: RemovalPolicy) -> ecr.Repository:
    return ecr.Repository(
        scope,
        "Repository",
        encryption=ecr.RepositoryEncryption.KMS,
        encryption_key=key,
        image_scan_on_push=True,
        image_tag_mutability=ecr.TagMutability.IMMUTABLE,
        lifecycle_rules=[
            ecr.LifecycleRule(
                rule_priority=1,
                description="What the gate stopped is kept for as long as its findings are of use",
                tag_prefix_list=["candidate-"],
                max_image_age=Duration.days(7),
            ),
            ecr.LifecycleRule(
                rule_priority=2,
                description="Enough released images for a rollback",
                tag_status=ecr.TagStatus.ANY,
                max_image_count=20,
            ),
        ],
        empty_on_delete=removal_policy is RemovalPolicy.DESTROY,
        removal_policy=removal_policy,
    )


def _left_out(folder: Path, dockerfile: str) -> list[str]:
    """Returns the patterns of what the build does not need, so that it is not uploaded either."""
    ignored = folder / f"{dockerfile}.dockerignore"
    patterns = ignored.read_text(encoding="utf-8").splitlines() if ignored.is_file() else []
    return [*filter(None, patterns), f"!{dockerfile}", f"!{dockerfile}.dockerignore"]


def _options(dockerfile: str, target: str | None, build_arguments: Mapping[str, str]) -> str:
    options = [f"--file {dockerfile}"]
    if target:
        options.append(f"--target {target}")
    for name, value in sorted(build_arguments.items()):
        if not value or any(character.isspace() for character in value):
            raise InvalidArgument(f"{name} is {value!r}: a build argument has no white space.")
        options.append(f"--build-arg {name}={value}")
    return " ".join(options)


def _hash(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _allow_release(role: iam.Role, repository: ecr.Repository) -> None:
    role.add_to_policy(iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]))
    acknowledge_wildcard(role, "*", "ecr:GetAuthorizationToken knows no resource types.")
    role.add_to_policy(
        iam.PolicyStatement(
            actions=[
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchDeleteImage",
                "ecr:BatchGetImage",
                "ecr:CompleteLayerUpload",
                "ecr:DescribeImageScanFindings",
                "ecr:InitiateLayerUpload",
                "ecr:PutImage",
                "ecr:StartImageScan",
                "ecr:UploadLayerPart",
            ],
            resources=[repository.repository_arn],
        )
    )
