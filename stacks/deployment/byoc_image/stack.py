"""Own container: folder -> CodeBuild -> scan gate -> ECR -> training job and endpoint."""

from __future__ import annotations

from aws_cdk import ArnFormat, Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.containers.built_image import BuiltImage
from mla_constructs.inference.execution_role import ExecutionRole
from mla_constructs.inference.hosted_model import HostedModel
from mla_constructs.inference.serverless_endpoint import ServerlessEndpoint
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import acknowledge_wildcard
from mla_constructs.storage.assets import grant_finding
from mla_constructs.storage.buckets import AccessLogBucket, DataBucket
from runtime import containers
from runtime.models import tumor_classifier
from stacks.deployment.byoc_image.facts import FACTS
from stacks.reference_stack import ReferenceStack

# Jobs that the schedule starts: an exact prefix is all that their creator may name.
JOBS = f"{Aws.STACK_NAME}-"


class ByocImageStack(ReferenceStack):
    """Builds an image without Docker at hand; one image trains weekly and answers requests."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        alarms = AlarmTopic(self, "Alarms", key=key)

        # The deployment waits for build and scan: nothing below exists for an image that is bad.
        image = BuiltImage(
            self,
            "Image",
            folder=containers.CONTEXT,
            dockerfile=containers.INFERENCE,
            # The stage that trains and serves. Serving alone is smaller and has less to be patched:
            # leave it out where training has an image of its own.
            target="training",
            architecture="x86_64",  # of the instances that run it
            stop_at="HIGH" if self.option("stop_at") == "HIGH" else "CRITICAL",
            key=key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )

        # `docker run image train`: what SageMaker calls in a training job.
        models = DataBucket(
            self,
            "Models",
            key=key,
            access_logs=AccessLogBucket(self, "AccessLogs", removal_policy=self.data_removal),
            removal_policy=self.data_removal,
            expire_after=Duration.days(90),
        )
        training_data = Asset(self, "TrainingData", path=str(tumor_classifier.TRAINING_DATA))
        trainer = self._trainer(image, training_data, models, key)
        schedules = self._train_weekly(image, training_data, models, trainer, key)

        # `docker run image serve`: what SageMaker calls behind an endpoint.
        model = HostedModel(
            self,
            "Model",
            image=image,
            artifact=Asset(self, "Artifact", path=str(tumor_classifier.ONNX_ARTIFACT)),
            network_isolation=False,  # serverless inference does not support it
        )
        endpoint = ServerlessEndpoint(
            self,
            "Endpoint",
            model=model,
            memory_size_mb=2048,
            max_concurrency=5,
            provisioned_concurrency=None,  # an idle endpoint costs nothing, a first request waits
            key=key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )

        self._watch(image, schedules, endpoint, alarms)

        self.output("ImageUri", image.uri, "The image, by its digest")
        self.output("EndpointName", endpoint.name, "Pass it to InvokeEndpoint")
        self.output("ModelsUri", models.s3_url_for_object("models"), "Weekly models, by job")
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _trainer(
        self, image: BuiltImage, data: Asset, models: DataBucket, key: DataKey
    ) -> ExecutionRole:
        """Returns the role of the training jobs: read the data, write the model, log."""
        role = ExecutionRole(self, "Trainer", description="What the training jobs may do")
        role.grant_pull(image)
        role.grant_artifact(data)
        grant_finding(data, role)
        models.grant_write_below(role, "models")
        # SageMaker asks for it when a job names the key of its output.
        key.grant_via(role, "s3", "kms:Encrypt")
        role.grant_storage_key(key)
        role.grant_metrics("/aws/sagemaker/TrainingJobs")
        role.grant_job_logs("/aws/sagemaker/TrainingJobs")
        return role

    def _train_weekly(
        self,
        image: BuiltImage,
        data: Asset,
        models: DataBucket,
        trainer: ExecutionRole,
        key: DataKey,
    ) -> scheduler.CfnScheduleGroup:
        """Starts a training job every week; the schedule's target is the API call itself."""
        # A group of its own: Scheduler's metrics have no finer dimension.
        group = scheduler.CfnScheduleGroup(self, "Schedules")
        role = self._starter(group, trainer)
        schedule = scheduler.CfnSchedule(
            self,
            "Weekly",
            group_name=group.ref,
            schedule_expression="cron(0 3 ? * SUN *)",
            schedule_expression_timezone="Etc/UTC",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(
                mode="FLEXIBLE", maximum_window_in_minutes=15
            ),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=self.format_arn(
                    service="scheduler",
                    region="",
                    account="",
                    resource="aws-sdk",
                    resource_name="sagemaker:createTrainingJob",
                    arn_format=ArnFormat.COLON_RESOURCE_NAME,
                ),
                role_arn=role.role_arn,
                input=self.to_json_string(_training_job(image, data, models, trainer, key)),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=3600, maximum_retry_attempts=3
                ),
            ),
        )
        schedule.node.add_dependency(role, trainer)
        return group

    def _starter(self, group: scheduler.CfnScheduleGroup, trainer: ExecutionRole) -> iam.Role:
        """Returns the role of the schedule: create jobs of this stack's, run by the trainer."""
        role = iam.Role(
            self,
            "SchedulerRole",
            description="What the schedule may do",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={
                    "StringEquals": {
                        "aws:SourceAccount": self.account,
                        "aws:SourceArn": group.attr_arn,
                    }
                },
            ),
        )
        jobs = self.format_arn(
            service="sagemaker", resource="training-job", resource_name=f"{JOBS}*"
        )
        role.add_to_policy(
            iam.PolicyStatement(actions=["sagemaker:CreateTrainingJob"], resources=[jobs])
        )
        acknowledge_wildcard(role, jobs, "Every job has a name that was never used before.")
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[trainer.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            )
        )
        return role

    def _watch(
        self,
        image: BuiltImage,
        schedules: scheduler.CfnScheduleGroup,
        endpoint: ServerlessEndpoint,
        alarms: AlarmTopic,
    ) -> None:
        minute = Duration.minutes(1)
        alarms.watch(
            "FailedBuilds",
            cloudwatch.Metric(
                namespace="AWS/CodeBuild",
                metric_name="FailedBuilds",
                dimensions_map={"ProjectName": image.project.name},
                statistic="Sum",
                period=minute,
            ),
            at_least=1,
            minutes=1,
            meaning="An image was not released: its build failed or its scan stopped it, read the "
            "build's log.",
        )
        alarms.watch(
            "UndeliveredStarts",
            cloudwatch.Metric(
                namespace="AWS/Scheduler",
                metric_name="TargetErrorCount",
                dimensions_map={"ScheduleGroup": schedules.ref},
                statistic="Sum",
                period=minute,
            ),
            at_least=1,
            minutes=1,
            meaning="SageMaker refused to start the weekly training job: a quota, or a permission.",
        )
        alarms.watch(
            "ServerErrors",
            endpoint.metric("Invocation5XXErrors", statistic="Sum"),
            at_least=1,
            minutes=1,
            meaning="Requests fail in the container or in SageMaker: read the endpoint's logs.",
        )


def _training_job(
    image: BuiltImage, data: Asset, models: DataBucket, trainer: ExecutionRole, key: DataKey
) -> dict[str, object]:
    """Returns the arguments of CreateTrainingJob; Scheduler fills in what is in angle brackets."""
    return {
        "TrainingJobName": f"{JOBS}<aws.scheduler.execution-id>",
        "AlgorithmSpecification": {"TrainingImage": image.uri, "TrainingInputMode": "File"},
        "HyperParameters": {"max_depth": "3", "num_round": "60"},
        "InputDataConfig": [
            {
                "ChannelName": "train",  # appears as /opt/ml/input/data/train
                "DataSource": {
                    "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": data.s3_object_url}
                },
            }
        ],
        # What the container leaves in /opt/ml/model becomes model.tar.gz.
        "OutputDataConfig": {
            "S3OutputPath": models.s3_url_for_object("models"),
            "KmsKeyId": key.key_arn,
        },
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 5,
            "VolumeKmsKeyId": key.key_arn,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        # The container reaches no network; SageMaker itself moves data and model.
        "EnableNetworkIsolation": True,
        "RoleArn": trainer.role_arn,
    }
