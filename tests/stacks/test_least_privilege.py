"""Every role against what is done under it: it allows all of that, and nothing else.

What is done is collected by tests/support/needs: our own code is run, documents (definitions of
workflows, buildspecs, actions, recipes, deployed templates) are read call by call, and for what
services do by themselves stands the page of AWS that says so. Each need is a request with the
resource and the context it has in the template, decided by the policies of role, bucket and key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data
from policy_sentry.util.arns import parse_arn

from catalogue.discover import ROOT, Architecture
from catalogue.template import Template
from study.evaluation import Decision, Policies, Request, decide
from study.iam import as_list, device_statements
from tests.conftest import Variants
from tests.support.authorization import exists
from tests.support.expiring import expiring
from tests.support.needs import needs, workflows
from tests.support.needs.calls import of_call, of_shell
from tests.support.needs.deployed import MANAGED, Deployed, Evidence, Need, arn
from tests.support.needs.proof import Grant, grants, refused, unused

OWN_DATA = "Data of one's own, which a run may name in place of the shipped rows."
SAMPLE = "The sample rows, which the stack's output SampleInputUri names as another input."

EXPLAINED = {
    ("WorkspaceRole", "s3:GetObject", "raw/*"): OWN_DATA,
    ("WorkspaceRole", "s3:ListBucket", "raw/*"): OWN_DATA,
    ("batch_transform.ModelRole", "s3:GetObject", ".csv"): SAMPLE,
    ("batch_transform.ModelRole", "s3:ListBucket", ".csv"): SAMPLE,
    ("batch_transform.WorkflowRole", "s3:ListBucket", ".csv"): SAMPLE,
    ("batch_transform.ModelRole", "kms:CreateGrant", ""): (
        "Whether caller or model gives the grant for a transform job's volumes, AWS leaves open."
    ),
    ("PipelineRole", "sagemaker:DescribeModelPackage", ""): (
        "A step that registers ends with the version's status; how it asks is not documented."
    ),
}
"""Role, action and what resource or condition end with, of a grant without a need -> why it stays.

kms:Decrypt of writers is not among them: who writes one request's object has none, and who may
write in parts needs it to put them together.
"""

CLASSES: dict[Evidence | str, set[str]] = {
    # Their code is run, and its calls are recorded.
    Evidence.RECORDED: {
        "BucketEmptierRole",
        "CertificateMakerRole",
        "ExpiryClockRole",
        "ImageBuilderRole",
        "IntegrationTestRole",
        "ModelGroupEmptierRole",
        "ObjectPlacerRole",
        "ObjectWriterRole",
        "StackRemoverRole",
        "airflow_workflow.WorkflowRole",  # in tests/airflow
    },
    # State machines, pipelines, buildspecs, rules, schedules, recipes, deployed templates.
    Evidence.DOCUMENT: {
        "ApprovedRole",
        "CertificateRole",
        "DeliveryApprovalRole",
        "DeliveryBuildRole",
        "DeliveryProductionRole",
        "DeliveryRole",
        "DeliverySourceRole",
        "DeliveryStagingRole",
        "DeliveryVerifyRole",
        "DriftedRole",
        "ExpiryRole",
        "FleetRole",
        "GateMachineRole",
        "GpuImageBuildRole",
        "GravitonImageBuildRole",
        "ImageBuildRole",
        "NewDataRole",
        "OnnxBuildRole",
        "PipelinePublisher",
        "PipelineRole",
        "ProductionDeploymentRole",
        "RulesRole",
        "SchedulerRole",
        "SchedulerRoleForTarget",
        "SourcePushedDeliveryRole",
        "SourcePushedVerificationRole",
        "StagingDeploymentRole",
        "StepsBuildRole",
        "VerificationBuildRole",
        "VerificationRole",
        "VerificationSourceRole",
        "VerificationVerifyRole",
        "WorkflowRole",
        "X86ImageBuildRole",
    },
    # SageMaker, ECS, Lambda, CodeDeploy, EKS and VPC by themselves: our code under them calls
    # nothing, which test_code_that_calls_nothing shows.
    Evidence.SERVICE: {
        "CanaryRole",
        "ChallengerRole",
        "ChampionRole",
        "FunctionRole",
        "GpuRole",
        "GravitonRole",
        "InsightsRole",
        "KubernetesClusterKubectlProviderframeworkonEventServiceRole",
        "KubernetesKubectlRole",
        "ModelRole",
        "ProductionExecutionRole",
        "Role",
        "StagingExecutionRole",
        "TaskExecutionRole",
        "Trainer",
        "VpcFlowLogRole",
        "WorkspaceRole",
        "X86Role",
    },
    # https://docs.aws.amazon.com/eks/latest/userguide/auto-cluster-iam-role.html
    # https://docs.aws.amazon.com/eks/latest/userguide/auto-create-node-role.html
    "policies of AWS alone": {"KubernetesClusterRole", "KubernetesNodeRole"},
    "nothing at all": {"TaskRole"},
}
"""What proves a role -> names without the digits behind them, of one architecture or of any."""

CALLS_NOTHING = ("runtime/containers", "runtime/edge", "runtime/jobs", "runtime/models")
"""Code under roles whose permissions are for the service that runs it."""


@dataclass(frozen=True)
class Proof:
    """What is needed and what is granted in a template."""

    template: Template

    @cached_property
    def needs(self) -> list[Need]:
        return needs(self.template)

    @cached_property
    def policies(self) -> Policies:
        return Policies(self.template)

    @cached_property
    def holders(self) -> list[str]:
        managed = [name for name, _ in self.template.of_type("AWS::IAM::ManagedPolicy")]
        return [*self.policies.roles, *managed]

    def of(self, role: str) -> list[Need]:
        return [need for need in self.needs if need.role == role]

    def name(self, role: str) -> str:
        """Returns a role's name as the tables have it."""
        short = re.sub("([0-9a-f]{6})?[0-9A-F]{8}$", "", role)
        return full if (full := f"{self.template.name}.{short}") in NAMED_IN_FULL else short


NAMED_IN_FULL = {name for names in CLASSES.values() for name in names if "." in name}


@pytest.fixture(scope="module")
def proven() -> Iterator[dict[str, dict[str, Proof]]]:
    yield {}
    workflows.close()


@pytest.fixture
def proofs(
    architecture: Architecture,
    template: Template,
    variants: Variants,
    proven: dict[str, dict[str, Proof]],
) -> Mapping[str, Proof]:
    """One for the template, and one for each that an option gives.

    What makes a stack expire is the same in all, as its own tests show: it is proven once.
    """
    if architecture.slug not in proven:
        templates = {"": template, **variants(architecture)}
        if not proven:
            templates["expire_after_hours"] = expiring(8)
        proven[architecture.slug] = {name: Proof(each) for name, each in templates.items()}
    return proven[architecture.slug]


# The proof


def test_roles_allow_what_is_done_under_them(proofs: Mapping[str, Proof]) -> None:
    for variant, proof in proofs.items():
        assert refused(proof.policies, proof.needs) == [], variant


def test_roles_allow_nothing_else(proofs: Mapping[str, Proof]) -> None:
    for variant, proof in proofs.items():
        for role in proof.holders:
            beyond = [
                str(grant)
                for grant in unused(proof.policies.of_role(role), proof.of(role))
                if not explanation(proof, role, grant)
            ]
            assert beyond == [], (variant, role)


def explanation(proof: Proof, role: str, grant: Grant) -> tuple[str, str, str] | None:
    """Returns the row of EXPLAINED that a grant belongs to."""
    names = {re.sub("[0-9A-F]{8}$", "", role)}
    names |= {f"{proof.template.name}.{name}" for name in names}
    text = f"{grant.resource} {grant.condition}".rstrip()
    rows = (
        row
        for row in EXPLAINED
        if row[0] in names
        and row[1] == grant.action
        and (text.endswith(row[2]) or grant.resource.endswith(row[2]))
    )
    return next(rows, None)


@pytest.mark.whole_catalogue
def test_what_is_explained_is_still_there(templates: Mapping[str, Template]) -> None:
    found = {
        explanation(proof, role, grant)
        for proof in map(Proof, templates.values())
        for role in proof.policies.roles
        for grant in grants(proof.policies.of_role(role))
    }
    assert EXPLAINED.keys() <= found


def test_every_need_names_an_action_that_exists(proofs: Mapping[str, Proof]) -> None:
    for proof in proofs.values():
        assert [need for need in proof.needs if not exists(need.ask.action)] == []


def test_policies_that_aws_manages_say_the_same(proofs: Mapping[str, Proof]) -> None:
    """The needs that rest on one; what a log's own key takes is not in them."""
    for proof in proofs.values():
        for need in proof.needs:
            if need.source.startswith(MANAGED) and not need.ask.action.startswith("kms:"):
                allowed = managed_actions(need.source.removeprefix(MANAGED))
                assert need.ask.action in allowed, need


@cache
def managed_actions(name: str) -> set[str]:
    document = json.loads(aws_managed_policies_data)[name]["Document"]
    return {action for each in document["Statement"] for action in as_list(each["Action"])}


@pytest.mark.whole_catalogue
def test_devices_publish_what_their_component_does(templates: Mapping[str, Template]) -> None:
    """The component calls no API: the core software publishes for it, by the device's policy."""
    deployed = Deployed(templates["edge_deployment"])
    policy = [deployed.value(each) for _, each in device_statements(deployed.template)]
    recipe = deployed.template.only("AWS::GreengrassV2::ComponentVersion")["InlineRecipe"]
    topics = [
        topic.replace("+", "edge-deployment-1")
        for access in recipe["ComponentConfiguration"]["DefaultConfiguration"]["accessControl"][
            "aws.greengrass.ipc.mqttproxy"
        ].values()
        for topic in access["resources"]
    ]
    assert len(topics) == 3
    for topic in (*topics, "edge-deployment/other-1/results"):
        decision = decide(policy, Request("iot:Publish", arn("iot", f"topic/{topic}")))
        assert (decision is Decision.ALLOWED) == (topic in topics), topic


def test_every_role_is_in_one_class(proofs: Mapping[str, Proof]) -> None:
    for variant, proof in proofs.items():
        for role, properties in proof.template.of_type("AWS::IAM::Role"):
            kinds = {need.evidence for need in proof.of(role)}
            managed = properties.get("ManagedPolicyArns")
            without = "policies of AWS alone" if managed else "nothing at all"
            shown = next((kind for kind in Evidence if kind in kinds), without)
            found = [kind for kind, names in CLASSES.items() if proof.name(role) in names]
            assert found == [shown], (variant, role)


@pytest.mark.whole_catalogue
def test_every_class_is_of_roles_that_exist(
    architectures: list[Architecture], templates: Mapping[str, Template], variants: Variants
) -> None:
    every = [*templates.values(), *(t for a in architectures for t in variants(a).values())]
    every.append(expiring(8))
    found = {
        proof.name(role)
        for proof in map(Proof, every)
        for role, _ in proof.template.of_type("AWS::IAM::Role")
    }
    assert found == set().union(*CLASSES.values())


def test_code_that_calls_nothing() -> None:
    files = [file for folder in CALLS_NOTHING for file in (ROOT / folder).rglob("*.py")]
    assert files
    for file in files:
        assert not re.search(r"\b(boto3|botocore|aiobotocore|sagemaker_sdk)\b", file.read_text()), (
            file
        )


# That the proof can fail


def each_role(proofs: Mapping[str, Proof]) -> list[tuple[Proof, str]]:
    return [(proof, role) for proof in proofs.values() for role in proof.holders]


def test_every_grant_is_missed(proofs: Mapping[str, Proof]) -> None:
    """Without any one of its grants a role is refused what it needs: none stands in for another."""
    for proof, role in each_role(proofs):
        statements = proof.policies.of_role(role)
        needed = proof.of(role)
        single = [grant.statement for grant in grants(statements)]
        denied = [each for each in statements if each["Effect"] == "Deny"]
        for number, grant in enumerate(grants(statements)):
            if explanation(proof, role, grant):
                continue
            rest = [*single[:number], *single[number + 1 :], *denied]
            about = [need for need in needed if need.ask.action == grant.action]
            assert refused(proof.policies.with_role(role, rest), about), (role, str(grant))


ADDED: list[tuple[str, str]] = [
    ("s3:DeleteBucket", "arn:aws:s3:::any"),
    ("iam:PassRole", "arn:aws:iam::111122223333:role/any"),
    ("sagemaker:DeleteEndpoint", "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/any"),
    ("kms:DisableKey", "arn:aws:kms:eu-west-1:111122223333:key/any"),
    ("sts:GetCallerIdentity", "*"),
]


@pytest.mark.parametrize(("action", "resource"), ADDED)
def test_another_grant_is_noticed(proofs: Mapping[str, Proof], action: str, resource: str) -> None:
    more = {"Effect": "Allow", "Action": action, "Resource": resource}
    for proof, role in each_role(proofs):
        statements = [*proof.policies.of_role(role), more]
        assert action in {grant.action for grant in unused(statements, proof.of(role))}, role


@pytest.mark.whole_catalogue
@pytest.mark.parametrize(
    ("slug", "role", "action", "elsewhere"),
    [
        ("async_endpoint", "ModelRole", "s3:PutObject", "arn:aws:s3:::other/*"),
        ("byoc_image", "ImageBuildRole", "ecr:PutImage", "arn:aws:ecr:eu-west-1:1:repository/b"),
        ("step_functions_workflow", "WorkflowRole", "iam:PassRole", "arn:aws:iam::1:role/b"),
    ],
)
def test_grant_on_something_else_is_both_missed_and_noticed(
    templates: Mapping[str, Template], slug: str, role: str, action: str, elsewhere: str
) -> None:
    proof = Proof(templates[slug])
    holder = proof.policies.sample.find(role)
    moved = [
        {**grant.statement, "Resource": elsewhere} if grant.action == action else grant.statement
        for grant in grants(proof.policies.of_role(holder))
    ]
    missed = refused(proof.policies.with_role(holder, moved), proof.of(holder))
    assert {need.ask.action for need in missed} == {action}
    assert action in {grant.action for grant in unused(moved, proof.of(holder))}


@pytest.mark.whole_catalogue
def test_grant_under_another_condition_is_missed(templates: Mapping[str, Template]) -> None:
    proof = Proof(templates["realtime_endpoint"])
    role = proof.policies.sample.find("ModelRole")
    text = json.dumps(proof.policies.of_role(role)).replace('/aws/sagemaker/Endpoints"', 'other"')
    missed = refused(proof.policies.with_role(role, json.loads(text)), proof.of(role))
    assert {need.ask.action for need in missed} == {"cloudwatch:PutMetricData"}


# How calls are read


def test_unknown_call_is_no_permission(templates: Mapping[str, Template]) -> None:
    deployed = Deployed(next(iter(templates.values())))
    with pytest.raises(KeyError, match="s3:PutBucketPolicy"):
        of_call(deployed, "s3", "PutBucketPolicy", {"Bucket": "a"})


@pytest.mark.parametrize(
    ("script", "calls"),
    [
        ("aws sts get-caller-identity", [("sts", "GetCallerIdentity", {})]),
        (
            'aws ecr put-image --repository-name "$NAME" \\\n  --image-tag x > /dev/null',
            [("ecr", "PutImage", {"repositoryName": "models", "imageTag": "x"})],
        ),
        (
            'aws ecr get-login-password | docker login --username AWS "$NAME"',
            [("ecr", "GetAuthorizationToken", {})],
        ),
        ("# aws s3 rb\necho done", []),
    ],
)
def test_commands_are_read_as_calls(script: str, calls: list[Any]) -> None:
    assert list(of_shell(script, {"NAME": "models"})) == calls


def test_command_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="unpack"):
        list(of_shell("aws ecr push-image --repository-name a", {}))


def test_arns_of_needs_are_whole(proofs: Mapping[str, Proof]) -> None:
    for need in proofs[""].needs:
        if need.ask.resource != "*":
            assert parse_arn(need.ask.resource)["service"], need
        assert not re.search(r"[*<>{}]", need.ask.resource.removesuffix(":*")) or (
            need.ask.resource == "*"
        ), need
