"""Calls of AWS's API -> what their caller has to be allowed, on which resource.

A call that is not known here is an error: nothing passes for want of a row.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.session import Session

from tests.support.needs.deployed import Ask, Deployed, arn, pass_role, storage_key

Parameters = dict[str, Any]
Rule = Callable[[Deployed, Parameters], list[Ask]]


def of_call(deployed: Deployed, service: str, operation: str, parameters: Parameters) -> list[Ask]:
    """Returns what a call takes.

    Args:
        deployed: Knows the keys of buckets and topics.
        service: As its requests are signed, which is as actions name it.
        operation: Such as "ListObjectVersions".
        parameters: Its parameters.

    Raises:
        KeyError: The call is not known here.
    """
    return CALLS[f"{service}:{operation}"](deployed, parameters)


def _on(action: str, pattern: str) -> Rule:
    """A rule for an action that is called as its operation, on one resource."""
    service, _, resource = pattern.partition(":")
    return lambda _, given: [Ask(action, arn(service, resource.format(**given)))]


def _job(kind: str) -> Rule:
    def rule(_: Deployed, given: Parameters) -> list[Ask]:
        job = arn("sagemaker", f"{kind.lower()}-job/{given[f'{kind}JobName']}")
        return [
            Ask(f"sagemaker:Create{kind}Job", job),
            *([Ask("sagemaker:AddTags", job)] if given.get("Tags") else []),
            *([pass_role(given["RoleArn"], "sagemaker")] if "RoleArn" in given else []),
            # A transform job has no role of its own: its caller gives the grant for the volumes.
            *storage_key(given.get("TransformResources", {}).get("VolumeKmsKeyId")),
        ]

    return rule


def _delete_objects(_: Deployed, given: Parameters) -> list[Ask]:
    """A version takes another action than what has none, or has been written without any.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
    """
    place = f"arn:aws:s3:::{given['Bucket']}/"
    return [
        Ask(action, place + item["Key"])
        for item in given["Delete"]["Objects"]
        for action in ("s3:DeleteObject", "s3:DeleteObjectVersion")
    ]


def _package(action: str) -> Rule:
    def rule(_: Deployed, given: Parameters) -> list[Ask]:
        group = given["ModelPackageGroupName"]
        return [
            Ask(f"sagemaker:{action}", arn("sagemaker", resource))
            for resource in (f"model-package-group/{group}", f"model-package/{group}/1")
        ]

    return rule


def _build(action: str, project: Callable[[Parameters], str]) -> Rule:
    return lambda _, given: [Ask(action, arn("codebuild", f"project/{project(given)}"))]


def _image(*actions: str) -> Rule:
    return lambda _, given: [
        Ask(f"ecr:{action}", arn("ecr", f"repository/{given['repositoryName']}"))
        for action in actions
    ]


def _stack(action: str) -> Rule:
    def rule(_: Deployed, given: Parameters) -> list[Ask]:
        name = given["StackName"]
        own = name if name.startswith("arn:") else arn("cloudformation", f"stack/{name}/1")
        return [Ask(action, own)]

    return rule


CALLS: dict[str, Rule] = {
    "acm:DeleteCertificate": lambda deployed, given: [
        Ask(
            "acm:DeleteCertificate",
            given["CertificateArn"],
            {"aws:ResourceTag/stack": deployed.value("<AWS::StackName>")},
        )
    ],
    "acm:ImportCertificate": lambda _, given: [
        Ask(action, arn("acm", "certificate/1"))
        for action in ("acm:ImportCertificate", *(["acm:AddTagsToCertificate"] * ("Tags" in given)))
    ],
    "cloudformation:DeleteStack": _stack("cloudformation:DeleteStack"),
    "cloudformation:DescribeStacks": _stack("cloudformation:DescribeStacks"),
    "codebuild:BatchGetBuilds": _build(
        "codebuild:BatchGetBuilds", lambda given: given["ids"][0].split(":")[0]
    ),
    "codebuild:StartBuild": _build("codebuild:StartBuild", lambda given: given["projectName"]),
    "dynamodb:DeleteItem": lambda deployed, given: deployed.write_item(
        "dynamodb:DeleteItem", given["TableName"]
    ),
    "dynamodb:PutItem": lambda deployed, given: deployed.write_item(
        "dynamodb:PutItem", given["TableName"]
    ),
    "ecr:BatchDeleteImage": _image("BatchDeleteImage"),
    "ecr:BatchGetImage": _image("BatchGetImage"),
    "ecr:DescribeImageScanFindings": _image("DescribeImageScanFindings"),
    "ecr:GetAuthorizationToken": lambda *_: [Ask("ecr:GetAuthorizationToken", "*")],
    "ecr:PutImage": _image("PutImage"),
    "ecr:StartImageScan": _image("StartImageScan"),
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
    "s3:CopyObject": lambda deployed, given: [
        *deployed.read(given["CopySource"]["Bucket"], given["CopySource"]["Key"]),
        *deployed.put(given["Bucket"], given["Key"]),
    ],
    "s3:DeleteObjects": _delete_objects,
    "s3:GetObject": lambda deployed, given: deployed.read(given["Bucket"], given["Key"]),
    "s3:HeadBucket": lambda _, given: [Ask("s3:ListBucket", f"arn:aws:s3:::{given['Bucket']}")],
    "s3:HeadObject": lambda deployed, given: deployed.read(given["Bucket"], given["Key"]),
    "s3:ListObjectVersions": lambda _, given: [
        Ask("s3:ListBucketVersions", f"arn:aws:s3:::{given['Bucket']}")
    ],
    "s3:ListObjectsV2": lambda deployed, given: deployed.list_below(
        given["Bucket"], given.get("Prefix", "")
    ),
    "s3:PutObject": lambda deployed, given: deployed.put(given["Bucket"], given["Key"]),
    "sagemaker:CreateModelPackage": _package("CreateModelPackage"),
    "sagemaker:CreateProcessingJob": _job("Processing"),
    "sagemaker:CreateTrainingJob": _job("Training"),
    "sagemaker:CreateTransformJob": _job("Transform"),
    "sagemaker:DeleteModelPackage": lambda _, given: [
        Ask("sagemaker:DeleteModelPackage", given["ModelPackageName"])
    ],
    "sagemaker:DescribeProcessingJob": _on(
        "sagemaker:DescribeProcessingJob", "sagemaker:processing-job/{ProcessingJobName}"
    ),
    "sagemaker:DescribeTrainingJob": _on(
        "sagemaker:DescribeTrainingJob", "sagemaker:training-job/{TrainingJobName}"
    ),
    "sagemaker:InvokeEndpoint": _on(
        "sagemaker:InvokeEndpoint", "sagemaker:endpoint/{EndpointName}"
    ),
    # The reference has this action on packages, a call names their group: both are asked for.
    "sagemaker:ListModelPackages": _package("ListModelPackages"),
    "sagemaker:ListPipelineExecutions": _on(
        "sagemaker:ListPipelineExecutions", "sagemaker:pipeline/{PipelineName}"
    ),
    "sagemaker:StartPipelineExecution": _on(
        "sagemaker:StartPipelineExecution", "sagemaker:pipeline/{PipelineName}"
    ),
    "sns:Publish": lambda deployed, given: deployed.publish(given["TopicArn"]),
    "states:ListExecutions": lambda _, given: [
        Ask("states:ListExecutions", given["StateMachineArn"])
    ],
}
"""Action as the operation is called -> what a call of it takes."""


_SESSION: Session = botocore.session.get_session()
"""Knows the operations of every service."""


def operation_of(service: str, name: str) -> str:
    """Returns an operation's name from that of an SDK ("listExecutions") or of the CLI."""
    wanted = name.replace("-", "").lower()
    operations = _SESSION.get_service_model(service).operation_names
    (found,) = (each for each in operations if each.lower() == wanted)
    return found


def signed_as(service: str) -> str:
    """Returns how requests to a service are signed, which is as actions name it."""
    return str(_SESSION.get_service_model(service).signing_name)


CUSTOMIZED = {("ecr", "get-login-password"): "GetAuthorizationToken"}
"""Commands of the CLI that are called otherwise than their operation."""


def of_shell(script: str, variables: dict[str, str]) -> Iterator[tuple[str, str, Parameters]]:
    """Yields service, operation and parameters of the `aws` commands in a shell script.

    Parameters are those whose values are text; $NAMES in them are replaced by their values.

    Raises:
        ValueError: A command could not be read, or asks for an operation that there is not.
    """
    for line in script.replace("\\\n", " ").splitlines():
        for command in line.split("aws ")[1:] if _calls_aws(line) else []:
            words = _words(command)
            service, verb, *rest = words
            operation = CUSTOMIZED.get((service, verb)) or operation_of(service, verb)
            members = _SESSION.get_service_model(service).operation_model(operation).input_shape
            options = {
                word[2:]: rest[index + 1] if index + 1 < len(rest) else ""
                for index, word in enumerate(rest)
                if word.startswith("--")
            }
            yield (
                signed_as(service),
                operation,
                {
                    name: _filled(options[option], variables)
                    for name in members.members
                    if (option := xform_name(name, "-")) in options
                },
            )


def _calls_aws(line: str) -> bool:
    return "aws " in line and not line.strip().startswith("#")


def _words(command: str) -> list[str]:
    """Returns a command's words up to where the shell ends it."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|;&<>()")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if set(word) <= set("|;&<>()"):
            break
        words.append(word)
    return words


def _filled(text: str, variables: dict[str, str]) -> str:
    for name, value in variables.items():
        text = text.replace(f"${name}", value)
    return text
