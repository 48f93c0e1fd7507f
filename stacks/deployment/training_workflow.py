"""What all orchestrators run: the same steps, on the same instances, through the same gate."""

from __future__ import annotations

from aws_cdk import Duration, IgnoreMode
from aws_cdk.aws_s3_assets import Asset

from mla_constructs.inference.built_in_image import BuiltInImage
from mla_constructs.orchestration.training_workspace import TrainingWorkspace
from mla_constructs.orchestration.workflow_requests import WorkflowParameters
from mla_constructs.security.data_key import DataKey
from mla_constructs.storage.buckets import AccessLogBucket
from runtime.jobs import tumor_workflow
from runtime.models import tumor_classifier
from stacks.reference_stack import ReferenceStack

APPROVAL_STATUS = "PendingManualApproval"
"""Of a registered version; "Approved" lets whatever listens to the registry deploy it at once."""


def training_workspace(stack: ReferenceStack, key: DataKey) -> TrainingWorkspace:
    """Returns code, data and the model to beat; the jobs' role; the registry."""
    return TrainingWorkspace(
        stack,
        "Workspace",
        image=BuiltInImage(stack),
        code=Asset(
            stack,
            "Code",
            path=str(tumor_workflow.CODE),
            exclude=list(tumor_workflow.NOT_CODE),
            ignore_mode=IgnoreMode.GIT,
        ),
        raw_data=Asset(stack, "RawData", path=str(tumor_workflow.RAW_DATA)),
        approved_model=Asset(stack, "ApprovedModel", path=str(tumor_classifier.ARTIFACT)),
        instance_type="ml.m5.large",  # two vCPUs, 8 GiB: the smallest of the general type
        volume_size_gb=5,  # kilobytes of data
        max_runtime=Duration.minutes(30),  # of a step that takes seconds once its instance runs
        key=key,
        access_logs=AccessLogBucket(stack, "AccessLogs", removal_policy=stack.data_removal),
        removal_policy=stack.data_removal,
    )


def parameters(workspace: TrainingWorkspace) -> WorkflowParameters:
    """Returns what a run takes unless it names something else."""
    return WorkflowParameters(
        raw_uri=workspace.raw_uri,
        approved_model_uri=workspace.approved_model_uri,
        hyperparameters={
            "max_depth": "3",
            "eta": "0.1",
            # At most; training stops once the validation loss has not fallen for 20 rounds.
            "rounds": "300",
            "early_stopping_rounds": "20",
        },
        minimum_roc_auc=0.95,
        # The 171 held-out rows do not tell models apart that differ by less.
        minimum_lead=-0.005,
    )
