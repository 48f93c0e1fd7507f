"""One training workflow to test with."""

from __future__ import annotations

from aws_cdk import Duration

from mla_constructs.orchestration.workflow_requests import WorkflowJob, WorkflowParameters

HASH = "5d1c2a9f0e7b4c3d" * 4

JOB = WorkflowJob(
    image_uri="123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
    code_uri=f"s3://assets/{HASH}.zip",
    code_file=f"{HASH}.zip",
    role_arn="arn:aws:iam::123456789012:role/jobs",
    key_arn="arn:aws:kms:us-east-1:123456789012:key/8d0e2c5b-6f1e-4c1a-9b7e-0a4d6f1f6b11",
    instance_type="ml.m5.large",
    volume_size_gb=5,
    max_runtime=Duration.minutes(30),
    tags={"workflow": "tumors"},
)

PARAMETERS = WorkflowParameters(
    raw_uri=f"s3://assets/{HASH}.csv",
    approved_model_uri=f"s3://assets/{HASH}.gz",
    hyperparameters={
        "max_depth": "3",
        "eta": "0.1",
        "rounds": "300",
        "early_stopping_rounds": "20",
    },
    minimum_roc_auc=0.95,
    minimum_lead=-0.005,
)
