"""A pipeline of stages, each under a role of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from constructs import Construct

from mla_constructs.delivery.actions import Action
from mla_constructs.delivery.artifact_store import ArtifactStore
from mla_constructs.errors import InvalidArgument

ExecutionMode = Literal["SUPERSEDED", "QUEUED", "PARALLEL"]


@dataclass(frozen=True, kw_only=True)
class VariableCheck:
    """Compares a variable of an execution with a text.

    Attributes:
        variable: Such as "#{SourceVariables.BranchName}".
        operator: EQ, NE, CONTAINS or MATCHES, which takes a regular expression.
        value: What it is compared with.

    Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference-VariableCheck.html
    """

    variable: str
    operator: Literal["EQ", "NE", "CONTAINS", "MATCHES"]
    value: str


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage: its actions run one after the other.

    Attributes:
        name: Name of the stage.
        actions: In their order.
        only_if: The stage is skipped unless this is so.
        roll_back: True runs the stage again with the artifacts and variables of the last execution
            that succeeded in it, whenever an action of it fails.
    """

    name: str
    actions: Sequence[Action]
    only_if: VariableCheck | None = None
    roll_back: bool = False


class DeliveryPipeline(Construct):
    """A pipeline of type V2 whose stages may do what their actions take and nothing else.

    CDK's own Pipeline grants s3:GetObject*, kms:ReEncrypt* and the like.

    Args:
        scope: Parent construct.
        id: Construct ID; the pipeline is named after it and the stack.
        stages: At least two; the first one has the source actions.
        execution_mode: What becomes of executions that meet. SUPERSEDED lets the newer one
            overtake, QUEUED keeps their order, PARALLEL runs them side by side.
        store: Keeps the artifacts.
        variables: Name and default of what an execution may be started with.
        triggers: Which pushes and pull requests of a connection start it.

    Attributes:
        name: Name of the pipeline.
        arn: ARN of the pipeline.

    Raises:
        InvalidArgument: There are less than two stages, the source can be rolled back, or a
            pipeline that runs executions in parallel rolls back.

    Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stages: Sequence[Stage],
        execution_mode: ExecutionMode,
        store: ArtifactStore,
        variables: Sequence[codepipeline.CfnPipeline.VariableDeclarationProperty] = (),
        triggers: Sequence[codepipeline.CfnPipeline.PipelineTriggerDeclarationProperty] = (),
    ) -> None:
        super().__init__(scope, id)
        _check(stages, execution_mode)
        self.name = f"{id}-{Aws.STACK_NAME}"
        self.arn = Stack.of(self).format_arn(service="codepipeline", resource=self.name)
        self._store = store
        role = iam.Role(
            self,
            "Role",
            description="Hands over artifacts and takes on the roles of the stages",
            # Of neither this service nor CloudFormation it is documented that they say for whom
            # they assume a service role: a condition could lock them out.
            assumed_by=iam.ServicePrincipal("codepipeline.amazonaws.com"),
        )
        made = sorted({a for stage in stages for action in stage.actions for a in action.outputs})
        store.grant_reading(role, id, *made)
        store.grant_writing(role, id, *made)
        store.grant_versioning(role)
        roles = {stage.name: self._stage_role(stage, role) for stage in stages}
        pipeline = codepipeline.CfnPipeline(
            self,
            "Resource",
            name=self.name,
            pipeline_type="V2",
            execution_mode=execution_mode,
            role_arn=role.role_arn,
            artifact_store=codepipeline.CfnPipeline.ArtifactStoreProperty(
                type="S3",
                location=store.bucket_name,
                encryption_key=codepipeline.CfnPipeline.EncryptionKeyProperty(
                    id=store.key.key_arn, type="KMS"
                ),
            ),
            stages=[_stage(stage, roles[stage.name]) for stage in stages],
            variables=list(variables) or None,
            triggers=list(triggers) or None,
        )
        # It starts by itself as soon as it exists: everything that it needs is there by then.
        pipeline.node.add_dependency(role, store, *roles.values())

    def metric_failed(self) -> cloudwatch.Metric:
        """Returns the executions that failed in a minute, retries counted again."""
        return cloudwatch.Metric(
            namespace="AWS/CodePipeline",
            metric_name="FailedPipelineExecutions",
            dimensions_map={"PipelineName": self.name},
            statistic="Sum",
            period=Duration.minutes(1),
        )

    def _stage_role(self, stage: Stage, pipeline_role: iam.Role) -> iam.Role:
        role = iam.Role(
            self,
            f"{stage.name}Role",
            description=f"What the actions of the stage {stage.name} may do",
            assumed_by=iam.ArnPrincipal(pipeline_role.role_arn),
        )
        for action in stage.actions:
            action.grant(role)
            if action.inputs:
                self._store.grant_reading(role, self.node.id, *action.inputs)
            if action.outputs:
                self._store.grant_writing(role, self.node.id, *action.outputs)
            if action.inputs or action.outputs:
                self._store.grant_versioning(role)
        pipeline_role.add_to_policy(
            iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[role.role_arn])
        )
        return role


def _check(stages: Sequence[Stage], execution_mode: ExecutionMode) -> None:
    if len(stages) < 2:  # noqa: PLR2004 - what CodePipeline asks for
        raise InvalidArgument(f"stages has {len(stages)}: a source and one more, at least.")
    back = [stage.name for stage in stages if stage.roll_back]
    if stages[0].roll_back:
        raise InvalidArgument(f"Stage {back[0]} has the source: only later stages roll back.")
    if back and execution_mode == "PARALLEL":
        raise InvalidArgument(
            f"execution_mode is 'PARALLEL' and stage {back[0]} rolls back: choose 'QUEUED' or "
            "'SUPERSEDED', or no rollback."
        )


def _stage(stage: Stage, role: iam.Role) -> codepipeline.CfnPipeline.StageDeclarationProperty:
    of = codepipeline.CfnPipeline
    return of.StageDeclarationProperty(
        name=stage.name,
        actions=[_action(action, order, role) for order, action in enumerate(stage.actions, 1)],
        before_entry=of.BeforeEntryConditionsProperty(
            conditions=[of.ConditionProperty(result="SKIP", rules=[_rule(stage.only_if)])]
        )
        if stage.only_if
        else None,
        on_failure=of.FailureConditionsProperty(result="ROLLBACK") if stage.roll_back else None,
    )


def _rule(check: VariableCheck) -> codepipeline.CfnPipeline.RuleDeclarationProperty:
    of = codepipeline.CfnPipeline
    return of.RuleDeclarationProperty(
        name="Only",
        rule_type_id=of.RuleTypeIdProperty(
            category="Rule", owner="AWS", provider="VariableCheck", version="1"
        ),
        configuration={
            "Variable": check.variable,
            "Operator": check.operator,
            "Value": check.value,
        },
    )


def _action(
    action: Action, order: int, role: iam.Role
) -> codepipeline.CfnPipeline.ActionDeclarationProperty:
    of = codepipeline.CfnPipeline
    return of.ActionDeclarationProperty(
        name=action.name,
        action_type_id=of.ActionTypeIdProperty(
            category=action.category, owner="AWS", provider=action.provider, version="1"
        ),
        configuration=dict(action.configuration),
        run_order=order,
        role_arn=role.role_arn,
        input_artifacts=[of.InputArtifactProperty(name=name) for name in action.inputs] or None,
        output_artifacts=[of.OutputArtifactProperty(name=name) for name in action.outputs] or None,
        namespace=action.namespace,
        timeout_in_minutes=action.timeout.to_minutes() if action.timeout else None,
    )
