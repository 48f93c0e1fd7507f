"""What a training workflow needs whoever orchestrates it: data, a role for its jobs, a registry."""

from __future__ import annotations

from aws_cdk import ArnFormat, Aws, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.containers.image import ContainerImage
from mla_constructs.inference.execution_role import ExecutionRole
from mla_constructs.orchestration.model_group import ModelGroup
from mla_constructs.orchestration.workflow_requests import WorkflowJob
from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import acknowledge_wildcard
from mla_constructs.storage.assets import grant_finding
from mla_constructs.storage.buckets import DataBucket


class TrainingWorkspace(Construct):
    """A bucket for new data and for what runs write, the jobs' role and a model package group.

    The jobs read the uploaded files where the deployment puts them: their keys are content hashes,
    so that a step whose code or data changed is never taken for one that ran before.

    Args:
        scope: Parent construct.
        id: Construct ID.
        image: Container of every job, and of the model that is registered.
        code: Archive with the package `steps`.
        raw_data: What is trained on unless a run names something else.
        approved_model: The model.tar.gz that a new model is compared with.
        instance_type: Of every job, such as "ml.m5.large".
        volume_size_gb: Volume of an instance, 1 to 16384 GB.
        max_runtime: After which a job is stopped, 1 s to 9 days; a processing job ends after 5
            by the account's quota.
        key: Encrypts bucket and volumes.
        access_logs: Receives the bucket's access logs.
        removal_policy: What becomes of the bucket and of the registered versions when the stack is
            deleted.

    Attributes:
        access_logs: As given.
        bucket: New raw data goes below raw/, each run writes below runs/.
        role: What the jobs may do.
        models: Group of the registered versions.
        code: As given.
        job: What all jobs have in common.
        raw_uri: Address of raw_data.
        approved_model_uri: Address of approved_model.

    Raises:
        InvalidArgument: A value the service does not accept.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        image: ContainerImage,
        code: Asset,
        raw_data: Asset,
        approved_model: Asset,
        instance_type: str,
        volume_size_gb: int,
        max_runtime: Duration,
        key: DataKey,
        access_logs: s3.IBucket,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, id)
        self.access_logs = access_logs
        self.bucket = DataBucket(
            self,
            "Bucket",
            key=key,
            access_logs=access_logs,
            removal_policy=removal_policy,
            expire_after=None,  # a registered model is lost with its artifact
        )
        self.role = ExecutionRole(
            self, "Role", description="What the workflow's processing and training jobs may do"
        )
        self._allow_jobs(image, key, [code, raw_data, approved_model])
        self.code = code
        self.job = WorkflowJob(
            image_uri=image.uri,
            code_uri=code.s3_object_url,
            code_file=code.s3_object_key.rpartition("/")[2],
            role_arn=self.role.role_arn,
            key_arn=key.key_arn,
            instance_type=instance_type,
            volume_size_gb=volume_size_gb,
            max_runtime=max_runtime,
            tags={"project": "mla-reference-architectures", "workflow": Aws.STACK_NAME},
        )
        self.job.check()
        self.raw_uri = raw_data.s3_object_url
        self.approved_model_uri = approved_model.s3_object_url
        self.models = ModelGroup(
            self,
            "Models",
            description="Versions of the model that the workflow trains",
            removal_policy=removal_policy,
        )

    def grant_orchestration(
        self, role: iam.Role, *, job_names: str, stops: bool = True, list_tags: bool = False
    ) -> None:
        """Lets a role do what the workflow asks of SageMaker, and read what its runs write.

        Args:
            role: What the orchestrator acts under.
            job_names: Names of the jobs it may create, with a wildcard, such as "pipelines-*".
            stops: Whether it stops a job when its own run is stopped.
            list_tags: Step Functions asks for it to run a job and wait for it.
        """
        for kind, api in (("processing-job", "ProcessingJob"), ("training-job", "TrainingJob")):
            jobs = self._arn(kind, job_names)
            role.add_to_policy(
                iam.PolicyStatement(
                    actions=[
                        f"sagemaker:Create{api}",
                        f"sagemaker:Describe{api}",
                        "sagemaker:AddTags",
                        *([f"sagemaker:Stop{api}"] if stops else []),
                        *(["sagemaker:ListTags"] if list_tags else []),
                    ],
                    resources=[jobs],
                )
            )
            acknowledge_wildcard(
                role, jobs, "Every attempt has a job name that was never used; its start is fixed."
            )
        self._allow_passing(role)
        self.models.grant_registering(role)
        self.bucket.grant_read_below(role, "runs")

    def _allow_passing(self, role: iam.Role) -> None:
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[self.role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            )
        )

    def _allow_jobs(self, image: ContainerImage, key: DataKey, uploaded: list[Asset]) -> None:
        self.role.grant_pull(image)
        for kind in ("ProcessingJobs", "TrainingJobs"):
            self.role.grant_metrics(f"/aws/sagemaker/{kind}")
            self.role.grant_job_logs(f"/aws/sagemaker/{kind}")
        for asset in uploaded:
            grant_finding(asset, self.role)
            self.role.grant_artifact(asset)
        for prefix in ("raw", "runs"):
            self.bucket.grant_list_below(self.role, prefix)
            self.bucket.grant_read_below(self.role, prefix)
        self.bucket.grant_write_below(self.role, "runs")
        self.role.grant_storage_key(key)
        # SageMaker asks for it when a job names the key of its output.
        key.grant_via(self.role, "s3", "kms:Encrypt")

    def _arn(self, resource: str, name: str) -> str:
        return Stack.of(self).format_arn(
            service="sagemaker",
            resource=resource,
            resource_name=name,
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )
