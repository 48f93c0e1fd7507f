"""The parts of a delivery: stages and their roles, artifacts, environments, rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_events as events
from aws_cdk import aws_logs as logs

from mla_constructs.delivery import actions
from mla_constructs.delivery.artifact_store import ArtifactStore
from mla_constructs.delivery.environment import DeliveryEnvironment
from mla_constructs.delivery.pipeline import DeliveryPipeline, Stage, VariableCheck
from mla_constructs.delivery.source import ConnectedSource
from mla_constructs.errors import InvalidArgument
from mla_constructs.events.event_rule import EventRule
from mla_constructs.events.undelivered import Undelivered
from mla_constructs.inference.built_in_image import BuiltInImage

if TYPE_CHECKING:
    from tests.l3.conftest import Parts

ARN = "arn:aws:codeconnections:eu-west-1:123456789012:connection/8d0e2c5b"


def store(parts: Parts) -> ArtifactStore:
    return ArtifactStore(
        parts.stack,
        "Artifacts",
        key=parts.key,
        access_logs=parts.bucket,
        removal_policy=RemovalPolicy.DESTROY,
        expire_after=Duration.days(90),
    )


def environment(parts: Parts) -> DeliveryEnvironment:
    return DeliveryEnvironment(
        parts.stack,
        "Production",
        name="production",
        image=BuiltInImage(parts.stack),
        alarm_topic=parts.topic,
        key=parts.key,
        log_retention=logs.RetentionDays.ONE_MONTH,
        removal_policy=RemovalPolicy.DESTROY,
    )


def source(parts: Parts) -> Stage:
    connected = ConnectedSource(parts.stack, "Source", repository="owner/name", connection_arn=ARN)
    return Stage(name="Source", actions=[connected.action()])


def asked(parts: Parts, **changes: Any) -> Stage:
    approval = actions.approve("Approve", parts.topic, question="Deploy?", timeout=Duration.days(3))
    return Stage(**({"name": "Approval", "actions": [approval]} | changes))


def pipeline(parts: Parts, *stages: Stage, mode: Any = "QUEUED") -> DeliveryPipeline:
    return DeliveryPipeline(
        parts.stack, "Pipeline", stages=stages, execution_mode=mode, store=store(parts)
    )


def declared(parts: Parts) -> dict[str, Any]:
    (found,) = parts.template.find_resources("AWS::CodePipeline::Pipeline").values()
    return dict(found["Properties"])


def text(value: Any) -> str:
    match value:
        case {"Fn::Join": ["", pieces]}:
            return "".join(map(text, pieces))
        case {"Ref": name} | {"Fn::GetAtt": [name, _]}:
            return f"<{name}>"
    return str(value)


def granted(parts: Parts, role: str) -> dict[str, set[str]]:
    """Action -> resources of the policies of the roles whose name begins so."""
    found: dict[str, set[str]] = {}
    for name, policy in parts.template.find_resources("AWS::IAM::Policy").items():
        if not name.startswith(role):
            continue
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            resources = statement["Resource"]
            for action in (
                [statement["Action"]]
                if isinstance(statement["Action"], str)
                else statement["Action"]
            ):
                found.setdefault(action, set()).update(
                    map(text, resources if isinstance(resources, list) else [resources])
                )
    return found


def test_actions_run_one_after_the_other_under_their_stages_role(parts: Parts) -> None:
    target = environment(parts)
    deploy = actions.deploy("Deploy", target, template="Source::a.json")
    pipeline(parts, source(parts), Stage(name="Go", actions=[deploy, actions.remove("R", target)]))
    _, go = declared(parts)["Stages"]
    assert [action["RunOrder"] for action in go["Actions"]] == [1, 2]
    roles = {action["RoleArn"]["Fn::GetAtt"][0] for action in go["Actions"]}
    (role,) = roles
    trust = parts.template.find_resources("AWS::IAM::Role")[role]["Properties"]
    (statement,) = trust["AssumeRolePolicyDocument"]["Statement"]
    assert "PipelineRole" in text(statement["Principal"]["AWS"])


def test_pipeline_itself_may_hand_over_artifacts_and_take_on_roles(parts: Parts) -> None:
    pipeline(parts, source(parts), asked(parts))
    services = {action.split(":")[0] for action in granted(parts, "PipelineRole")}
    assert services == {"s3", "kms", "sts"}


def test_stage_reads_its_own_artifacts_alone(parts: Parts) -> None:
    target = environment(parts)
    deploy = actions.deploy("Deploy", target, template="Source::a.json")
    pipeline(parts, source(parts), Stage(name="Go", actions=[deploy]))
    (objects,) = granted(parts, "PipelineGoRole")["s3:GetObject"]
    assert objects.endswith("/Pipeline-*/Source/*")
    assert "s3:PutObject" not in granted(parts, "PipelineGoRole")


@pytest.mark.parametrize("name", ["ElevenChars", "two words", "with-dash"])
def test_artifact_whose_name_would_be_cut_raises(name: str, parts: Parts) -> None:
    with pytest.raises(InvalidArgument, match=f"The artifact is called '{name}': use up to 10"):
        store(parts).grant_reading(environment(parts).execution_role, "Delivery", name)


def test_pipeline_whose_name_would_be_cut_raises(parts: Parts) -> None:
    role = environment(parts).execution_role
    with pytest.raises(InvalidArgument, match="The pipeline is called 'PPPP"):
        store(parts).grant_writing(role, "P" * 20, "Source")


def test_stage_is_skipped_unless_its_condition_holds(parts: Parts) -> None:
    check = VariableCheck(variable="#{variables.x}", operator="NE", value="none")
    pipeline(parts, source(parts), asked(parts, only_if=check))
    (condition,) = declared(parts)["Stages"][1]["BeforeEntry"]["Conditions"]
    assert condition["Result"] == "SKIP"
    assert condition["Rules"][0]["Configuration"]["Operator"] == "NE"


def test_pipeline_of_one_stage_raises(parts: Parts) -> None:
    with pytest.raises(InvalidArgument, match="stages has 1: a source and one more"):
        pipeline(parts, source(parts))


def test_source_that_rolls_back_raises(parts: Parts) -> None:
    first = Stage(name="Source", actions=source(parts).actions, roll_back=True)
    with pytest.raises(InvalidArgument, match="Stage Source has the source"):
        pipeline(parts, first, asked(parts))


def test_rollback_of_parallel_executions_raises(parts: Parts) -> None:
    with pytest.raises(InvalidArgument, match="execution_mode is 'PARALLEL' and stage Approval"):
        pipeline(parts, source(parts), asked(parts, roll_back=True), mode="PARALLEL")


@pytest.mark.parametrize("minutes", [4, 86_401])
def test_time_to_approve_out_of_range_raises(minutes: int, parts: Parts) -> None:
    with pytest.raises(InvalidArgument, match=f"timeout is {minutes} min: choose a value from 5"):
        actions.approve("A", parts.topic, question="?", timeout=Duration.minutes(minutes))


def test_approval_tells_its_topic(parts: Parts) -> None:
    pipeline(parts, source(parts), asked(parts))
    (action,) = declared(parts)["Stages"][1]["Actions"]
    assert action["Configuration"]["NotificationArn"] == parts.resolve(parts.topic.topic_arn)
    assert "sns:Publish" in granted(parts, "PipelineApprovalRole")


def test_deployment_role_is_held_to_names_of_its_environment(parts: Parts) -> None:
    environment(parts)
    for action, resources in granted(parts, "ProductionDeploymentRole").items():
        if action.startswith(("sagemaker:", "cloudwatch:")):
            assert all("<AWS::StackName>-production" in resource for resource in resources), action


def test_nobody_passes_a_role_to_any_service(parts: Parts) -> None:
    target = environment(parts)
    target.grant_deployment(target.execution_role)
    for policy in parts.template.find_resources("AWS::IAM::Policy").values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if "iam:PassRole" in statement["Action"]:
                assert statement["Condition"]["StringEquals"]["iam:PassedToService"]


@pytest.mark.parametrize("repository", ["name", "/name", "owner/", ""])
def test_repository_without_owner_raises(repository: str, parts: Parts) -> None:
    with pytest.raises(InvalidArgument, match=f"repository is '{repository}'"):
        ConnectedSource(parts.stack, "Source", repository=repository, connection_arn=ARN)


def test_something_else_than_a_connection_raises(parts: Parts) -> None:
    with pytest.raises(InvalidArgument, match="connection_arn is 'arn:aws:s3:::bucket'"):
        ConnectedSource(
            parts.stack, "S", repository="owner/name", connection_arn="arn:aws:s3:::bucket"
        )


def started(parts: Parts, event_input: dict[str, Any]) -> dict[str, Any]:
    EventRule(
        parts.stack,
        "Happened",
        description="Starts it",
        pattern={"source": ["aws.s3"]},
        target_arn="arn:aws:states:us-east-1:123456789012:stateMachine:it",
        action="states:StartExecution",
        event_input=event_input,
        undelivered=Undelivered(parts.stack, "Undelivered"),
    )
    (found,) = parts.template.find_resources("AWS::Events::Rule").values()
    (target,) = found["Properties"]["Targets"]
    return dict(target)


def test_rule_passes_on_what_it_takes_from_the_event(parts: Parts) -> None:
    target = started(parts, {"Key": events.EventField.from_path("$.detail.object.key")})
    assert target["InputTransformer"] == {
        "InputPathsMap": {"detail-object-key": "$.detail.object.key"},
        "InputTemplate": '{"Key":<detail-object-key>}',
    }


def test_rule_passes_on_a_text_of_its_own(parts: Parts) -> None:
    target = started(parts, {"Reason": "it happened"})
    assert target["Input"] == '{"Reason":"it happened"}'
    assert "InputTransformer" not in target


def test_only_this_rule_may_use_the_role_and_the_queue(parts: Parts) -> None:
    started(parts, {"Reason": "it happened"})
    ((_, role),) = parts.template.find_resources("AWS::IAM::Role").items()
    (queue,) = parts.template.find_resources("AWS::SQS::QueuePolicy").values()
    trusted = role["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]
    assert text(trusted["ArnEquals"]["aws:SourceArn"]).endswith(":rule/<AWS::StackName>-Happened")
    (sending,) = (
        statement
        for statement in queue["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "sqs:SendMessage"
    )
    assert sending["Condition"] == trusted
