"""What a training workflow asks of SageMaker, whoever orchestrates it.

SageMaker Pipelines, Step Functions and Airflow take the same documents: the arguments of the API,
in its own names. They differ in how a value is written that is known only in the run ({"Get": ...},
JSONata, Jinja), so that every such value is an argument here; and in who names the jobs: Pipelines
does, the other two add the name.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration

from mla_constructs.errors import require_between
from mla_constructs.inference.instance_variant import require_instance_type

INPUT = "/opt/ml/processing/input"
OUTPUT = "/opt/ml/processing/output"
CHANNELS = "/opt/ml/input/data"

METRICS = {
    f"{rows}:{metric}": rf"{rows}-{metric}:([0-9.]+)"
    for rows in ("train", "validation")
    for metric in ("auc", "logloss")
}
"""Name of a metric -> how it is found in the lines that XGBoost prints of each round."""

EVALUATION_FILE = "evaluation.json"
"""What the evaluation writes below its output."""


@dataclass(frozen=True, kw_only=True)
class WorkflowJob:
    """What all jobs of the workflow have in common.

    Attributes:
        image_uri: Container with Python and what the steps import.
        code_uri: Address of the archive with the steps, a package that Python imports from it.
        code_file: Name of the archive, which it keeps where a job finds it.
        role_arn: What the jobs may do.
        key_arn: Encrypts the volumes and what is written to S3.
        instance_type: Such as "ml.m5.large".
        volume_size_gb: Volume of an instance, 1 to 16384 GB.
        max_runtime: After which a job is stopped, 1 s to 9 days; training jobs may have 28. The
            account's quota ends a processing job after 5.
        tags: Of every job; a model package has those of its group.
    """

    image_uri: str
    code_uri: str
    code_file: str
    role_arn: str
    key_arn: str
    instance_type: str
    volume_size_gb: int
    max_runtime: Duration
    tags: Mapping[str, str]

    def check(self) -> None:
        """Raises InvalidArgument for what SageMaker would reject."""
        require_instance_type(self.instance_type)
        require_between("volume_size_gb", self.volume_size_gb, 1, 16384, unit="GB")
        require_between("max_runtime", self.max_runtime.to_seconds(), 1, 777_600, unit="s")


@dataclass(frozen=True, kw_only=True)
class WorkflowParameters:
    """What a run may name, and what holds if it does not.

    Attributes:
        raw_uri: Prefix of the raw data, or its one file.
        approved_model_uri: The model.tar.gz that a new model is compared with.
        hyperparameters: Of the training, as text.
        minimum_roc_auc: What the new model has to reach, 0.5 to 1.
        minimum_lead: By how much its ROC AUC has to exceed the best of what it is compared with,
            -0.5 to 0.5; below 0, by how much it may be worse.
    """

    raw_uri: str
    approved_model_uri: str
    hyperparameters: Mapping[str, str]
    minimum_roc_auc: float
    minimum_lead: float

    def check(self) -> None:
        """Raises InvalidArgument for a gate that every model passes, or none."""
        require_between("minimum_roc_auc", self.minimum_roc_auc, 0.5, 1)
        require_between("minimum_lead", self.minimum_lead, -0.5, 0.5)

    def defaults(self) -> dict[str, str | float]:
        """Returns name -> value of every parameter."""
        return {
            "InputDataUri": self.raw_uri,
            "ApprovedModelUri": self.approved_model_uri,
            **{parameter_of(name): value for name, value in self.hyperparameters.items()},
            "MinimumRocAuc": self.minimum_roc_auc,
            "MinimumLead": self.minimum_lead,
        }


def parameter_of(hyperparameter: str) -> str:
    """Returns the parameter that holds a hyperparameter: max_depth is given as MaxDepth."""
    return "".join(word.capitalize() for word in hyperparameter.split("_"))


def preprocess_request(
    job: WorkflowJob, *, raw_uri: Any, outputs: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the arguments of CreateProcessingJob that parts the raw data, without its name.

    Args:
        job: What all jobs have in common.
        raw_uri: Prefix of the raw data, or its one file.
        outputs: Where "train", "validation" and "test" are written.
    """
    return _processing(job, "preprocess", inputs={"raw": raw_uri}, outputs=outputs)


def train_request(
    job: WorkflowJob,
    *,
    train_uri: Any,
    validation_uri: Any,
    output_uri: Any,
    hyperparameters: Mapping[str, Any],
) -> dict[str, Any]:
    """Returns the arguments of CreateTrainingJob, without its name.

    The container's entry point is replaced by the archive's module: no source tarball.

    Args:
        job: What all jobs have in common.
        train_uri: Prefix of the rows to train on.
        validation_uri: Prefix of the rows to stop by.
        output_uri: Prefix under which <job name>/output/model.tar.gz is written.
        hyperparameters: Name -> value as text.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AlgorithmSpecification.html
    """
    channels = {"code": job.code_uri, "train": train_uri, "validation": validation_uri}
    return {
        "AlgorithmSpecification": {
            "TrainingImage": job.image_uri,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": _entrypoint("train"),
            "MetricDefinitions": [{"Name": n, "Regex": regex} for n, regex in METRICS.items()],
        },
        "HyperParameters": dict(hyperparameters),
        "Environment": {"PYTHONPATH": f"{CHANNELS}/code/{job.code_file}"},
        "InputDataConfig": [
            {"ChannelName": name, "DataSource": {"S3DataSource": _everything_below(uri)}}
            for name, uri in channels.items()
        ],
        "OutputDataConfig": {"S3OutputPath": output_uri, "KmsKeyId": job.key_arn},
        "ResourceConfig": _instances(job),
        "StoppingCondition": {"MaxRuntimeInSeconds": job.max_runtime.to_seconds()},
        "EnableNetworkIsolation": True,
        "RoleArn": job.role_arn,
        "Tags": _tags(job),
    }


def evaluate_request(
    job: WorkflowJob, *, model_uri: Any, approved_model_uri: Any, test_uri: Any, output_uri: Any
) -> dict[str, Any]:
    """Returns the arguments of CreateProcessingJob that judges a model, without its name.

    Args:
        job: What all jobs have in common.
        model_uri: The trained model.tar.gz.
        approved_model_uri: The model.tar.gz that it is compared with.
        test_uri: Prefix of the rows that were held out.
        output_uri: Prefix under which EVALUATION_FILE is written.
    """
    inputs = {"model": model_uri, "approved": approved_model_uri, "test": test_uri}
    return _processing(job, "evaluate", inputs=inputs, outputs={"evaluation": output_uri})


def register_request(
    job: WorkflowJob,
    *,
    model_package_group_name: Any,
    model_uri: Any,
    evaluation_uri: Any,
    approval_status: str,
    instance_types: list[str],
) -> dict[str, Any]:
    """Returns the arguments of CreateModelPackage that adds a version to the group.

    Args:
        job: Its image serves the model as well.
        model_package_group_name: The group; the version has its tags.
        model_uri: The trained model.tar.gz.
        evaluation_uri: The evaluation's EVALUATION_FILE: the registry shows its figures.
        approval_status: "PendingManualApproval" leaves the decision to a person.
        instance_types: What the model may be served on.
    """
    return {
        "ModelPackageGroupName": model_package_group_name,
        "ModelPackageDescription": "Tells malignant from benign tumors",
        "ModelApprovalStatus": approval_status,
        "InferenceSpecification": {
            "Containers": [{"Image": job.image_uri, "ModelDataUrl": model_uri}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
            "SupportedRealtimeInferenceInstanceTypes": instance_types,
            "SupportedTransformInstanceTypes": instance_types,
        },
        "ModelMetrics": {
            "ModelQuality": {
                "Statistics": {"ContentType": "application/json", "S3Uri": evaluation_uri}
            }
        },
    }


def _processing(
    job: WorkflowJob, step: str, *, inputs: Mapping[str, Any], outputs: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "AppSpecification": {"ImageUri": job.image_uri, "ContainerEntrypoint": _entrypoint(step)},
        "Environment": {"PYTHONPATH": f"{INPUT}/code/{job.code_file}"},
        "ProcessingInputs": [
            {
                "InputName": name,
                "S3Input": {
                    "S3Uri": uri,
                    "LocalPath": f"{INPUT}/{name}",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
            for name, uri in {"code": job.code_uri, **inputs}.items()
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": name,
                    "S3Output": {
                        "S3Uri": uri,
                        "LocalPath": f"{OUTPUT}/{name}",
                        "S3UploadMode": "EndOfJob",
                    },
                }
                for name, uri in outputs.items()
            ],
            "KmsKeyId": job.key_arn,
        },
        "ProcessingResources": {"ClusterConfig": _instances(job)},
        "StoppingCondition": {"MaxRuntimeInSeconds": job.max_runtime.to_seconds()},
        "NetworkConfig": {"EnableNetworkIsolation": True},
        "RoleArn": job.role_arn,
        "Tags": _tags(job),
    }


def _entrypoint(step: str) -> list[str]:
    return ["python3", "-m", f"steps.{step}"]


def _everything_below(uri: Any) -> dict[str, Any]:
    return {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}


def _instances(job: WorkflowJob) -> dict[str, Any]:
    return {
        "InstanceType": job.instance_type,
        # One: the step scripts do not share their work.
        "InstanceCount": 1,
        "VolumeSizeInGB": job.volume_size_gb,
        "VolumeKmsKeyId": job.key_arn,
    }


def _tags(job: WorkflowJob) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in job.tags.items()]
