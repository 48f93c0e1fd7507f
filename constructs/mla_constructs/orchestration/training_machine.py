"""The training workflow as a state machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from mla_constructs.errors import require_between
from mla_constructs.observability.topic import EncryptedTopic
from mla_constructs.orchestration.training_workspace import TrainingWorkspace
from mla_constructs.orchestration.workflow_machine import (
    ON_FAILURE,
    RETRY_JOB,
    WorkflowMachine,
    report_failure,
)
from mla_constructs.orchestration.workflow_requests import (
    EVALUATION_FILE,
    WorkflowJob,
    WorkflowParameters,
    evaluate_request,
    parameter_of,
    preprocess_request,
    register_request,
    train_request,
)
from mla_constructs.security.data_key import DataKey

JOB_PREFIX = "workflow"
"""Job names have 63 characters at most: with a step and a UUID there is no room for the stack's."""

A_YEAR = Duration.days(365)


class TrainingMachine(WorkflowMachine):
    """A state machine of process -> train -> evaluate -> condition -> register.

    A run that ends because the model is not good enough fails, and is reported like one that broke.

    Args:
        scope: Parent construct.
        id: Construct ID.
        definition: What training_machine_definition() returned.
        workspace: What the jobs read, write and act under.
        failure_topic: Told of the cause of a failed run.
        key: Encrypts the logs.
        log_retention: How long logs are kept.
        removal_policy: What becomes of the logs when the stack is deleted.

    Source: https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        definition: dict[str, Any],
        workspace: TrainingWorkspace,
        failure_topic: EncryptedTopic,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(
            scope,
            id,
            definition=definition,
            failure_topic=failure_topic,
            key=key,
            log_retention=log_retention,
            removal_policy=removal_policy,
        )
        workspace.grant_orchestration(self.role, job_names=f"{JOB_PREFIX}-*", list_tags=True)
        for jobs in ("ProcessingJobs", "TrainingJobs"):
            self.grant_hearing_of(jobs)


def training_machine_definition(
    job: WorkflowJob,
    *,
    parameters: WorkflowParameters,
    runs_bucket: str,
    model_package_group_name: str,
    approval_status: str,
    step_timeout: Duration,
    failure_topic_arn: str,
) -> dict[str, Any]:
    """Returns the Amazon States Language of the workflow.

    Args:
        job: What all jobs have in common.
        parameters: An execution's input may name others: {"MaxDepth": "5"}.
        runs_bucket: Every execution writes into it, below runs/ in a folder of its name.
        model_package_group_name: Group that a good model is added to.
        approval_status: Of the registered version.
        step_timeout: After which a job is stopped and the run fails, at most a year.
        failure_topic_arn: Told of the cause of a failed run.

    Raises:
        InvalidArgument: A value that Step Functions does not accept, or a gate without effect.

    Source: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
    """
    require_between("step_timeout", step_timeout.to_seconds(), 1, A_YEAR.to_seconds(), unit="s")
    parameters.check()
    asked = _requests(job, parameters, runs_bucket, model_package_group_name, approval_status)
    return {
        "Comment": "process -> train -> evaluate -> condition -> register",
        "QueryLanguage": "JSONata",
        "StartAt": "TakeInput",
        "States": {
            **_take_input(parameters),
            **_jobs(asked, step_timeout),
            **_decide(runs_bucket),
            **_register(asked["register"]),
            **report_failure(failure_topic_arn, subject="Training workflow failed"),
        },
    }


def _jobs(asked: Mapping[str, dict[str, Any]], timeout: Duration) -> dict[str, Any]:
    return {
        "Preprocess": {
            **_job_state("preprocess", "ProcessingJob", asked["preprocess"], timeout),
            "Next": "Train",
        },
        "Train": {
            **_job_state("train", "TrainingJob", asked["train"], timeout),
            "Assign": {"modelUri": "{% $states.result.ModelArtifacts.S3ModelArtifacts %}"},
            "Next": "Evaluate",
        },
        "Evaluate": {
            **_job_state("evaluate", "ProcessingJob", asked["evaluate"], timeout),
            "Next": "ReadEvaluation",
        },
    }


def _requests(
    job: WorkflowJob,
    parameters: WorkflowParameters,
    runs_bucket: str,
    model_package_group_name: str,
    approval_status: str,
) -> dict[str, dict[str, Any]]:
    """Returns step -> arguments, JSONata where a value is known only in the run."""

    def own(name: str) -> str:
        """Returns an address of this execution's own."""
        return f"{{% 's3://{runs_bucket}/' & $run & '/{name}' %}}"

    preprocess = preprocess_request(
        job,
        raw_uri="{% $given.InputDataUri %}",
        outputs={name: own(name) for name in ("train", "validation", "test")},
    )
    train = train_request(
        job,
        train_uri=own("train"),
        validation_uri=own("validation"),
        output_uri=own("model"),
        hyperparameters={
            name: f"{{% $given.{parameter_of(name)} %}}" for name in parameters.hyperparameters
        },
    )
    evaluate = evaluate_request(
        job,
        model_uri="{% $modelUri %}",
        approved_model_uri="{% $given.ApprovedModelUri %}",
        test_uri=own("test"),
        output_uri=own("evaluation"),
    )
    register = register_request(
        job,
        model_package_group_name=model_package_group_name,
        model_uri="{% $modelUri %}",
        evaluation_uri=own(f"evaluation/{EVALUATION_FILE}"),
        approval_status=approval_status,
        instance_types=[job.instance_type],
    )
    return {"preprocess": preprocess, "train": train, "evaluate": evaluate, "register": register}


def _take_input(parameters: WorkflowParameters) -> dict[str, Any]:
    """State that fills up what the execution's input does not name."""

    def value(name: str, default: str | float) -> str:
        given = f"$states.input.{name}"
        if isinstance(default, str):
            return f"{{% $exists({given}) ? $string({given}) : '{default}' %}}"
        return f"{{% $exists({given}) ? $number({given}) : {default} %}}"

    return {
        "TakeInput": {
            "Type": "Pass",
            "Assign": {
                "given": {name: value(name, d) for name, d in parameters.defaults().items()},
                "run": "{% 'runs/' & $states.context.Execution.Name %}",
                # The same in every attempt to register: the model is registered once.
                "token": "{% $uuid() %}",
            },
            "Next": "Preprocess",
        }
    }


def _job_state(step: str, kind: str, request: dict[str, Any], timeout: Duration) -> dict[str, Any]:
    """A state that runs a job and waits for its end; every attempt has a name of its own."""
    return {
        "Type": "Task",
        "Resource": f"arn:aws:states:::sagemaker:create{kind}.sync",
        "Arguments": {f"{kind}Name": f"{{% '{JOB_PREFIX}-{step}-' & $uuid() %}}", **request},
        "TimeoutSeconds": timeout.to_seconds(),
        "Retry": [RETRY_JOB],
        "Catch": [ON_FAILURE],
    }


def _decide(runs_bucket: str) -> dict[str, Any]:
    """States that read the evaluation and decide by it whether the model is registered."""
    return {
        "ReadEvaluation": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
            "Arguments": {
                "Bucket": runs_bucket,
                "Key": f"{{% $run & '/evaluation/{EVALUATION_FILE}' %}}",
            },
            "Assign": {"gate": "{% $parse($states.result.Body).gate %}"},
            "Catch": [ON_FAILURE],
            "Next": "IsGoodEnough",
        },
        "IsGoodEnough": {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": (
                        "{% $gate.roc_auc >= $given.MinimumRocAuc "
                        "and $gate.lead >= $given.MinimumLead %}"
                    ),
                    "Next": "Register",
                }
            ],
            "Default": "Reject",
        },
        "Reject": {
            "Type": "Pass",
            "Output": {
                "Error": "ModelNotGoodEnough",
                "Cause": (
                    "{% 'ROC AUC ' & $gate.roc_auc & ' of at least ' & $given.MinimumRocAuc & "
                    "', lead ' & $gate.lead & ' of at least ' & $given.MinimumLead %}"
                ),
            },
            "Next": "ReportFailure",
        },
    }


def _register(register: dict[str, Any]) -> dict[str, Any]:
    return {
        "Register": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sagemaker:createModelPackage",
            "Arguments": {"ClientToken": "{% $token %}", **register},
            "Output": {
                "ModelPackageArn": "{% $states.result.ModelPackageArn %}",
                "RocAuc": "{% $gate.roc_auc %}",
            },
            "Retry": [RETRY_JOB | {"ErrorEquals": ["SageMaker.SageMakerException"]}],
            "Catch": [ON_FAILURE],
            "End": True,
        }
    }
