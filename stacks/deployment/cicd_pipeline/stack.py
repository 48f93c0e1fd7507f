"""CI/CD pipeline: push -> checks -> staging -> integration test -> approval -> production."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Duration, SymlinkFollowMode
from aws_cdk import aws_logs as logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.delivery import actions
from mla_constructs.delivery.artifact_store import ArtifactStore
from mla_constructs.delivery.build_project import BuildProject
from mla_constructs.delivery.environment import DeliveryEnvironment
from mla_constructs.delivery.pipeline import DeliveryPipeline, Stage, VariableCheck
from mla_constructs.delivery.source import CommittedSource, ConnectedSource
from mla_constructs.events.undelivered import Undelivered
from mla_constructs.inference.built_in_image import BuiltInImage
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.observability.topic import EncryptedTopic
from mla_constructs.security.data_key import DataKey
from mla_constructs.storage.buckets import AccessLogBucket, DataBucket
from runtime import builds, repositories
from stacks.deployment.cicd_pipeline.facts import FACTS
from stacks.reference_stack import ReferenceStack

# GitFlow: which pushes are verified, and which go on into an environment.
VERIFIED = ("feature/*",)
REVIEWED_INTO = ("develop", "main")
DELIVERED = ("develop", "release/*", "hotfix/*", "main")


class CicdPipelineStack(ReferenceStack):
    """Delivers a repository's model and endpoint; only what passed staging asks for approval."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        self.key = DataKey(self, "Key", removal_policy=self.data_removal)
        self.alarms = AlarmTopic(self, "Alarms", key=self.key)
        approvals = EncryptedTopic(self, "Approvals", key=self.key)
        access_logs = AccessLogBucket(self, "AccessLogs", removal_policy=self.data_removal)
        artifacts = ArtifactStore(
            self,
            "Artifacts",
            key=self.key,
            access_logs=access_logs,
            removal_policy=self.data_removal,
            # As far back as production can be rolled back.
            expire_after=Duration.days(90),
        )
        models = DataBucket(
            self,
            "Models",
            key=self.key,
            access_logs=access_logs,
            removal_policy=self.data_removal,
            expire_after=None,  # an endpoint fetches its model again whenever an instance starts
        )
        source = self._source()

        fetched = Stage(name="Source", actions=[source.action()])

        # A feature is verified and not deployed.
        verification = DeliveryPipeline(
            self,
            "Verification",
            execution_mode=source.independent,
            store=artifacts,
            variables=source.variables,
            triggers=source.triggers(pushes=VERIFIED, pull_requests_into=REVIEWED_INTO),
            stages=[fetched, self._verified("Verification", artifacts)],
        )

        staging, production = (self._environment(name) for name in ("staging", "production"))
        for environment in (staging, production):
            environment.serve_artifacts(models, actions.MODELS)
        test = self._build("IntegrationTest", builds.INTEGRATION_TEST, "Asks a deployed endpoint")
        artifacts.grant_reading(test.role, "Delivery", "Source")
        for environment in (staging, production):
            environment.grant_invoke(test.role)

        delivery = DeliveryPipeline(
            self,
            "Delivery",
            # One after the other through each stage: there is one staging and one production.
            execution_mode="QUEUED",
            store=artifacts,
            variables=source.variables,
            triggers=source.triggers(pushes=DELIVERED, pull_requests_into=()),
            stages=[
                fetched,
                self._verified("Delivery", artifacts),
                self._staging(staging, models, test),
                self._approval(source, approvals, staging, production),
                self._production(source, production, test),
            ],
        )
        # When all is deleted, the pipeline goes before what it has delivered.
        delivery.node.add_dependency(staging.removal, production.removal)

        undelivered = Undelivered(self, "Undelivered")
        source.start_on_push(verification, branches=VERIFIED, undelivered=undelivered)
        source.start_on_push(delivery, branches=DELIVERED, undelivered=undelivered)
        self._watch(verification, delivery, undelivered)

        self.output("ProductionEndpointName", production.endpoint_name, "Pass it to InvokeEndpoint")
        self.output("DeliveryPipelineName", delivery.name, "Approve and retry here")
        self.output("ApprovalTopicArn", approvals.topic_arn, "Subscribe to be asked for approval")
        self.output("AlarmTopicArn", self.alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _source(self) -> CommittedSource | ConnectedSource:
        """A repository of the account with a first commit, unless another one is named."""
        if repository := self.option("repository"):
            connected = ConnectedSource(
                self,
                "Source",
                repository=repository,
                connection_arn=self.option("connection_arn") or None,
            )
            self.output("ConnectionArn", connected.connection_arn, "Complete it if it is pending")
            return connected
        committed = CommittedSource(
            self,
            "Source",
            description="A tumor classifier and the endpoints it is served from",
            seed=Asset(
                self,
                "Seed",
                path=str(repositories.TUMOR_CLASSIFIER),
                exclude=repositories.NOT_SOURCE,
                follow_symlinks=SymlinkFollowMode.ALWAYS,
            ),
            key=self.key,
            removal_policy=self.data_removal,
        )
        self.output("CloneUrl", committed.clone_url, "Clone it, push to a branch")
        return committed

    def _verified(self, pipeline: str, artifacts: ArtifactStore) -> Stage:
        """Lint, unit tests, synth and checks, which make templates and model from the source.

        Each pipeline has a project of its own: what a feature branch runs in its build must not
        reach what a release has built.
        """
        verify = self._build(f"{pipeline}Build", builds.VERIFY, "Lint, unit tests, synth, checks")
        artifacts.grant_reading(verify.role, pipeline, "Source")
        artifacts.grant_writing(verify.role, pipeline, "Build", "Model")
        return Stage(
            name="Verify",
            actions=[actions.build("Verify", verify, outputs=("Build", "Model"))],
        )

    def _staging(
        self, staging: DeliveryEnvironment, models: DataBucket, test: BuildProject
    ) -> Stage:
        return Stage(
            name="Staging",
            actions=[
                actions.publish("PublishModel", "Model", models, key_arn=self.key.key_arn),
                actions.deploy(
                    "Deploy",
                    staging,
                    template="Build::staging.template.json",
                    replace_failed=True,
                ),
                actions.build(
                    "IntegrationTest", test, environment={"ENDPOINT_NAME": staging.endpoint_name}
                ),
                # Nothing idles, and the canary gets the instances of a new account's quota.
                actions.remove("Remove", staging),
            ],
        )

    def _approval(
        self,
        source: CommittedSource | ConnectedSource,
        approvals: EncryptedTopic,
        staging: DeliveryEnvironment,
        production: DeliveryEnvironment,
    ) -> Stage:
        return Stage(
            name="Approval",
            only_if=_on_main(source),
            actions=[
                actions.approve(
                    "Approve",
                    approvals,
                    question=f"Commit #{{SourceVariables.CommitId}} passed the integration "
                    f"test in {staging.stack_name}. Deploy it to {production.stack_name}?",
                    # Later executions wait behind it: reject what is not wanted.
                    timeout=Duration.days(3),
                )
            ],
        )

    def _production(
        self,
        source: CommittedSource | ConnectedSource,
        production: DeliveryEnvironment,
        test: BuildProject,
    ) -> Stage:
        return Stage(
            name="Production",
            only_if=_on_main(source),
            # Canary and alarms go back while the endpoint is updated; this goes back when the test
            # afterwards fails.
            roll_back=True,
            actions=[
                actions.deploy("Deploy", production, template="Build::production.template.json"),
                actions.build(
                    "IntegrationTest",
                    test,
                    environment={"ENDPOINT_NAME": production.endpoint_name},
                ),
            ],
        )

    def _build(self, id: str, buildspec: Path, description: str) -> BuildProject:
        return BuildProject(
            self,
            id,
            description=description,
            buildspec=buildspec,
            source=None,
            environment={},
            architecture="x86_64",
            privileged=False,
            timeout=Duration.minutes(30),
            key=self.key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )

    def _environment(self, name: str) -> DeliveryEnvironment:
        return DeliveryEnvironment(
            self,
            name.capitalize(),
            name=name,
            image=BuiltInImage(self),
            alarm_topic=self.alarms.topic,
            key=self.key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )

    def _watch(
        self, verification: DeliveryPipeline, delivery: DeliveryPipeline, undelivered: Undelivered
    ) -> None:
        self.alarms.watch(
            "FailedVerification",
            verification.metric_failed(),
            at_least=1,
            minutes=1,
            meaning="A feature did not pass lint, tests, synth or checks: read the build's log.",
        )
        self.alarms.watch(
            "FailedDelivery",
            delivery.metric_failed(),
            at_least=1,
            minutes=1,
            meaning="A delivery failed or was rolled back: the pipeline shows at which action.",
        )
        self.alarms.watch(
            "UndeliveredEvents",
            undelivered.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(1), statistic="Maximum"
            ),
            at_least=1,
            minutes=1,
            meaning="A push could not start its pipeline: the queue has the event.",
        )


def _on_main(source: CommittedSource | ConnectedSource) -> VariableCheck:
    """Returns the condition of a release: what is pushed to another branch ends in staging."""
    return VariableCheck(variable=source.branch, operator="EQ", value="main")
