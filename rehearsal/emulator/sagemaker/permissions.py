"""What IAM is asked besides the operation itself: on which resource, and for what else.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_sagemaker.html
"""

from __future__ import annotations

from collections.abc import Iterator

from rehearsal.emulator import host
from rehearsal.emulator.sagemaker.records import Record, arn

NAMES = {
    "ModelName": "model",
    "EndpointConfigName": "endpoint-config",
    "EndpointName": "endpoint",
    "InferenceComponentName": "inference-component",
    "TransformJobName": "transform-job",
    "ProcessingJobName": "processing-job",
    "TrainingJobName": "training-job",
    "ModelPackageGroupName": "model-package-group",
    "PipelineName": "pipeline",
}
"""Parameter that names a resource -> the kind in its ARN; the last one named decides."""

ARNS = ("ModelPackageArn", "ModelPackageName", "PipelineExecutionArn")
"""Parameters whose value is the ARN."""

ROLES = ("ExecutionRoleArn", "RoleArn")


def resource(request: Record) -> str:
    """Returns the ARN that a request is about, "*" if it names none."""
    if "ResourceArn" in request:
        return str(request["ResourceArn"])
    for name in ARNS:
        if name in request:
            value = str(request[name])
            return value if value.startswith("arn:") else arn("model-package", value)
    named = [
        value if (value := str(request[name])).startswith("arn:") else arn(kind, value)
        for name, kind in NAMES.items()
        if name in request
    ]
    return named[-1] if named else "*"


def also_asked(name: str, request: Record) -> Iterator[tuple[str, str, Record]]:
    """Yields (action, resource, context) that a caller needs besides the operation's own."""
    if not name.startswith(("Create", "Update")):
        return
    for parameter in ROLES:
        if parameter in request:
            service = {"iam:PassedToService": "sagemaker.amazonaws.com"}
            yield "iam:PassRole", request[parameter], service
    if request.get("Tags"):
        yield "sagemaker:AddTags", resource(request), {}
    if name == "CreateTransformJob":
        # No role is passed: whoever creates the job lets the instances have the key.
        key = request["TransformResources"].get("VolumeKmsKeyId", "")
        if key.startswith("arn:"):
            yield "kms:CreateGrant", key, {"kms:GrantIsForAWSResource": "true"}
    if name == "CreateModelPackage" and "ModelPackageGroupName" in request:
        group = request["ModelPackageGroupName"].rpartition("/")[2]
        yield "sagemaker:CreateModelPackage", arn("model-package", f"{group}/1"), {}


def denial(access_key: str, name: str, request: Record) -> str | None:
    """Returns why a caller may not do what a request needs besides its own operation."""
    for action, on, context in also_asked(name, request):
        denied = host.denial(access_key, action, on, context)
        if denied:
            return denied
    return None
