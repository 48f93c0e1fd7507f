"""What builds, pipelines and deployments ask for: by their buildspec, actions and templates.

Sources: https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html,
https://docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html and the action
references below it, https://docs.aws.amazon.com/sagemaker/latest/dg/api-permissions-reference.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from typing import Any

import pytest
import yaml

from catalogue.discover import ROOT
from runtime import deployments
from runtime.repositories.tumor_classifier.scripts import integration_test
from tests.support.needs.calls import of_call, of_shell
from tests.support.needs.code import recorded
from tests.support.needs.deployed import (
    MANAGED,
    Ask,
    Deployed,
    Evidence,
    Need,
    arn,
    pass_role,
    storage_key,
)
from tests.support.needs.jobs import LOGGING, ROLES, measuring, pulling

BUILD_ROLE = "https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html"
PIPELINE_ROLE = "https://docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html"
ACTIONS = "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-{}.html"
PUSHING = MANAGED + "AmazonEC2ContainerRegistryPowerUser"

BUCKET = ("s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning")

BUILD_LOGS = ("CreateLogGroup", "CreateLogStream", "PutLogEvents")


CERTIFICATE = ROOT / "runtime" / "builds" / "certificate"


# CodeBuild


def build_projects(deployed: Deployed) -> Iterator[Need]:
    """Yields what the commands of buildspecs call, and what CodeBuild does around them."""
    for name, project in deployed.template.of_type("AWS::CodeBuild::Project"):
        role = deployed.role(project["ServiceRole"])
        group = deployed.value(project["LogsConfig"]["CloudWatchLogs"]["GroupName"])
        for ask in deployed.log(group, *BUILD_LOGS):
            yield Need(role, ask, Evidence.SERVICE, BUILD_ROLE)
        source = deployed.value(project["Source"])
        if source["Type"] == "S3":
            bucket, _, key = source["Location"].partition("/")
            for ask in _object(deployed, bucket, key):
                yield Need(role, ask, Evidence.SERVICE, BUILD_ROLE)
        variables = {
            each["Name"]: deployed.value(each["Value"])
            for each in project["Environment"].get("EnvironmentVariables", [])
        }
        commands = _commands(source["BuildSpec"])
        for service, operation, given in of_shell(commands, variables):
            for ask in of_call(deployed, service, operation, given):
                yield Need(role, ask, Evidence.DOCUMENT, f"{name}: buildspec, {operation}")
        if "docker push" in commands:
            yield from _pushing(role, variables["REPOSITORY_NAME"])
        if "scripts/integration_test.py" in commands:
            yield from _integration_test(deployed, name, role)


def _commands(buildspec: str) -> str:
    """Returns all that the phases of a buildspec run, scripts of the same folder included."""
    phases = yaml.safe_load(buildspec)["phases"].values()
    lines = [command for phase in phases for command in phase["commands"]]
    if any("import.sh" in line for line in lines):
        lines.append((CERTIFICATE / "import.sh").read_text(encoding="utf-8"))
    return "\n".join(lines)


def _pushing(role: str, repository: str) -> Iterator[Need]:
    own = arn("ecr", f"repository/{repository}")
    for action in (
        "BatchCheckLayerAvailability",
        "CompleteLayerUpload",
        "InitiateLayerUpload",
        "PutImage",
        "UploadLayerPart",
    ):
        yield Need(role, Ask(f"ecr:{action}", own), Evidence.DOCUMENT, PUSHING)


def _integration_test(deployed: Deployed, name: str, role: str) -> Iterator[Need]:
    """Yields what the integration test calls: it is run for every endpoint that it is given."""
    for action in _actions(deployed):
        given = action["Configuration"]
        if given.get("ProjectName") == f"<{name}>":
            (endpoint,) = deployed.value(json.loads(given["EnvironmentVariables"]))
            for service, operation, parameters in _asked(endpoint["value"]):
                for ask in of_call(deployed, service, operation, parameters):
                    yield Need(role, ask, Evidence.RECORDED, "integration_test.py")


@cache
def _asked(endpoint: str) -> list[Any]:
    class Endpoint:
        def InvokeEndpoint(self, Body: bytes, **_: Any) -> dict[str, Any]:  # noqa: N802, N803
            answers = (samples / "answers.csv").read_text().split()[: len(Body.splitlines())]
            return {"Body": BytesIO("\n".join(answers).encode())}

    samples = ROOT / "runtime" / "models" / "tumor_classifier" / "samples"
    with pytest.MonkeyPatch.context() as patch, recorded(Endpoint()) as calls:
        patch.setattr(integration_test, "SAMPLES", samples)
        assert integration_test.main(["--endpoint", endpoint]) == 0
    return calls


# CodePipeline


def _actions(deployed: Deployed) -> Iterator[dict[str, Any]]:
    for _, pipeline in deployed.template.of_type("AWS::CodePipeline::Pipeline"):
        for stage in pipeline["Stages"]:
            yield from stage["Actions"]


def pipelines(deployed: Deployed) -> Iterator[Need]:
    """Yields what the actions of pipelines take of their own roles, and of the pipeline's."""
    for name, pipeline in deployed.template.of_type("AWS::CodePipeline::Pipeline"):
        role = deployed.role(pipeline["RoleArn"])
        artifacts = _Artifacts(deployed, pipeline)
        for stage in pipeline["Stages"]:
            for action in stage["Actions"]:
                own = deployed.role(action["RoleArn"])
                assume = Ask("sts:AssumeRole", deployed.sample.arn(own))
                yield Need(role, assume, Evidence.DOCUMENT, f"{name}: RoleArn of an action")
                yield from artifacts.of_action(role, own, action)
                provider = action["ActionTypeId"]["Provider"]
                page = ACTIONS.format(PAGES[provider])
                for ask in PROVIDERS[provider](deployed, deployed.value(action["Configuration"])):
                    yield Need(own, ask, Evidence.DOCUMENT, page)


class _Artifacts:
    """The store of a pipeline: who reads and writes which artifact."""

    def __init__(self, deployed: Deployed, pipeline: dict[str, Any]) -> None:
        self._deployed = deployed
        self._bucket = deployed.value(pipeline["ArtifactStore"]["Location"])
        # Of the name, twenty characters stand in the key.
        self._pipeline = deployed.value(pipeline["Name"])[:20]

    def of_action(self, pipeline: str, role: str, action: dict[str, Any]) -> Iterator[Need]:
        """Yields what an action's artifacts take of its role, of the pipeline's, of a build's."""
        inputs = [each["Name"] for each in action.get("InputArtifacts", [])]
        outputs = [each["Name"] for each in action.get("OutputArtifacts", [])]
        holders = [(role, PIPELINE_ROLE)]
        if project := action["Configuration"].get("ProjectName"):
            properties = self._deployed.template.resources[project.strip("<>")]["Properties"]
            holders.append((self._deployed.role(properties["ServiceRole"]), BUILD_ROLE))
        for holder, page in holders:
            for ask in self._asks(inputs, outputs, holder == role):
                yield Need(holder, ask, Evidence.DOCUMENT, page)
        for ask in self._asks(outputs, outputs, pipelines=True):
            yield Need(pipeline, ask, Evidence.DOCUMENT, PIPELINE_ROLE)

    def _asks(self, read: list[str], written: list[str], pipelines: bool) -> Iterator[Ask]:
        # Builds do not ask whether the bucket is versioned.
        bucket = BUCKET if pipelines else BUCKET[:2]
        for action in bucket if read or written else ():
            yield Ask(action, f"arn:aws:s3:::{self._bucket}")
        for artifact in read:
            yield from _object(self._deployed, self._bucket, self._key(artifact))
        for artifact in written:
            yield from self._deployed.upload(self._bucket, self._key(artifact))

    def _key(self, artifact: str) -> str:
        return f"{self._pipeline}/{artifact}/a1B2c3D"


def _object(deployed: Deployed, bucket: str, key: str) -> list[Ask]:
    """An object of which a certain version is read."""
    asks = deployed.read(bucket, key)
    return [*asks, Ask("s3:GetObjectVersion", asks[0].resource)]


def _from_s3(deployed: Deployed, given: dict[str, str]) -> list[Ask]:
    if "S3ObjectKey" in given:
        bucket = given["S3Bucket"]
        return [*_bucket(bucket), *_object(deployed, bucket, given["S3ObjectKey"])]
    bucket = given["BucketName"]
    return [*_bucket(bucket), *deployed.upload(bucket, "models/a.tar.gz")]


def _bucket(bucket: str) -> list[Ask]:
    return [Ask(action, f"arn:aws:s3:::{bucket}") for action in BUCKET]


def _from_codecommit(deployed: Deployed, given: dict[str, str]) -> list[Ask]:
    return deployed.fetch(
        given["RepositoryName"],
        "CancelUploadArchive",
        "GetBranch",
        "GetCommit",
        "GetRepository",
        "GetUploadArchiveStatus",
        "UploadArchive",
    )


def _from_connection(_: Deployed, given: dict[str, str]) -> list[Ask]:
    connection = given["ConnectionArn"]
    return [
        Ask(f"{service}:UseConnection", connection)
        for service in ("codeconnections", "codestar-connections")
    ]


def _build(_: Deployed, given: dict[str, str]) -> list[Ask]:
    return [
        Ask(f"codebuild:{action}", arn("codebuild", f"project/{given['ProjectName']}"))
        for action in ("BatchGetBuilds", "StartBuild", "StopBuild")
    ]


def _stack(_: Deployed, given: dict[str, str]) -> list[Ask]:
    stack = arn("cloudformation", f"stack/{given['StackName']}/1")
    made = {"DELETE_ONLY": (), "CREATE_UPDATE": ("CreateStack", "UpdateStack")}
    actions = made.get(given["ActionMode"], ("CreateStack", "DeleteStack", "UpdateStack"))
    return [
        *(
            Ask(f"cloudformation:{action}", stack)
            for action in (
                *(actions or ("DeleteStack",)),
                "DescribeStackEvents",
                "DescribeStackResources",
                "DescribeStacks",
                "GetTemplate",
            )
        ),
        Ask("cloudformation:ValidateTemplate", "*"),
        pass_role(given["RoleArn"], "cloudformation"),
    ]


PROVIDERS = {
    "CloudFormation": _stack,
    "CodeBuild": _build,
    "CodeCommit": _from_codecommit,
    "CodeStarSourceConnection": _from_connection,
    "Manual": lambda deployed, given: deployed.publish(given["NotificationArn"]),
    "S3": _from_s3,
}
"""Provider of an action -> what its action reference asks for."""

PAGES = {
    "CloudFormation": "CloudFormation",
    "CodeBuild": "CodeBuild",
    "CodeCommit": "CodeCommit",
    "CodeStarSourceConnection": "CodestarConnectionSource",
    "Manual": "ApprovalManual",
    "S3": "S3",
}


# CloudFormation, under the role that it is handed


def deployments_of(deployed: Deployed) -> Iterator[Need]:
    """Yields what deploying the environments' templates takes, and what is deployed then takes."""
    for action in _actions(deployed):
        given = deployed.value(action["Configuration"])
        if action["ActionTypeId"]["Provider"] == "CloudFormation" and "TemplatePath" in given:
            parameters = json.loads(given["ParameterOverrides"])
            template = delivered(given["TemplatePath"])
            role = deployed.role(given["RoleArn"])
            stack = _Delivered(given["StackName"], template, parameters)
            for ask in stack.asks():
                yield Need(role, ask, Evidence.DOCUMENT, given["TemplatePath"])
            own = deployed.role(parameters["ExecutionRoleArn"])
            for ask in stack.hosting(deployed):
                yield Need(own, ask, Evidence.SERVICE, ROLES)


@cache
def delivered(path: str) -> dict[str, Any]:
    """Returns the template that a pipeline deploys, such as "Build::staging.template.json"."""
    if path.endswith("endpoint.yml"):
        from cfnlint.decode import cfn_yaml

        return dict(cfn_yaml.load(str(deployments.REGISTERED_MODEL / "endpoint.yml")))
    from aws_cdk import App

    from runtime.repositories.tumor_classifier import app

    name = path.removeprefix("Build::").removesuffix(".template.json")
    environment = app.ENVIRONMENTS[name]
    cdk = App(analytics_reporting=False)
    app.EndpointStack(cdk, name, environment=environment, artifact="0" * 64)
    document: dict[str, Any] = cdk.synth().get_stack_by_name(name).template
    return document


class _Delivered:
    """An environment's stack: what its resource types' handlers call."""

    def __init__(self, name: str, template: dict[str, Any], parameters: dict[str, str]) -> None:
        self.name = name
        self.resources = template["Resources"]
        self.parameters = parameters

    def asks(self) -> Iterator[Ask]:
        """Yields what creating, updating and deleting the stack takes."""
        model, config = (
            arn("sagemaker", f"{kind}/{self.name}-1") for kind in ("model", "endpoint-config")
        )
        endpoint = arn("sagemaker", f"endpoint/{self.name}")
        for logical_id, resource in self.resources.items():
            match resource["Type"]:
                case "AWS::SageMaker::Model":
                    yield from self._kept("Model", model)
                    yield pass_role(self.parameters["ExecutionRoleArn"], "sagemaker")
                    containers = resource["Properties"].get("Containers", [])
                    if any("ModelPackageName" in each for each in containers):
                        group = self.name.removesuffix("-production")
                        version = arn("sagemaker", f"model-package/{group}/1")
                        yield Ask("sagemaker:DescribeModelPackage", version)
                case "AWS::SageMaker::EndpointConfig":
                    yield from self._kept("EndpointConfig", config)
                    yield Ask("kms:DescribeKey", self.parameters["KeyArn"])
                    yield from storage_key(self.parameters["KeyArn"])
                case "AWS::SageMaker::Endpoint":
                    yield from self._kept("Endpoint", endpoint)
                    # Creating an endpoint checks that its configuration may be used.
                    for action in ("CreateEndpoint", "UpdateEndpoint"):
                        yield Ask(f"sagemaker:{action}", endpoint)
                        yield Ask(f"sagemaker:{action}", config)
                case "AWS::CloudWatch::Alarm":
                    alarm = arn("cloudwatch", f"alarm:{self.name}-{logical_id}")
                    for action in (
                        "DeleteAlarms",
                        "DescribeAlarms",
                        "ListTagsForResource",
                        "PutMetricAlarm",
                        "TagResource",
                        "UntagResource",
                    ):
                        yield Ask(f"cloudwatch:{action}", alarm)
                case other:
                    raise ValueError(f"{logical_id} is a {other}: what does its handler call?")

    def _kept(self, kind: str, own: str) -> Iterator[Ask]:
        """What a SageMaker resource's handler calls; the stack's tags are the resource's."""
        for action in (f"Create{kind}", f"Delete{kind}", f"Describe{kind}"):
            yield Ask(f"sagemaker:{action}", own)
        for action in ("AddTags", "DeleteTags", "ListTags"):
            yield Ask(f"sagemaker:{action}", own)

    def hosting(self, deployed: Deployed) -> Iterator[Ask]:
        """Yields what the endpoint takes of its execution role."""
        yield from deployed.log(f"/aws/sagemaker/Endpoints/{self.name}", *LOGGING)
        yield measuring("/aws/sagemaker/Endpoints")
        yield from storage_key(self.parameters["KeyArn"])
        for logical_id, resource in self.resources.items():
            if resource["Type"] == "AWS::CloudWatch::Alarm":
                yield Ask(
                    "cloudwatch:DescribeAlarms",
                    arn("cloudwatch", f"alarm:{self.name}-{logical_id}"),
                )
        if "ModelBucket" in self.parameters:
            yield from pulling(self.parameters["ImageUri"])
            yield from deployed.read(self.parameters["ModelBucket"], "models/1.tar.gz")
            return
        # What a version of the registry names: the image and the artifact of its training run.
        (pipeline,) = deployed.template.of_type("AWS::SageMaker::Pipeline")
        body = deployed.value(pipeline[1]["PipelineDefinition"]["PipelineDefinitionBody"])
        (train,) = (step for step in body["Steps"] if step["Type"] == "Training")
        yield from pulling(train["Arguments"]["AlgorithmSpecification"]["TrainingImage"])
        bucket, prefix = _first(train["Arguments"]["OutputDataConfig"]["S3OutputPath"])
        yield from deployed.read(bucket, f"{prefix}/sample/model/model.tar.gz")


def _first(joined: dict[str, Any]) -> tuple[str, str]:
    start = joined["Std:Join"]["Values"][0].removeprefix("s3://")
    bucket, _, prefix = start.partition("/")
    return bucket, prefix
