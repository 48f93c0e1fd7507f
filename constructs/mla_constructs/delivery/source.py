"""Repositories that start pipelines: one in the account, or one behind a connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.delivery.actions import Action
from mla_constructs.delivery.pipeline import DeliveryPipeline, ExecutionMode
from mla_constructs.errors import InvalidArgument
from mla_constructs.events.event_rule import EventRule
from mla_constructs.events.undelivered import Undelivered
from mla_constructs.security.data_key import DataKey

ACTION = "Source"
MAIN = "main"

Variables = Sequence[codepipeline.CfnPipeline.VariableDeclarationProperty]
Triggers = Sequence[codepipeline.CfnPipeline.PipelineTriggerDeclarationProperty]


class Source(Protocol):
    """Where a pipeline's commits come from.

    Attributes:
        branch: The variable that names the branch of an execution.
        variables: What a pipeline has to declare for it.
        independent: Execution mode of a pipeline whose executions need not wait for each other.
    """

    branch: str
    variables: Variables
    independent: ExecutionMode

    def action(self) -> Action:
        """Returns the action that fetches a commit as the artifact Source."""

    def triggers(self, *, pushes: Sequence[str], pull_requests_into: Sequence[str]) -> Triggers:
        """Returns the triggers that a pipeline has to declare, none if events start it.

        Args:
            pushes: Branches, "feature/*" for all that begin so.
            pull_requests_into: Branches; the commit to be merged is what runs.
        """

    def start_on_push(
        self, pipeline: DeliveryPipeline, *, branches: Sequence[str], undelivered: Undelivered
    ) -> None:
        """Starts the pipeline with the commit of a push, unless its triggers do that already."""


class CommittedSource(Construct):
    """A CodeCommit repository with a first commit on main.

    Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/triggering.html

    Args:
        scope: Parent construct.
        id: Construct ID; the repository is named after the stack.
        description: Of the repository.
        seed: A zip of the first commit; later changes of it do not reach the repository.
        key: Encrypts the repository.
        removal_policy: What becomes of the repository when the stack is deleted.

    Attributes:
        branch: See Source.
        variables: See Source.
        independent: See Source.
        clone_url: What `git clone` takes over HTTPS.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        description: str,
        seed: Asset,
        key: DataKey,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, id)
        repository = codecommit.CfnRepository(
            self,
            "Resource",
            repository_name=Aws.STACK_NAME,
            repository_description=description,
            kms_key_id=key.key_arn,
            code=codecommit.CfnRepository.CodeProperty(
                branch_name=MAIN,
                s3=codecommit.CfnRepository.S3Property(
                    bucket=seed.s3_bucket_name, key=seed.s3_object_key
                ),
            ),
        )
        repository.apply_removal_policy(removal_policy)
        self._key = key
        self._name = repository.attr_name
        self._arn = repository.attr_arn
        self.clone_url = repository.attr_clone_url_http
        self.branch = "#{variables.branch}"
        # In PARALLEL mode a CodeCommit action takes the head of its branch, whatever was pushed.
        self.independent: ExecutionMode = "QUEUED"
        self.variables = [
            codepipeline.CfnPipeline.VariableDeclarationProperty(
                name="branch", default_value=MAIN, description="Branch of the commit"
            )
        ]

    def action(self) -> Action:
        """Returns the action that fetches a commit, of main unless the execution names another."""
        return Action(
            name=ACTION,
            category="Source",
            provider="CodeCommit",
            grant=self._grant,
            configuration={
                "RepositoryName": self._name,
                "BranchName": MAIN,
                "PollForSourceChanges": "false",
            },
            outputs=("Source",),
            namespace="SourceVariables",
        )

    def triggers(self, *, pushes: Sequence[str], pull_requests_into: Sequence[str]) -> Triggers:  # noqa: ARG002
        """Returns none: only connections have triggers, events start the pipelines."""
        return ()

    def start_on_push(
        self, pipeline: DeliveryPipeline, *, branches: Sequence[str], undelivered: Undelivered
    ) -> None:
        """Starts the pipeline with the commit and the branch of a push.

        The commit replaces the head of main for this execution: it may be of any branch.
        """
        EventRule(
            self,
            f"Pushed{pipeline.node.id}",
            description=f"Starts {pipeline.node.id} with what was pushed to {', '.join(branches)}",
            pattern={
                "source": ["aws.codecommit"],
                "detail-type": ["CodeCommit Repository State Change"],
                "resources": [self._arn],
                "detail": {
                    "event": ["referenceCreated", "referenceUpdated"],
                    "referenceType": ["branch"],
                    "referenceName": [
                        {"wildcard": branch} if "*" in branch else branch for branch in branches
                    ],
                },
            },
            target_arn=pipeline.arn,
            action="codepipeline:StartPipelineExecution",
            event_input={
                "sourceRevisions": [
                    {
                        "actionName": ACTION,
                        "revisionType": "COMMIT_ID",
                        "revisionValue": events.EventField.from_path("$.detail.commitId"),
                    }
                ],
                "variables": [
                    {
                        "name": "branch",
                        "value": events.EventField.from_path("$.detail.referenceName"),
                    }
                ],
            },
            undelivered=undelivered,
        )

    def _grant(self, role: iam.Role) -> None:
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "codecommit:CancelUploadArchive",
                    "codecommit:GetBranch",
                    "codecommit:GetCommit",
                    "codecommit:GetRepository",
                    "codecommit:GetUploadArchiveStatus",
                    "codecommit:UploadArchive",
                ],
                resources=[self._arn],
            )
        )
        self._key.grant_via(role, "codecommit", "kms:Decrypt", "kms:DescribeKey")


class ConnectedSource(Construct):
    """A repository at GitHub, GitLab or Bitbucket, reached through a connection.

    A connection that is created here is pending until somebody completes the handshake with the
    provider in the console: until then nothing starts.

    Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-triggers.html

    Args:
        scope: Parent construct.
        id: Construct ID.
        repository: Owner and name, such as "owner/name".
        connection_arn: An available connection; None creates one to GitHub.

    Attributes:
        branch: See Source.
        variables: See Source.
        independent: See Source.
        connection_arn: ARN of the connection.

    Raises:
        InvalidArgument: The repository or the ARN is not of its form.
    """

    def __init__(
        self, scope: Construct, id: str, *, repository: str, connection_arn: str | None
    ) -> None:
        super().__init__(scope, id)
        if repository.count("/") < 1 or repository.strip("/") != repository:
            raise InvalidArgument(f"repository is {repository!r}: give it as 'owner/name'.")
        if connection_arn and ":connection/" not in connection_arn:
            raise InvalidArgument(
                f"connection_arn is {connection_arn!r}: give the ARN that "
                "`aws codeconnections list-connections` shows."
            )
        self._repository = repository
        self.connection_arn = connection_arn or self._connection()
        self.branch = "#{SourceVariables.BranchName}"
        self.independent: ExecutionMode = "PARALLEL"
        self.variables: Variables = ()

    def action(self) -> Action:
        """Returns the action that fetches the commit of a trigger, of main if started by hand."""
        return Action(
            name=ACTION,
            category="Source",
            provider="CodeStarSourceConnection",
            grant=self._grant,
            configuration={
                "ConnectionArn": self.connection_arn,
                "FullRepositoryId": self._repository,
                "BranchName": MAIN,
                "DetectChanges": "false",  # the triggers do
            },
            outputs=("Source",),
            namespace="SourceVariables",
        )

    def triggers(self, *, pushes: Sequence[str], pull_requests_into: Sequence[str]) -> Triggers:
        """Returns one trigger: a source action cannot have more."""
        of = codepipeline.CfnPipeline

        def branches(
            patterns: Sequence[str],
        ) -> codepipeline.CfnPipeline.GitBranchFilterCriteriaProperty:
            # In a glob one asterisk ends at the next slash.
            return of.GitBranchFilterCriteriaProperty(
                includes=[pattern.replace("*", "**") for pattern in patterns]
            )

        return [
            of.PipelineTriggerDeclarationProperty(
                provider_type="CodeStarSourceConnection",
                git_configuration=of.GitConfigurationProperty(
                    source_action_name=ACTION,
                    push=[of.GitPushFilterProperty(branches=_globs(pushes))],
                    pull_request=[
                        of.GitPullRequestFilterProperty(
                            events=["OPEN", "UPDATED"], branches=_globs(pull_requests_into)
                        )
                    ]
                    if pull_requests_into
                    else None,
                ),
            )
        ]

    def start_on_push(
        self, pipeline: DeliveryPipeline, *, branches: Sequence[str], undelivered: Undelivered
    ) -> None:
        """Does nothing: the pipeline's triggers start it."""

    def _connection(self) -> str:
        from aws_cdk import aws_codeconnections as codeconnections

        connection = codeconnections.CfnConnection(
            self, "Connection", connection_name=Aws.STACK_NAME, provider_type="GitHub"
        )
        return connection.attr_connection_arn

    def _grant(self, role: iam.Role) -> None:
        role.add_to_policy(
            iam.PolicyStatement(
                # Both, whichever of its two names the service has in the ARN.
                actions=["codeconnections:UseConnection", "codestar-connections:UseConnection"],
                resources=[self.connection_arn],
            )
        )


def stored_source(asset: Asset) -> Action:
    """Returns the action that fetches a folder which the deployment has uploaded.

    Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-S3.html
    """

    def grant(role: iam.Role) -> None:
        for actions, resource in (
            (
                ["s3:GetObject", "s3:GetObjectVersion"],
                asset.bucket.arn_for_objects(asset.s3_object_key),
            ),
            (
                ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"],
                asset.bucket.bucket_arn,
            ),
        ):
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))

    return Action(
        name=ACTION,
        category="Source",
        provider="S3",
        grant=grant,
        configuration={
            "S3Bucket": asset.s3_bucket_name,
            "S3ObjectKey": asset.s3_object_key,
            "PollForSourceChanges": "false",
        },
        outputs=("Source",),
        namespace="SourceVariables",
    )


def _globs(
    branches: Sequence[str],
) -> codepipeline.CfnPipeline.GitBranchFilterCriteriaProperty:
    """Returns a filter; in a glob one asterisk ends at the next slash."""
    return codepipeline.CfnPipeline.GitBranchFilterCriteriaProperty(
        includes=[branch.replace("*", "**") for branch in branches]
    )
