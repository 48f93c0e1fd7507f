"""A workflow in MWAA Serverless: what it refuses, and what its role may do."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk.aws_s3_assets import Asset

from mla_constructs.errors import InvalidArgument
from mla_constructs.orchestration.serverless_workflow import ServerlessWorkflow, check_definition
from mla_constructs.storage.buckets import DataBucket

if TYPE_CHECKING:
    from tests.l3.conftest import Parts

SAGEMAKER = "airflow.providers.amazon.aws.operators.sagemaker"
DEFINITION: dict[str, Any] = {
    "daily": {
        "max_active_runs": 1,
        "default_args": {"retries": 3, "retry_delay": {"seconds": 300}},
        "tasks": {
            "train": {
                "operator": f"{SAGEMAKER}.SageMakerTrainingOperator",
                "execution_timeout": {"seconds": 3600},
            }
        },
    }
}


def changed(**arguments: Any) -> dict[str, Any]:
    """Returns the definition with other arguments of its task."""
    definition = copy.deepcopy(DEFINITION)
    definition["daily"]["tasks"]["train"] |= arguments
    return definition


def test_limits_of_the_service_are_accepted() -> None:
    check_definition(DEFINITION)


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ({}, "definition has 0 DAGs"),
        ({"daily": {**DEFINITION["daily"], "catchup": False}}, "daily has catchup: .* leave it"),
        ({"daily": {**DEFINITION["daily"], "max_active_runs": 21}}, "max_active_runs is 21"),
        (changed(trigger_rule="all_done"), "train has trigger_rule"),
        (changed(deferrable=True), "train has deferrable"),
        (changed(retries=4), "retries of train is 4: choose a value from 0 to 3"),
        (changed(retry_delay={"seconds": 301}), "retry_delay of train is 301 s"),
        (changed(execution_timeout={"seconds": 3601}), "execution_timeout of train is 3601 s"),
        (
            changed(operator=f"{SAGEMAKER}.SageMakerConditionOperator"),
            "SageMakerConditionOperator, which MWAA Serverless does not run: choose",
        ),
        (
            changed(config={"Environment": "x" * 51_200}),
            r"definition has 50\.\d KB: .* takes 50 KB",
        ),
    ],
)
def test_what_the_service_refuses_or_ignores(definition: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        check_definition(definition)


def test_other_operators_are_left_to_the_service() -> None:
    check_definition(
        changed(operator="airflow.providers.amazon.aws.operators.glue.GlueJobOperator")
    )


@pytest.fixture
def workflow(parts: Parts) -> ServerlessWorkflow:
    return ServerlessWorkflow(
        parts.stack,
        "Workflow",
        definition=DEFINITION,
        code=Asset(parts.stack, "Code", path=__file__),
        bucket=DataBucket(
            parts.stack,
            "Data",
            key=parts.key,
            access_logs=s3.Bucket(parts.stack, "AccessLogs"),
            removal_policy=RemovalPolicy.DESTROY,
            expire_after=Duration.days(1),
        ),
        key=parts.key,
        log_retention=logs.RetentionDays.ONE_WEEK,
        removal_policy=RemovalPolicy.DESTROY,
    )


def properties(parts: Parts, resource_type: str) -> dict[str, Any]:
    ((_, resource),) = parts.template.find_resources(resource_type).items()
    found: dict[str, Any] = resource["Properties"]
    return found


@pytest.mark.usefixtures("workflow")
def test_definition_of_this_deployment_is_taken(parts: Parts) -> None:
    taken = properties(parts, "AWS::MWAAServerless::Workflow")["DefinitionS3Location"]
    assert taken["ObjectKey"] == "workflows/daily.yaml"
    assert taken["VersionId"]["Fn::GetAtt"][0].startswith("WorkflowDefinition")


@pytest.mark.usefixtures("workflow")
def test_key_of_the_bucket_encrypts_the_workflow(parts: Parts) -> None:
    encryption = properties(parts, "AWS::MWAAServerless::Workflow")["EncryptionConfiguration"]
    assert encryption["Type"] == "CUSTOMER_MANAGED_KEY"
    assert encryption["KmsKeyId"] == parts.resolve(parts.key.key_arn)


@pytest.mark.usefixtures("workflow")
def test_only_this_workflow_gets_the_role(parts: Parts) -> None:
    roles = parts.template.find_resources("AWS::IAM::Role")
    (role,) = [r for name, r in roles.items() if name.startswith("WorkflowRole")]
    (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "airflow-serverless.amazonaws.com"}
    source = statement["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Join"][1]
    assert source[-3:] == [":workflow/", {"Ref": "AWS::StackName"}, "-*"]


@pytest.mark.usefixtures("workflow")
def test_tasks_log_under_the_key(parts: Parts) -> None:
    groups = parts.template.find_resources("AWS::Logs::LogGroup")
    (name,) = [name for name in groups if name.startswith("WorkflowLogs")]
    logging = properties(parts, "AWS::MWAAServerless::Workflow")["LoggingConfiguration"]
    assert logging["LogGroupName"] == {"Ref": name}
    assert groups[name]["Properties"]["KmsKeyId"] == parts.resolve(parts.key.key_arn)
