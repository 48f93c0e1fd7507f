"""What is left of a destroyed stack is found, and nothing else; and it alone is deleted."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from io import StringIO

import pytest
from moto.ec2.models import ec2_backends

from catalogue.discover import ROOT, discover
from catalogue.errors import UsageError
from catalogue.template import Template
from sandbox.aws import Account, connect, permission
from sandbox.leftovers.others import SIMPLE
from sandbox.leftovers.owners import DELIVERED, LOG_GROUPS, Owners
from study import cli, leftovers
from tests.sandbox.estate import ALARM, MAKERS, PROJECT, Estate, inventory
from tests.support.authorization import access_level, exists
from tests.support.emulated_aws import ACCOUNT, EmulatedAws

ALONG = {
    "network interface": {"VPC"},  # the network of an interface of ours is ours, too
    "file system": {"network interface"},  # those of its mount targets
    "VPC endpoint": {"network interface"},
}
MADE = {"dynamodb:table", "sns:"}
WRITES = {"Write", "Permissions management", "Tagging"}
DEAD, FOREIGN, ALIVE = "realtime-endpoint", "realtime-endpoint-v2", "async-endpoint"


@pytest.fixture(scope="module")
def account(emulator: EmulatedAws) -> Iterator[Account]:
    """The account, in whose clients each test would spend seconds otherwise."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in emulator.environment.items():
            patched.setenv(name, value)
        yield connect()


@pytest.fixture
def estate(aws: EmulatedAws, account: Account, monkeypatch: pytest.MonkeyPatch) -> Estate:
    monkeypatch.setattr("study.leftovers.connect", lambda _region: account)
    monkeypatch.setattr("sandbox.leftovers.listed.POLL_SECONDS", 0.01)
    monkeypatch.setattr("sandbox.leftovers.listed.PATIENCE_SECONDS", 2.0)
    return Estate(aws)


def found(*slugs: str) -> dict[tuple[str, str], str]:
    """Kind and name -> what it was recognised by."""
    left = leftovers.look(slugs, None)
    assert left.survey.unseen == []
    return {(each.kind, each.name): each.reason for each in left.all}


def test_an_empty_account_is_clean(estate: Estate) -> None:
    left = leftovers.look([], None)
    assert estate.aws.calls
    assert (left.all, left.survey.unseen, left.clean) == ([], [], True)


@pytest.mark.parametrize("kind", MAKERS)
def test_of_each_kind_ours_is_found_and_deleted_and_no_other(estate: Estate, kind: str) -> None:
    estate.stack(ALIVE)
    name = estate.make(kind, DEAD)
    estate.make(kind, FOREIGN, ours=False)
    estate.make(kind, ALIVE)
    left = leftovers.look([], None)
    of_kind = [(each.name, each.stack) for each in left.all if each.kind == kind]
    assert of_kind == [(name, DEAD)]
    assert left.survey.living[ALIVE] >= 1
    before = inventory(estate.aws)

    report = leftovers.delete(left, lambda _: None)

    outcomes = {row[-1] for section in report.sections for row in section.rows}
    assert outcomes == {"done"}
    after = inventory(estate.aws)
    gone = {each: before[each] - after[each] for each in before if before[each] - after[each]}
    assert gone.pop(kind) == {name}
    assert set(gone) <= ALONG.get(kind, set())
    assert leftovers.look([], None).clean


def test_a_key_pending_deletion_is_shown_and_nothing_to_do(estate: Estate) -> None:
    key = estate.make("key", DEAD)
    estate.aws.client("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    left = leftovers.look([], None)
    assert [(each.name, each.ends, each.cost) for each in left.all] == [(key, True, "nothing")]
    assert left.clean
    assert left.removable == []
    assert "1 key pending deletion: nothing to do." in leftovers.leftovers_report(left).lead


@pytest.mark.parametrize(
    ("name", "stack"),
    [
        ("/aws/lambda/eks-serving-KubernetesClusterKubectl-a1B2c3D4e5F6", "eks-serving"),
        ("/aws/lambda/byoc-image-BucketEmptier5425385A-a1B2c3D4e5F6", "byoc-image"),
        ("/aws/lambda/byoc-image-helper-a1B2c3D4e5F6", None),
        ("/aws/lambda/byoc-image-x-BucketEmptier5425385A-a1B2c3D4e5F6", None),
        ("/aws/codebuild/byoc-image-Image-Build", "byoc-image"),
        ("/aws/codebuild/byoc-image-tests", None),
        ("/aws/sagemaker/Endpoints/cicd-pipeline-staging", "cicd-pipeline-staging"),
        ("/aws/sagemaker/Endpoints/realtime-endpoint-staging", None),
        ("/aws/sagemaker/Endpoints/my-realtime-endpoint", None),
        ("/aws/sagemaker/TransformJobs", None),  # of the account's
    ],
)
def test_a_log_group_is_known_by_its_whole_name(
    estate: Estate, name: str, stack: str | None
) -> None:
    estate.aws.client("logs").create_log_group(logGroupName=name)
    left = leftovers.look([], None).all
    assert [(each.stack, each.reason) for each in left] == ([(stack, "its name")] if stack else [])


def test_names_are_those_of_the_templates(templates: dict[str, Template]) -> None:
    """Each log group and delivered stack of the catalogue would be known by its name."""
    owners = Owners(discover().values(), every=True)
    for slug, template in templates.items():
        stack = slug.replace("_", "-")
        for _, group in template.of_type("AWS::Logs::LogGroup"):
            name = group.get("LogGroupName", "").replace("<AWS::StackName>", stack)
            name = re.sub(r"<(\w{1,24})\w*>", rf"{stack}-\1-a1B2c3D4e5F6", name)
            if name:  # one without a name of its own nobody else writes to
                assert owners.of_name(name, LOG_GROUPS), f"sandbox/leftovers/owners.py: {name}"
        delivered = [
            properties["StackName"].replace("<AWS::StackName>", stack)
            for _, properties in template.of_type("Custom::DeliveredStack")
        ]
        assert sorted(delivered) == [f"{stack}-{name}" for name in DELIVERED.get(stack, ())]


def test_an_alarm_that_scaling_made_for_itself(estate: Estate) -> None:
    cloudwatch = estate.aws.client("cloudwatch")
    ours = f"TargetTracking-endpoint/{DEAD}/variant/AllTraffic-AlarmHigh-1a2b"
    for name in (ours, ours.replace(DEAD, FOREIGN)):
        cloudwatch.put_metric_alarm(AlarmName=name, **ALARM)
    assert found() == {("alarm", ours): "its name"}


@pytest.mark.parametrize("status", ["DELETE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"])
def test_a_dead_stack_is_left_over_and_goes_with_what_it_holds(estate: Estate, status: str) -> None:
    estate.stack(DEAD, status)
    estate.stack("batch-transform", status, ours=False)  # somebody's namesake
    endpoint = estate.make("endpoint", DEAD)
    left = leftovers.look([], None)
    assert {each.name for each in left.all} >= {DEAD, endpoint}
    assert {each.stack for each in left.all} == {DEAD}
    leftovers.delete(left, lambda _: None)
    stacks = estate.aws.client("cloudformation").describe_stacks()["Stacks"]
    assert [stack["StackName"] for stack in stacks] == ["batch-transform"]


def test_a_stack_that_will_not_go_is_said_with_its_reason(estate: Estate) -> None:
    estate.stack(DEAD, "DELETE_FAILED")
    estate.aws.fail("cloudformation:DeleteStack", "ValidationError")
    report = leftovers.delete(leftovers.look([], None), lambda _: None)
    assert "DeleteStack was refused by the test" in str(report.sections[0].rows)


def test_a_namesake_that_was_deployed_since_is_told_by_its_id(estate: Estate) -> None:
    new = estate.stack(DEAD)
    for stack_id, endpoint in ((new, DEAD), (new.replace("stack/", "stack/old-"), "old")):
        tags = {
            **PROJECT,
            "architecture": DEAD,
            "aws:cloudformation:stack-name": DEAD,
            "aws:cloudformation:stack-id": stack_id,
        }
        MAKERS["endpoint"](estate, endpoint, tags)
    assert found() == {("endpoint", "old"): "tag project"}


def test_what_a_pipeline_has_delivered_is_known_by_cloudformations_tag(estate: Estate) -> None:
    for stack in ("cicd-pipeline-staging", "realtime-endpoint-staging"):
        tags = {"aws:cloudformation:stack-name": stack}
        MAKERS["endpoint"](estate, stack, tags)
    expected = {("endpoint", "cicd-pipeline-staging"): "tag aws:cloudformation:stack-name"}
    assert found() == found("cicd_pipeline") == expected
    assert found("realtime_endpoint") == {}


def test_only_the_architectures_asked_for(estate: Estate) -> None:
    for stack in (DEAD, "shadow-test"):
        estate.make("endpoint", stack)
        estate.make("bucket", stack)
    assert {name.removesuffix("-capturedbucket-a1b2c3d4") for _, name in found("shadow-test")} == {
        "shadow-test"
    }


def test_studios_file_system_is_known_by_its_network(estate: Estate) -> None:
    efs = estate.aws.client("efs")
    for stack, tags in ((DEAD, {**PROJECT, "architecture": DEAD}), (FOREIGN, {"owner": "other"})):
        _, subnet, _ = estate.network(stack, tags)
        domain = {"Key": "ManagedByAmazonSageMakerResource", "Value": f"domain/{stack}"}
        made = efs.create_file_system(CreationToken=stack, Tags=[domain])["FileSystemId"]
        efs.create_mount_target(FileSystemId=made, SubnetId=subnet)
    of_kind = {kind: reason for (kind, _), reason in found().items()}
    assert of_kind["file system"] == "tag of its VPC"
    assert [kind for kind, _ in found()].count("file system") == 1


def test_what_no_finder_removes_is_shown_and_stays(estate: Estate) -> None:
    tags = {**PROJECT, "architecture": DEAD}
    estate.aws.client("sqs").create_queue(QueueName="undelivered", tags=tags)
    left = leftovers.look([], None)
    shown = [(each.kind, each.name, each.cost, each.removal) for each in left.all]
    assert shown == [("sqs", "undelivered", "look it up", "by hand")]
    assert (left.removable, left.clean) == ([], False)
    assert leftovers.delete(left, lambda _: None).sections[0].rows == []


def test_an_interface_that_a_service_holds_is_left_to_it(estate: Estate) -> None:
    ec2 = estate.aws.client("ec2")
    _, subnet, _ = estate.network(DEAD, {**PROJECT, "architecture": DEAD})
    made = estate.aws.client("efs").create_file_system(CreationToken="other")["FileSystemId"]
    estate.aws.client("efs").create_mount_target(FileSystemId=made, SubnetId=subnet)
    (interface,) = ec2.describe_network_interfaces()["NetworkInterfaces"]
    backends = ec2_backends[ACCOUNT]["us-east-1"]
    backends.enis[interface["NetworkInterfaceId"]].requester_managed = True
    shown = {each.kind: (each.by_hand, each.removal) for each in leftovers.look([], None).all}
    assert shown["network interface"][0]
    assert shown["network interface"][1].startswith("goes with its owner")


def test_pages_are_turned(estate: Estate) -> None:
    logs, s3 = estate.aws.client("logs"), estate.aws.client("s3")
    for number in range(60):
        logs.create_log_group(logGroupName=f"/aws/codebuild/byoc-image-B{number}-Build")
    bucket = estate.make("bucket", "byoc-image")
    for number in range(750):
        for _ in range(2):
            s3.put_object(Bucket=bucket, Key=f"object-{number}", Body=b"")
    left = leftovers.look([], None)
    assert len(left.all) == 61
    leftovers.delete(left, lambda _: None)
    assert leftovers.look([], None).all == []
    assert estate.aws.calls.count("s3:DeleteObjects") == 2
    assert inventory(estate.aws)["bucket"] == set()


# What goes wrong


def everything(estate: Estate) -> dict[tuple[str, str], str]:
    for kind in MAKERS:
        estate.make(kind, DEAD)
    return found()


def test_each_call_may_be_refused_and_the_others_still_find(estate: Estate) -> None:
    complete = everything(estate)
    estate.aws.calls.clear()
    found()
    calls = set(estate.aws.calls)
    assert len(calls) > 25
    for call in sorted(calls):
        estate.aws.faults.clear()
        estate.aws.fail(call, "AccessDeniedException", status=403)
        left = leftovers.look([], None)
        assert left.survey.unseen == [f"{permission(call)} is not allowed to this identity"]
        assert not left.clean
        assert {(each.kind, each.name) for each in left.all} <= set(complete)
        # Without the tag index log groups and what tells its tags itself are still found.
        least = 12 if call == "resourcegroupstaggingapi:GetResources" else len(complete) - 3
        assert len(left.all) >= least, call


def test_throttled_calls_are_tried_again(estate: Estate) -> None:
    estate.make("endpoint", DEAD)
    for call in ("sagemaker:ListEndpoints", "resourcegroupstaggingapi:GetResources"):
        estate.aws.fail(call, "ThrottlingException", times=1)
    assert found() == {("endpoint", DEAD): "tag project"}


def test_a_late_answer_is_given_up_and_said(
    estate: Estate, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate.make("endpoint", DEAD)
    impatient = connect(read_seconds=0.5)
    impatient._clients.update(
        {key: client for key, client in account._clients.items() if key[0] != "kms"}
    )
    monkeypatch.setattr("study.leftovers.connect", lambda _region: impatient)
    estate.aws.delay("kms:ListKeys", 1.0)
    left = leftovers.look([], None)
    assert [each.name for each in left.all] == [DEAD]
    assert left.survey.unseen == ["kms:ListKeys did not answer in time (ReadTimeoutError)"]


def test_credentials_that_expired_end_it_with_a_sentence(estate: Estate) -> None:
    estate.aws.fail("cloudformation:DescribeStacks", "ExpiredToken", status=403)
    with pytest.raises(UsageError, match="sign in again"):
        leftovers.look([], None)


def test_a_failed_step_does_not_stop_the_others(estate: Estate) -> None:
    complete = everything(estate)
    estate.aws.fail("s3:DeleteObjects", "AccessDenied", status=403)
    report = leftovers.delete(leftovers.look([], None), lambda _: None)
    outcomes = {row[0]: row[-1] for row in report.sections[0].rows}
    assert len(report.sections[0].rows) == len(complete)
    assert (
        outcomes.pop("bucket")
        == "not deleted: s3:DeleteObjectVersion is not allowed to this identity"
    )
    assert set(outcomes.values()) == {"done"}
    assert {each.kind for each in leftovers.look([], None).all if not each.ends} == {"bucket"}


def test_what_changed_since_it_was_shown_is_not_touched(estate: Estate) -> None:
    estate.make("endpoint", DEAD)
    bucket = estate.make("bucket", DEAD)
    left = leftovers.look([], None)
    estate.aws.client("s3").delete_bucket_tagging(Bucket=bucket)  # it is somebody's now
    estate.stack(DEAD)  # deployed again
    before = inventory(estate.aws)
    report = leftovers.delete(left, lambda _: None)
    assert {row[-1] for row in report.sections[0].rows} == {"gone, or not left over any more"}
    assert inventory(estate.aws) == before


# The command


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, typed: str = "") -> int:
    monkeypatch.setattr(sys, "argv", ["mla", "leftovers", *arguments])
    monkeypatch.setattr(sys, "stdin", StringIO(typed))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_without_delete_it_only_reads(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    everything(estate)
    estate.aws.calls.clear()
    assert run(monkeypatch, "--format", "json") == 1
    assert len(estate.aws.calls) > 30
    writing = {call for call in estate.aws.calls if access_level(permission(call)) in WRITES}
    assert writing == set()
    assert set(json.loads(capsys.readouterr().out)["sections"]) == {f"{DEAD}, us-east-1"}


@pytest.mark.parametrize("typed", ["", "\n", "yes\n", "2\n", "123456789013\n", "1 \x00\n"])
def test_a_wrong_confirmation_deletes_nothing(
    estate: Estate,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: str,
) -> None:
    estate.make("endpoint", DEAD)
    before = inventory(estate.aws)
    assert run(monkeypatch, "--delete", typed=typed) == 2
    assert "Nothing was deleted" in capsys.readouterr().err
    assert inventory(estate.aws) == before


@pytest.mark.parametrize("typed", ["1\n", f"{ACCOUNT}\n"])
def test_the_typed_number_or_account_deletes(
    estate: Estate,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: str,
) -> None:
    estate.make("endpoint", DEAD)
    assert run(monkeypatch, "--delete", typed=typed) == 0
    printed = capsys.readouterr()
    assert "Type 1 or 123456789012" in printed.err
    assert "done" in printed.out
    assert inventory(estate.aws)["endpoint"] == set()


def test_nothing_is_deleted_while_stacks_cannot_be_seen(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    estate.make("endpoint", DEAD)
    estate.aws.fail("cloudformation:DescribeStacks", "AccessDenied", status=403)
    assert run(monkeypatch, "--delete", typed="1\n") == 2
    assert "nobody knows which stacks are in use" in capsys.readouterr().err
    assert inventory(estate.aws)["endpoint"] == {DEAD}


def test_an_empty_account_ends_with_zero(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert estate
    assert run(monkeypatch, "--delete") == 0
    assert "Nothing is left over in us-east-1." in capsys.readouterr().out
    assert run(monkeypatch, "realtime_endpont") == 2


def test_the_policy_of_the_page_is_what_is_called(estate: Estate) -> None:
    """docs/leftovers.md allows each call that is made, and no more."""
    page = (ROOT / "docs" / "leftovers.md").read_text()
    look, delete = (
        {action for statement in json.loads(block)["Statement"] for action in statement["Action"]}
        for block in re.findall(r"```json\n(\{.*?\n\})\n```", page, re.DOTALL)
    )
    assert all(exists(action) for action in look | delete)
    everything(estate)
    estate.equip(DEAD)
    estate.records["Execution"] = {
        "execution": {"PipelineExecutionArn": "execution", "PipelineExecutionStatus": "Executing"}
    }
    estate.stack(DEAD, "DELETE_FAILED")
    estate.aws.calls.clear()
    left = leftovers.look([], None)
    read = {permission(call) for call in estate.aws.calls}
    assert read == look - by_type("look")
    leftovers.delete(left, lambda _: None)
    assert {permission(call) for call in estate.aws.calls} - read == delete - by_type("delete")


def by_type(verb: str) -> set[str]:
    """What others.py would call for types that the estate has none of."""
    calls = {
        name: f"{simple.service}:{''.join(map(str.title, getattr(simple, verb).split('_')))}"
        for name, simple in SIMPLE.items()
    }
    return {permission(call) for name, call in calls.items() if name not in MADE}
