"""What a training workflow stands on, whoever orchestrates it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration
from aws_cdk import aws_iam as iam

from mla_constructs.errors import InvalidArgument
from tests.support import workflow

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


@pytest.fixture(scope="module")
def built(new_parts: type[Parts]) -> Parts:
    parts = new_parts()
    orchestrator = iam.Role(
        parts.stack, "Orchestrator", assumed_by=iam.ServicePrincipal("airflow.amazonaws.com")
    )
    parts.workspace.grant_orchestration(orchestrator, job_names="nightly-*")
    return parts


def statements(built: Parts, role: str) -> list[dict[str, Any]]:
    (policy,) = (
        found
        for name, found in built.template.find_resources("AWS::IAM::Policy").items()
        if name.startswith(f"{role}DefaultPolicy")
    )
    return list(policy["Properties"]["PolicyDocument"]["Statement"])


def actions(found: list[dict[str, Any]]) -> set[str]:
    return {
        action
        for statement in found
        for action in (
            statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        )
    }


def test_jobs_may_neither_create_jobs_nor_register_models(built: Parts) -> None:
    assert not {a for a in actions(statements(built, "WorkspaceRole")) if "sagemaker" in a}


def test_jobs_write_below_runs_alone(built: Parts) -> None:
    (writing,) = (
        found for found in statements(built, "WorkspaceRole") if "s3:PutObject" in found["Action"]
    )
    assert writing["Resource"]["Fn::Join"][1][-1] == "/runs/*"


def test_jobs_log_and_measure_as_both_kinds(built: Parts) -> None:
    namespaces = {
        found["Condition"]["StringEquals"]["cloudwatch:namespace"]
        for found in statements(built, "WorkspaceRole")
        if found["Action"] == "cloudwatch:PutMetricData"
    }
    assert namespaces == {"/aws/sagemaker/ProcessingJobs", "/aws/sagemaker/TrainingJobs"}


def test_uploaded_files_are_found_and_read_by_their_whole_keys(built: Parts) -> None:
    prefixes = {
        found["Condition"]["StringEquals"]["s3:prefix"]
        for found in statements(built, "WorkspaceRole")
        if found["Action"] == "s3:ListBucket" and "StringEquals" in found["Condition"]
    }
    assert all(re.fullmatch(r"[0-9a-f]{64}\.\w+", prefix) for prefix in prefixes), prefixes
    assert prefixes


def test_orchestrator_may_pass_this_one_role_to_sagemaker_alone(built: Parts) -> None:
    (passing,) = (
        found for found in statements(built, "Orchestrator") if found["Action"] == "iam:PassRole"
    )
    assert passing["Resource"] == built.resolve(built.workspace.role.role_arn)
    assert passing["Condition"] == {
        "StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}
    }


def test_orchestrator_may_do_what_the_workflow_asks_and_no_more(built: Parts) -> None:
    assert actions(statements(built, "Orchestrator")) == {
        "iam:PassRole",
        "kms:Decrypt",
        "s3:GetObject",
        "sagemaker:AddTags",
        "sagemaker:CreateModelPackage",
        "sagemaker:CreateProcessingJob",
        "sagemaker:CreateTrainingJob",
        "sagemaker:DescribeProcessingJob",
        "sagemaker:DescribeTrainingJob",
        "sagemaker:StopProcessingJob",
        "sagemaker:StopTrainingJob",
    }


def test_archive_keeps_its_name(built: Parts) -> None:
    uri = built.resolve(built.workspace.job.code_uri)["Fn::Sub"]
    assert uri.endswith(f"/{built.workspace.job.code_file}")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"instance_type": "m5.large"}, "instance_type is 'm5.large'"),
        ({"volume_size_gb": 0}, "volume_size_gb is 0 GB: choose a value from 1 to 16384 GB."),
        (
            {"max_runtime": Duration.days(10)},
            "max_runtime is 864000 s: choose a value from 1 to 777600 s.",
        ),
    ],
)
def test_bad_job_raises_with_the_value_and_the_fix(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(message)):
        replace(workflow.JOB, **changes).check()


@pytest.mark.parametrize(
    "changes",
    [{"volume_size_gb": 16384}, {"max_runtime": Duration.days(9)}, {"volume_size_gb": 1}],
    ids=str,
)
def test_edges_of_the_range_are_accepted(changes: dict[str, Any]) -> None:
    replace(workflow.JOB, **changes).check()
