"""A workflow in Amazon MWAA Serverless: Airflow without an environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import ArnFormat, Aws, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_mwaaserverless as mwaaserverless
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.errors import InvalidArgument, require_between
from mla_constructs.observability.log_group import STREAM_ACTIONS, EncryptedLogGroup
from mla_constructs.security.data_key import DataKey
from mla_constructs.storage.buckets import DataBucket
from mla_constructs.storage.written_object import WrittenObject

LARGEST_DEFINITION_KB = 50

IGNORED_BY_DAGS = {
    "access_control",
    "auto_register",
    "catchup",
    "dag_display_name",
    "dagrun_timeout",
    "depends_on_past",
    "description",
    "email_on_failure",
    "email_on_retry",
    "fail_fast",
    "is_paused_upon_creation",
    "jinja_environment_kwargs",
    "max_consecutive_failed_dag_runs",
    "on_failure_callback",
    "on_success_callback",
    "owner_links",
    "render_template_as_native_obj",
    "sla_miss_callback",
    "tags",
    "template_searchpath",
    "template_undefined",
    "user_defined_filters",
    "user_defined_macros",
}
"""Arguments of a DAG that the service ignores."""

IGNORED_BY_TASKS = {
    "allow_nested_operators",
    "deferrable",
    "depends_on_past",
    "do_xcom_push",
    "doc",
    "doc_json",
    "doc_md",
    "doc_rst",
    "doc_yaml",
    "email",
    "email_on_failure",
    "email_on_retry",
    "end_date",
    "executor",
    "executor_config",
    "ignore_first_depends_on_past",
    "inlets",
    "logger_name",
    "map_index_template",
    "max_active_tis_per_dag",
    "max_active_tis_per_dagrun",
    "max_retry_delay",
    "multiple_outputs",
    "on_execute_callback",
    "on_failure_callback",
    "on_retry_callback",
    "on_skipped_callback",
    "on_success_callback",
    "outlets",
    "owner",
    "pool",
    "pool_slots",
    "post_execute",
    "pre_execute",
    "priority_weight",
    "queue",
    "resources",
    "retry_exponential_backoff",
    "run_as_user",
    "sla",
    "start_date",
    "task_concurrency",
    "task_display_name",
    "task_group",
    "trigger_rule",
    "wait_for_downstream",
    "wait_for_past_depends_before_skipping",
    "weight_rule",
}
"""Arguments of a task that the service ignores."""

SAGEMAKER_OPERATORS = {
    "SageMakerAutoMLOperator",
    "SageMakerAutoMLSensor",
    "SageMakerCreateExperimentOperator",
    "SageMakerCreateNotebookOperator",
    "SageMakerDeleteModelOperator",
    "SageMakerDeleteNotebookOperator",
    "SageMakerEndpointConfigOperator",
    "SageMakerEndpointOperator",
    "SageMakerEndpointSensor",
    "SageMakerModelOperator",
    "SageMakerPipelineSensor",
    "SageMakerProcessingOperator",
    "SageMakerProcessingSensor",
    "SageMakerRegisterModelVersionOperator",
    "SageMakerStartNoteBookOperator",
    "SageMakerStartPipelineOperator",
    "SageMakerStopNotebookOperator",
    "SageMakerStopPipelineOperator",
    "SageMakerTrainingOperator",
    "SageMakerTrainingSensor",
    "SageMakerTransformOperator",
    "SageMakerTransformSensor",
    "SageMakerTuningOperator",
    "SageMakerTuningSensor",
}
"""Those of the provider's SageMaker operators and sensors that the service runs.

Source: https://docs.aws.amazon.com/mwaa/latest/mwaa-serverless-userguide/operators.html
"""

FAILED_ATTEMPT = "Task failed with exception"
"""What Airflow 3 logs at the end of every attempt that fails."""


class ServerlessWorkflow(Construct):
    """A workflow, its definition in S3, the role its tasks act under, and its log.

    The service takes a snapshot of definition and code: a change of either is a new version of the
    workflow. There is no environment, nothing runs or is billed between runs.

    Args:
        scope: Parent construct.
        id: Construct ID.
        definition: The DAG as DAG Factory writes it, {DAG's name: {"tasks": ...}}; it may hold
            tokens. At most 50 KB.
        code: Folder of modules that Python tasks call, at the root of the archive.
        bucket: Keeps the definition, below workflows/.
        key: Encrypts the workflow, its data and its log.
        log_retention: How long logs are kept.
        removal_policy: What becomes of the log when the stack is deleted.

    Attributes:
        role: What the tasks may do: at first nothing but log.
        arn: ARN of the workflow; a run is started with it.
        log_group: Log of the tasks, one stream for each attempt.

    Raises:
        InvalidArgument: The definition has what the service does not take, or would ignore.

    Source: https://docs.aws.amazon.com/mwaa/latest/mwaa-serverless-userguide/workflows.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        definition: Mapping[str, Any],
        code: Asset,
        bucket: DataBucket,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, id)
        check_definition(definition)
        self.log_group = EncryptedLogGroup(
            self,
            "Logs",
            name=f"/aws/mwaa-serverless/{Aws.STACK_NAME}",
            key=key,
            retention=log_retention,
            removal_policy=removal_policy,
        )
        self.role = iam.Role(
            self,
            "Role",
            description="What the tasks of the workflow may do",
            assumed_by=iam.ServicePrincipal(
                "airflow-serverless.amazonaws.com", conditions=self._this_workflow_only()
            ),
        )
        self.log_group.grant_writing(self.role, actions=STREAM_ACTIONS)
        self._allow_key(key)
        # JSON is YAML, and CloudFormation fills in what is known only at deployment.
        written = WrittenObject(
            self,
            "Definition",
            bucket=bucket,
            key=f"workflows/{next(iter(definition))}.yaml",
            document=Stack.of(self).to_json_string(definition),
        )
        workflow = mwaaserverless.CfnWorkflow(
            self,
            "Resource",
            name=Aws.STACK_NAME,
            definition_s3_location=mwaaserverless.CfnWorkflow.S3LocationProperty(
                bucket=bucket.bucket_name, object_key=written.key, version_id=written.version_id
            ),
            code=mwaaserverless.CfnWorkflow.CodeProperty(
                s3_location=mwaaserverless.CfnWorkflow.CodeS3LocationProperty(
                    bucket=code.s3_bucket_name, object_key=code.s3_object_key
                )
            ),
            role_arn=self.role.role_arn,
            encryption_configuration=mwaaserverless.CfnWorkflow.EncryptionConfigurationProperty(
                type="CUSTOMER_MANAGED_KEY", kms_key_id=key.key_arn
            ),
            logging_configuration=mwaaserverless.CfnWorkflow.LoggingConfigurationProperty(
                log_group_name=self.log_group.log_group_name
            ),
        )
        # Creating a workflow checks what its role may do.
        workflow.node.add_dependency(self.role.node.find_child("DefaultPolicy"))
        self.arn = workflow.attr_workflow_arn

    def metric_failed_attempts(self) -> cloudwatch.Metric:
        """Counts the attempts of tasks that failed, each minute, by what Airflow logs of them.

        The service itself publishes no metrics.

        Source: https://docs.aws.amazon.com/mwaa/latest/mwaa-serverless-userguide/monitoring.html
        """
        counter = logs.MetricFilter(
            self,
            "FailedAttempts",
            log_group=self.log_group,
            filter_pattern=logs.FilterPattern.literal(f'"{FAILED_ATTEMPT}"'),
            metric_namespace=f"{Aws.STACK_NAME}/Workflow",
            metric_name="FailedAttempts",
            metric_value="1",
        )
        return counter.metric(statistic="Sum", period=Duration.minutes(1))

    def _workflows(self) -> str:
        """The service appends ten characters of its own choice to a workflow's name."""
        return Stack.of(self).format_arn(
            service="airflow-serverless",
            resource="workflow",
            resource_name=f"{Aws.STACK_NAME}-*",
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )

    def _this_workflow_only(self) -> dict[str, dict[str, str]]:
        return {
            "StringEquals": {"aws:SourceAccount": Stack.of(self).account},
            "ArnLike": {"aws:SourceArn": self._workflows()},
        }

    def _allow_key(self, key: DataKey) -> None:
        """Lets the tasks read and write the workflow's own data, such as what they hand over.

        The workers call KMS themselves: `kms:ViaService` would not match.

        Source: https://docs.aws.amazon.com/mwaa/latest/mwaa-serverless-userguide/data-protection.html
        """
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=[key.key_arn],
                conditions={
                    "ArnLike": {
                        "kms:EncryptionContext:aws:airflow-serverless:workflow-arn": (
                            self._workflows()
                        )
                    }
                },
            )
        )


def check_definition(definition: Mapping[str, Any]) -> None:
    """Raises InvalidArgument for what the service does not take, or would silently ignore.

    Source: https://docs.aws.amazon.com/mwaa/latest/mwaa-serverless-userguide/
    supported-airflow-parameters.html
    """
    if len(definition) != 1:
        raise InvalidArgument(f"definition has {len(definition)} DAGs: a workflow has one.")
    kilobytes = len(json.dumps(definition, default=str)) / 1024
    if kilobytes > LARGEST_DEFINITION_KB:
        raise InvalidArgument(
            f"definition has {kilobytes:.1f} KB: the service takes {LARGEST_DEFINITION_KB} KB."
        )
    ((name, dag),) = definition.items()
    _refuse_ignored(name, dag, IGNORED_BY_DAGS)
    require_between("max_active_runs", dag.get("max_active_runs", 16), 1, 20, unit="runs")
    shared = dag.get("default_args", {})
    _check_arguments("default_args", shared)
    for task, arguments in dag["tasks"].items():
        _check_arguments(task, arguments)
        _check_operator(task, arguments["operator"])


def _check_arguments(task: str, arguments: Mapping[str, Any]) -> None:
    _refuse_ignored(task, arguments, IGNORED_BY_TASKS)
    require_between(f"retries of {task}", arguments.get("retries", 1), 0, 3)
    for name, longest in (("retry_delay", 300), ("execution_timeout", 3600)):
        seconds = arguments.get(name, {"seconds": longest})["seconds"]
        require_between(f"{name} of {task}", seconds, 0, longest, unit="s")


def _refuse_ignored(name: str, arguments: Mapping[str, Any], ignored: set[str]) -> None:
    if found := sorted(arguments.keys() & ignored):
        raise InvalidArgument(
            f"{name} has {', '.join(found)}: MWAA Serverless ignores it, leave it out."
        )


def _check_operator(task: str, operator: str) -> None:
    module, name = operator.rsplit(".", 1)
    if module.endswith(".sagemaker") and name not in SAGEMAKER_OPERATORS:
        raise InvalidArgument(
            f"operator of {task} is {name}, which MWAA Serverless does not run: choose from "
            f"{', '.join(sorted(SAGEMAKER_OPERATORS))}."
        )
