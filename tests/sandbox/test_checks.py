"""Each check of a preflight: in order, not in order, and not seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from catalogue.discover import Architecture, discover
from catalogue.errors import UsageError
from sandbox.preflight import tools
from sandbox.preflight.bootstrap import bootstrap
from sandbox.preflight.findings import Finding, State
from sandbox.preflight.identity import identity, region
from sandbox.preflight.images import images
from sandbox.preflight.needs import UPDATED, Need, needs
from sandbox.preflight.quotas import quotas
from sandbox.preflight.services import features, resource_types
from sandbox.preflight.stack import BLOCKED, LOOK_UPS, names, stack
from tests.sandbox.furnished import furnish, grant, missing, quota, subject, template
from tests.support.emulated_aws import ACCOUNT, REGION, EmulatedAws

Prepare = Callable[[EmulatedAws], object]
OK, PROBLEM, UNSEEN = State.OK, State.PROBLEM, State.UNSEEN
TOPIC = {"Topic": {"Type": "AWS::SNS::Topic"}}


def only(findings: Iterable[Finding]) -> Finding:
    (finding,) = findings
    return finding


def test_identity_names_account_and_caller(aws: EmulatedAws) -> None:
    number, finding = identity(subject().account)
    assert number == ACCOUNT
    assert finding.state is OK
    assert f"account {ACCOUNT} as arn:aws:sts::" in finding.text
    aws.fail("sts:GetCallerIdentity", "ThrottlingException")
    number, finding = identity(subject().account)
    assert (number, finding.state) == ("", UNSEEN)


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch"])
def test_credentials_that_aws_rejects_are_unusable_input(aws: EmulatedAws, code: str) -> None:
    aws.fail("sts:GetCallerIdentity", code, status=403)
    with pytest.raises(UsageError, match=rf"does not accept the credentials: .*{code}.*sign in"):
        identity(subject().account)


def test_a_region_has_to_be_enabled(aws: EmulatedAws) -> None:
    assert only(region(subject())).state is OK
    account = subject().account
    closed = {"Regions": [{"RegionName": REGION, "OptInStatus": "not-opted-in"}]}
    finding = only(region(subject(account=Answering(account, closed))))
    assert finding.state is PROBLEM
    assert finding.fix == f"aws account enable-region --region-name {REGION}"
    aws.fail("ec2:DescribeRegions", "UnauthorizedOperation", status=403)
    finding = only(region(subject()))
    assert finding.state is UNSEEN
    assert finding.fix == "Allow ec2:DescribeRegions; docs/sandbox.md has the whole policy."


class Answering:
    """An account with one answer to every call, for what the emulator never says."""

    def __init__(self, account: Any, answer: dict[str, Any]) -> None:
        self.region, self.home, self.partition = account.region, account.home, account.partition
        self._answer = answer

    def ask(self, *_: str, **__: Any) -> dict[str, Any]:
        return self._answer


def bootstrapped(version: str) -> Prepare:
    return lambda aws: aws.client("ssm").put_parameter(
        Name="/cdk-bootstrap/hnb659fds/version", Value=version, Type="String"
    )


def toolkit(aws: EmulatedAws) -> None:
    """A bootstrap stack whose outputs tell the version, and no right to read the parameter."""
    body = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"BootstrapVersion": {"Value": "21"}},
    }
    aws.client("cloudformation").create_stack(StackName="CDKToolkit", TemplateBody=json.dumps(body))
    aws.fail("ssm:GetParameter", "AccessDeniedException")


def closed_to_both(aws: EmulatedAws) -> None:
    aws.fail("ssm:GetParameter", "AccessDeniedException")
    aws.fail("cloudformation:DescribeStacks", "AccessDenied", status=403)


@pytest.mark.parametrize(
    ("prepare", "state", "text"),
    [
        (bootstrapped("6"), OK, "version 6, the template needs 6"),
        (bootstrapped("5"), PROBLEM, "version 5, the template needs 6"),
        (lambda _: None, PROBLEM, "is not bootstrapped: no /cdk-bootstrap/hnb659fds/version"),
        (toolkit, OK, "version 21, the template needs 6"),
        (
            lambda aws: aws.fail("ssm:GetParameter", "AccessDeniedException"),
            UNSEEN,
            "version 6 is needed; ssm:GetParameter is not allowed",
        ),
        (closed_to_both, UNSEEN, "version 6 is needed; ssm:GetParameter is not allowed"),
    ],
)
def test_bootstrap(aws: EmulatedAws, prepare: Prepare, state: State, text: str) -> None:
    prepare(aws)
    finding = only(bootstrap(subject()))
    assert finding.state is state
    assert text in finding.text
    if state is PROBLEM:
        assert finding.fix == f"npx cdk bootstrap aws://{ACCOUNT}/{REGION}"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that pins its tools, and has them."""
    (tmp_path / "package.json").write_text(json.dumps({"devDependencies": {"aws-cdk": "2.10.1"}}))
    (tmp_path / "requirements.txt").write_text("aws-cdk-lib==2.275.0\n")
    install(tmp_path, "2.10.1")
    return tmp_path


def install(project: Path, version: str) -> None:
    folder = project / "node_modules" / "aws-cdk"
    folder.mkdir(parents=True, exist_ok=True)
    package = {"version": version, "engines": {"node": ">= 18.0.0"}}
    (folder / "package.json").write_text(json.dumps(package))


def test_the_command_line_is_the_pinned_one_and_reads_the_assembly(project: Path) -> None:
    finding = tools.command_line(project, "2.9.12")
    assert (finding.state, finding.text) == (OK, "2.10.1, the assembly needs 2.9.12")
    assert tools.command_line(project, "").text == "2.10.1"
    finding = tools.command_line(project, "2.11.0")
    assert (finding.state, finding.fix) == (PROBLEM, "npm ci")
    assert finding.text == "2.10.1 cannot read the assembly, which needs 2.11.0 or newer"
    install(project, "3.0.0")
    assert tools.command_line(project, "2.9.12").text == "3.0.0 is not 2.10.1, which is pinned"
    (project / "node_modules" / "aws-cdk" / "package.json").unlink()
    assert tools.command_line(project, "2.9.12").text == "not installed, 2.10.1 is pinned"


def test_the_library_is_the_pinned_one(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tools.library(project).state is OK
    (project / "requirements.txt").write_text("aws-cdk-lib==2.276.0\n")
    finding = tools.library(project)
    assert finding.text == "2.275.0 is not 2.276.0, which is pinned"
    assert finding.fix == "pip install -r requirements.txt"
    monkeypatch.setattr(tools, "LIBRARY", "no-such-library")
    (project / "requirements.txt").write_text("no-such-library==1.0\n")
    assert tools.library(project).text == "not installed, 1.0 is pinned"


@pytest.mark.parametrize(
    ("installed", "state"), [("24.19.0", OK), ("18.0.0", OK), ("16.20.2", PROBLEM), (None, PROBLEM)]
)
def test_node_is_one_that_the_command_line_runs_on(
    project: Path, installed: str | None, state: State
) -> None:
    assert tools.node(project, installed).state is state


def test_the_node_of_the_environment_says_its_version(tmp_path: Path) -> None:
    version = tools.node_version()
    assert version is not None
    assert int(version.split(".")[0]) >= 18
    assert tools.node(tmp_path, version).text.endswith("the CDK command line needs any")


def architecture_with(**availability: Any) -> Architecture:
    """The real-time endpoint with other facts on its availability."""
    found = discover()["realtime_endpoint"]
    changed = replace(found.facts.availability, **availability)
    vars(found)["facts"] = replace(found.facts, availability=changed)
    return found


@pytest.mark.usefixtures("aws")
def test_a_closed_feature_is_a_problem_and_names_the_open_one() -> None:
    assert only(features(subject())).state is OK
    closed = architecture_with(closed_since=date(2026, 7, 30), replaced_by="async_endpoint")
    finding = only(features(subject(architecture=closed)))
    assert finding.state is PROBLEM
    assert "did not use it before 2026-07-30: https://docs.aws.amazon.com/" in finding.text
    assert finding.fix == "mla preflight async_endpoint"


@pytest.mark.usefixtures("aws")
def test_a_feature_that_the_region_lacks_is_a_problem() -> None:
    absent = architecture_with(not_in=("eu-west-3",))
    assert only(features(subject(architecture=absent))).state is OK
    finding = only(features(subject(architecture=absent, region="eu-west-3")))
    assert finding.state is PROBLEM
    assert "not in eu-west-3" in finding.text


@pytest.mark.usefixtures("aws")
def test_resource_types_are_those_of_the_region() -> None:
    assert only(resource_types(subject())).state is OK
    kendra = template(Index={"Type": "AWS::Kendra::Index", "Properties": {}})
    finding = only(resource_types(subject(kendra, region="eu-west-3")))
    assert finding.state is PROBLEM
    assert "has no AWS::Kendra::Index in eu-west-3" in finding.text


@pytest.mark.usefixtures("aws")
def test_a_region_that_cfn_lint_does_not_know_is_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cfnlint.helpers.REGIONS", ["eu-west-1"])
    finding = only(resource_types(subject()))
    assert (finding.state, finding.text) == (UNSEEN, f"cfn-lint does not know {REGION}")


def test_an_image_is_looked_for_in_the_registry_of_the_region(aws: EmulatedAws) -> None:
    asked: list[dict[str, Any]] = []
    aws.answers["ecr:DescribeImages"] = lambda body: asked.append(body) or {}
    finding = only(images(subject()))
    assert finding.state is OK
    assert asked == [
        {
            "registryId": "683313688378",
            "repositoryName": "sagemaker-xgboost",
            "imageIds": [{"imageTag": "3.2-0"}],
        }
    ]


def test_an_image_that_is_gone_is_a_problem(aws: EmulatedAws) -> None:
    aws.fail("ecr:DescribeImages", "ImageNotFoundException")
    finding = only(images(subject()))
    assert finding.state is PROBLEM
    assert finding.text == f"sagemaker-xgboost:3.2-0 of registry 683313688378 is not in {REGION}"


def test_a_registry_that_shows_nothing_leaves_what_the_table_says(aws: EmulatedAws) -> None:
    aws.fail("ecr:DescribeImages", "AccessDeniedException")
    finding = only(images(subject()))
    assert finding.state is UNSEEN
    assert finding.text.startswith("the table names sagemaker-xgboost:3.2-0 of registry 6833")


def test_a_region_without_registry_is_a_problem(aws: EmulatedAws) -> None:
    finding = only(images(subject(region="us-west-2")))
    assert (finding.state, finding.fix) == (PROBLEM, "Deploy to us-east-1.")
    assert aws.calls == []


def test_a_template_without_images_asks_for_none(aws: EmulatedAws) -> None:
    assert list(images(subject(template(**TOPIC)))) == []
    assert aws.calls == []


def test_a_quota_is_measured_against_need_and_use(aws: EmulatedAws) -> None:
    wanted = {need.label: need for need in needs(template())}
    of_type = wanted["ml.m5.large for endpoint usage"]
    assert of_type.amount == 4
    grant(aws, [quota(need, 4) for need in wanted.values()])
    assert {finding.state for finding in quotas(subject())} == {OK}
    of_endpoints = [{"Name": "Resource", "Value": of_type.quota}]
    points = [{"Timestamp": 600, "Maximum": 1.0}, {"Timestamp": 300, "Maximum": 2.0}]
    aws.answers["cloudwatch:GetMetricStatistics"] = lambda asked: {
        "Datapoints": points if asked["Dimensions"] == of_endpoints else []
    }
    (finding,) = (f for f in quotas(subject()) if f.state is not OK)
    assert finding.about == "quota: ml.m5.large for endpoint usage"
    assert (finding.state, finding.text) == (PROBLEM, f"4 needed, 4 allowed, 1 in use; {UPDATED}")
    assert "--desired-value 5" in finding.fix


def test_a_new_account_is_told_what_to_ask_for(aws: EmulatedAws) -> None:
    wanted = needs(template())
    new = [quota(n, 0 if n.quota == "ml.m5.large for endpoint usage" else 5) for n in wanted]
    new[0]["QuotaCode"] = "L-12345678"
    grant(aws, new)
    (finding,) = (f for f in quotas(subject()) if f.state is PROBLEM)
    assert finding.text == f"4 needed, 0 allowed, 0 in use; {UPDATED}"
    assert finding.fix.replace("\\\n  ", "") == (
        "aws service-quotas request-service-quota-increase --service-code sagemaker "
        f"--quota-code L-12345678 --desired-value 4 --region {REGION}"
    )


def test_a_quota_that_aws_does_not_raise_is_said_so(aws: EmulatedAws) -> None:
    grant(aws, [quota(need, 0, Adjustable=False) for need in needs(template())])
    assert all("does not raise" in finding.fix for finding in quotas(subject()))


def test_use_that_is_not_seen_is_said_so(aws: EmulatedAws) -> None:
    grant(aws, [quota(need, 100) for need in needs(template())])
    aws.fail("cloudwatch:GetMetricStatistics", "AccessDenied", status=403)
    aws.fail("ec2:DescribeVpcs", "UnauthorizedOperation", status=403)
    found = list(quotas(subject()))
    assert {finding.state for finding in found} == {OK}
    assert all("how many are in use was not seen" in finding.text for finding in found)


def test_what_a_deployed_stack_uses_is_its_own(aws: EmulatedAws) -> None:
    grant(aws, [quota(need, 4) for need in needs(template())])
    assert {f.state for f in quotas(subject(deployed=True))} == {OK}
    assert not [call for call in aws.calls if not call.startswith("service-quotas:")]


def test_default_quotas_stand_where_none_is_applied(aws: EmulatedAws) -> None:
    wanted = needs(template())
    grant(aws, [quota(need, 100) for need in wanted[1:]])
    aws.answers["service-quotas:ListAWSDefaultServiceQuotas"] = lambda asked: {
        "Quotas": [quota(wanted[0], 0)] if asked["ServiceCode"] == "sagemaker" else []
    }
    (finding,) = (f for f in quotas(subject()) if f.state is not OK)
    assert (finding.state, finding.about) == (PROBLEM, f"quota: {wanted[0].label}")


def test_an_applied_quota_is_believed_over_its_default(aws: EmulatedAws) -> None:
    grant(aws, [quota(need, 100) for need in needs(template())])
    aws.answers["service-quotas:ListAWSDefaultServiceQuotas"] = lambda _: {
        "Quotas": [quota(need, 0) for need in needs(template())]
    }
    assert {finding.state for finding in quotas(subject())} == {OK}


def test_a_service_whose_quotas_are_not_shown_is_one_line(aws: EmulatedAws) -> None:
    aws.fail("service-quotas:*", "AccessDeniedException")
    sagemaker, vpc = quotas(subject())
    assert {sagemaker.state, vpc.state} == {UNSEEN}
    assert sagemaker.text == (
        "needed: 4 of ml.m5.large for endpoint usage, 4 of instances per endpoint, "
        "4 of instances of all endpoints; "
        "servicequotas:ListServiceQuotas is not allowed to this identity"
    )
    assert "Allow servicequotas:ListServiceQuotas" in sagemaker.fix


def test_a_quota_that_is_not_listed_is_not_seen(aws: EmulatedAws) -> None:
    grant(aws, [quota(Need("sagemaker", "something else", 1, ""), 1)])
    found = [finding for finding in quotas(subject()) if "per endpoint" in finding.about]
    assert only(found).state is UNSEEN
    assert "Service Quotas lists no 'L-ED8DEE9B'" in only(found).text


@pytest.mark.parametrize(
    ("status", "deployed", "state", "text"),
    [
        ("CREATE_COMPLETE", True, OK, "deploying updates it"),
        ("UPDATE_ROLLBACK_COMPLETE", True, OK, "deploying updates it"),
        ("ROLLBACK_COMPLETE", False, OK, "failed before; cdk deploy deletes it first"),
        ("REVIEW_IN_PROGRESS", False, OK, "not there yet"),
        ("CREATE_IN_PROGRESS", True, PROBLEM, "wait for its end"),
        ("DELETE_IN_PROGRESS", True, PROBLEM, "wait for its end"),
        *((status, True, PROBLEM, why) for status, (why, _) in BLOCKED.items()),
    ],
)
@pytest.mark.usefixtures("aws")
def test_the_stack_s_state(status: str, deployed: bool, state: State, text: str) -> None:
    account: Any = Answering(subject().account, {"Stacks": [{"StackStatus": status}]})
    there, finding = stack(account, "some-stack")
    assert (there, finding.state) == (deployed, state)
    assert text in finding.text
    assert bool(finding.fix) == (state is PROBLEM or status == "ROLLBACK_COMPLETE")


def test_a_stack_that_is_not_there_or_not_shown(aws: EmulatedAws) -> None:
    there, finding = stack(subject().account, "some-stack")
    assert (there, finding.state, finding.text) == (False, OK, "some-stack is not there yet")
    aws.fail("cloudformation:DescribeStacks", "AccessDenied", status=403)
    assert stack(subject().account, "some-stack")[1].state is UNSEEN


def take_all(aws: EmulatedAws, name: str) -> None:
    """Gives the name to one resource of every type that is looked for."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = aws.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument=policy)
    arn = role["Role"]["Arn"]
    computer = {"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"}
    aws.client("athena").create_work_group(Name=name)
    aws.client("codebuild").create_project(
        name=name,
        source={"type": "S3", "location": "bucket/path"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment=computer,
        serviceRole=arn,
    )
    aws.client("codecommit").create_repository(repositoryName=name)
    aws.client("ecs").create_cluster(clusterName=name)
    aws.client("eks").create_cluster(name=name, roleArn=arn, resourcesVpcConfig={})
    aws.client("events").put_rule(Name=name, ScheduleExpression="rate(1 day)")
    aws.client("logs").create_log_group(logGroupName=name)
    aws.client("scheduler").create_schedule_group(Name=name)
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    sagemaker.create_pipeline(
        PipelineName=name, PipelineDefinition="{}", ClientRequestToken="t" * 32, RoleArn=arn
    )
    for call in ("sagemaker:DescribeEndpoint", "codepipeline:GetPipeline"):
        aws.answers[call] = lambda _: {}


EVERY_NAME = template(
    **{
        look_up.operation: {"Type": resource_type, "Properties": {look_up.property: "some-name"}}
        for resource_type, look_up in LOOK_UPS.items()
    }
)


def test_names_that_are_taken_are_problems(aws: EmulatedAws) -> None:
    take_all(aws, "some-name")
    found = list(names(subject(EVERY_NAME)))
    assert {finding.state for finding in found} == {PROBLEM}
    assert {finding.text.split()[1] for finding in found} == LOOK_UPS.keys()


def test_names_that_only_begin_so_are_free(aws: EmulatedAws) -> None:
    aws.client("logs").create_log_group(logGroupName="some-name-2")
    aws.answers["athena:GetWorkGroup"] = missing
    finding = only(names(subject(EVERY_NAME)))
    assert finding.state is OK
    assert finding.text == f"{len(LOOK_UPS)} of {len(LOOK_UPS)} that the template gives are free"


def test_names_of_a_deployed_stack_are_its_own(aws: EmulatedAws) -> None:
    assert list(names(subject(deployed=True))) == []
    assert aws.calls == []


def test_a_name_that_is_not_shown_says_what_is_missing(aws: EmulatedAws) -> None:
    aws.fail("sagemaker:DescribeEndpoint", "AccessDeniedException")
    unseen, free = names(subject())
    assert (unseen.about, unseen.state) == ("name: realtime-endpoint", UNSEEN)
    assert unseen.fix.startswith("Allow sagemaker:DescribeEndpoint;")
    assert (free.state, free.text) == (OK, "1 of 2 that the template gives are free")


def test_everything_is_in_order_in_a_furnished_account(aws: EmulatedAws) -> None:
    furnish(aws)
    checks = (region, bootstrap, images, quotas, names, resource_types, features)
    assert {finding.state for check in checks for finding in check(subject())} == {OK}
