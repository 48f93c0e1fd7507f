"""What SageMaker does under the role of a job: its arguments say it.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html (the sections on
CreateProcessingJob, CreateTrainingJob and CreateModel)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from study.sample import ACCOUNT, REGION
from tests.support.needs.deployed import Ask, Deployed, arn, place, storage_key

ROLES = "https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html"

LOGGING = ("CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents")
"""What SageMaker asks for to log."""

PULLING = ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")


def pulling(image: str) -> list[Ask]:
    """Returns what pulling an image from a registry of ECR takes."""
    # The registry of one's own repository is parts of its ARN.
    own = re.search(r"arn:aws:ecr:[\w-]+:(\d{12}):repository/([\w-]+)", image)
    found = own or re.search(r"(\d{12})\.dkr\.ecr\.[^/]+/([^:@]+)", image)
    if not found:
        raise ValueError(f"{image} is in no registry of ECR")
    repository = arn("ecr", f"repository/{found[2]}").replace(ACCOUNT, found[1])
    return [
        Ask("ecr:GetAuthorizationToken", "*"),
        *(Ask(f"ecr:{action}", repository) for action in PULLING),
    ]


def measuring(namespace: str) -> Ask:
    """Returns what publishing metrics takes."""
    return Ask("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": namespace})


def job(deployed: Deployed, kind: str, given: dict[str, Any]) -> Iterator[Ask]:
    """Yields what a processing or training job takes of its role.

    Args:
        deployed: Knows the keys of buckets.
        kind: "Processing" or "Training".
        given: Arguments of the call that creates it, everything in them resolved.
    """
    image = given.get("AppSpecification", given.get("AlgorithmSpecification", {}))
    yield from pulling(image.get("ImageUri") or image["TrainingImage"])
    yield measuring(f"/aws/sagemaker/{kind}Jobs")
    yield from deployed.log(f"/aws/sagemaker/{kind}Jobs", *LOGGING)
    for uri in _inputs(given):
        bucket, key = place(uri)
        prefix = key if "." in key.split("/")[-1] else f"{key.rstrip('/')}/sample.csv"
        yield from deployed.list_below(bucket, key)
        yield from deployed.read(bucket, prefix)
    for uri, key in _outputs(given):
        bucket, prefix = place(uri)
        yield from deployed.upload(bucket, f"{prefix}/sample")
        via = {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}
        yield from [Ask("kms:Encrypt", key, via)] if key else []
    cluster = given.get("ResourceConfig") or given["ProcessingResources"]["ClusterConfig"]
    yield from storage_key(cluster.get("VolumeKmsKeyId"))


def _inputs(given: dict[str, Any]) -> Iterator[str]:
    for each in given.get("ProcessingInputs", []):
        yield each["S3Input"]["S3Uri"]
    for channel in given.get("InputDataConfig", []):
        yield channel["DataSource"]["S3DataSource"]["S3Uri"]


def _outputs(given: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    outputs = given.get("ProcessingOutputConfig", {})
    for each in outputs.get("Outputs", []):
        yield each["S3Output"]["S3Uri"], outputs.get("KmsKeyId")
    if written := given.get("OutputDataConfig"):
        yield written["S3OutputPath"], written.get("KmsKeyId")


def model_uri(given: dict[str, Any]) -> str:
    """Returns where a training job leaves its model."""
    return f"{given['OutputDataConfig']['S3OutputPath']}/sample/output/model.tar.gz"
