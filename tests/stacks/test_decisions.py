"""What roles, services and outsiders may and may not do, decided by the synthesized policies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product

import pytest

from catalogue.discover import discover
from catalogue.template import Template
from study.evaluation import Context, Decision, Policies, fulfilling
from study.iam import as_list, resource_statements, statements, trust_statements
from study.permissions import object_paths, service_requests
from study.sample import ACCOUNT, OTHER_ACCOUNT, REGION
from tests.stacks.test_traits import SAYS_WHO_CALLS

TLS = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
HTTP = {"aws:SecureTransport": "false"}


def via(service: str) -> dict[str, str]:
    return {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"}


@pytest.fixture
def policies(template: Template) -> Policies:
    return Policies(template)


def keys(template: Template) -> list[str]:
    return [name for name, _ in template.of_type("AWS::KMS::Key")]


# Every architecture


def test_services_get_a_role_for_this_account_only(policies: Policies, template: Template) -> None:
    for role, service, here, elsewhere in service_requests(policies, template):
        assert here is Decision.ALLOWED, role
        # EKS hands the role to pods of the cluster whose ARN the request is tagged with.
        says_who_calls = service in SAYS_WHO_CALLS | {"pods.eks.amazonaws.com"}
        assert (elsewhere is Decision.ALLOWED) == (not says_who_calls), role


def test_nobody_else_gets_a_role(policies: Policies, template: Template) -> None:
    stranger = f"arn:aws:iam::{OTHER_ACCOUNT}:role/Stranger"
    for role, statement in trust_statements(template):
        context = {"aws:SourceAccount": ACCOUNT}
        assert policies.may_assume(role, {"AWS": stranger}, context) is Decision.NOT_ALLOWED, role
        trusted = as_list(statement["Principal"].get("Service", []))
        for service in SAYS_WHO_CALLS - set(trusted):
            decision = policies.may_assume(role, {"Service": service}, context)
            assert decision is Decision.NOT_ALLOWED, (role, service)


def test_services_use_keys_buckets_topics_and_queues_for_this_account_only(
    policies: Policies, template: Template
) -> None:
    for holder, statement in resource_statements(template):
        principal = statement["Principal"]
        services = as_list(principal.get("Service", [])) if isinstance(principal, dict) else []
        # A key's policy says "*" for the key itself; a repository's policy names no resource.
        of_itself = statement.get("Resource", "*") == "*"
        where = f"<{holder}.Arn>" if of_itself else as_list(statement["Resource"])[0]
        context = {**fulfilling(policies.sample.value(statement)), **TLS}
        foreign = {key: value.replace(ACCOUNT, OTHER_ACCOUNT) for key, value in context.items()}
        for service, action in product(services, as_list(statement["Action"])):
            asked = (policies.sample.value(service), action, where.replace("*", "sample"))
            assert policies.service_may(*asked, context) is Decision.ALLOWED, asked
            assert policies.service_may(*asked, foreign) is Decision.NOT_ALLOWED, asked


def test_nobody_decrypts_but_through_a_service(policies: Policies, template: Template) -> None:
    for role in policies.roles:
        for key in keys(template):
            decision = policies.role_may(role, "kms:Decrypt", f"<{key}.Arn>")
            assert decision is Decision.NOT_ALLOWED, role


@pytest.mark.parametrize(
    "action", ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:RevokeGrant"]
)
def test_no_role_administers_a_key(policies: Policies, template: Template, action: str) -> None:
    for role in policies.roles:
        for key in keys(template):
            assert policies.role_may(role, action, f"<{key}.Arn>") is Decision.NOT_ALLOWED, role


def test_grants_are_for_aws_services_alone(policies: Policies, template: Template) -> None:
    by_caller = {"kms:GrantIsForAWSResource": "false"}
    for role in policies.roles:
        for key in keys(template):
            for context in ({}, by_caller):
                decision = policies.role_may(role, "kms:CreateGrant", f"<{key}.Arn>", context)
                assert decision is Decision.NOT_ALLOWED, role


def test_no_object_travels_over_plain_http(policies: Policies, template: Template) -> None:
    for role in policies.roles:
        for path in object_paths(template):
            for action in ("s3:GetObject", "s3:PutObject"):
                decision = policies.role_may(role, action, path.replace("*", "a"), HTTP)
                assert decision is Decision.DENIED, (role, path)


@pytest.mark.parametrize(
    "action",
    ["iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"],
)
def test_no_role_raises_its_own_rights(policies: Policies, action: str) -> None:
    for role in policies.roles:
        for other in policies.roles:
            assert policies.role_may(role, action, f"<{other}.Arn>") is Decision.NOT_ALLOWED, role


def test_roles_are_passed_to_the_service_that_they_trust(
    policies: Policies, template: Template
) -> None:
    trusted = {
        role: as_list(statement["Principal"].get("Service", []))
        for role, statement in trust_statements(template)
    }
    for names, statement in statements(template):
        if "iam:PassRole" in as_list(statement["Action"]):
            for passed in as_list(statement["Resource"]):
                target = passed.removeprefix("<").removesuffix(".Arn>")
                for service in SAYS_WHO_CALLS | {"ec2.amazonaws.com", "lambda.amazonaws.com"}:
                    context = {"iam:PassedToService": service}
                    for role in names.split(", "):
                        decision = policies.role_may(role, "iam:PassRole", passed, context)
                        if service not in trusted[target]:
                            assert decision is Decision.NOT_ALLOWED, (role, passed, service)


def test_what_empties_a_bucket_cannot_read_or_write_it(
    policies: Policies, template: Template
) -> None:
    for name, _ in template.of_type("AWS::S3::Bucket"):
        emptier = policies.sample.find("BucketEmptierRole")
        asked = {
            action: policies.role_may(emptier, action, f"<{name}.Arn>/any", TLS)
            for action in ("s3:DeleteObject", "s3:GetObject", "s3:PutObject")
        }
        assert [a for a, d in asked.items() if d is Decision.ALLOWED] == ["s3:DeleteObject"], name


# One architecture each


@dataclass(frozen=True)
class Case:
    """Who asks for what; {Name} stands for the ARN of the resource of that name."""

    slug: str
    role: str
    action: str
    resource: str
    may: bool
    context: Context = field(default_factory=dict)


MODEL = "sagemaker:TargetModel"
CONTAINER = "sagemaker:TargetContainerHostname"
INVOKE = "sagemaker:InvokeEndpoint"
ENDPOINT = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/"
STAGING = f"{ENDPOINT}cicd-pipeline-staging"
STACKS = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/"
JOBS = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/"
PASSED = "iam:PassedToService"

CASES = [
    # A tenant invokes the own models, and no others.
    Case("multi_model_endpoint", "Callersnorth", INVOKE, "{Endpoint}", True, {MODEL: "north/1"}),
    Case("multi_model_endpoint", "Callersnorth", INVOKE, "{Endpoint}", False, {MODEL: "south/1"}),
    Case("multi_model_endpoint", "Callersnorth", INVOKE, "{Endpoint}", False, {MODEL: "northern"}),
    Case("multi_model_endpoint", "Callersnorth", INVOKE, "{Endpoint}", False),
    Case("multi_model_endpoint", "Callersnorth", INVOKE, f"{ENDPOINT}x", False, {MODEL: "north/1"}),
    Case("multi_model_endpoint", "ModelRole", "s3:GetObject", "{Models}/tenants/a", True, TLS),
    Case("multi_model_endpoint", "ModelRole", "s3:GetObject", "{Models}/other/a", False, TLS),
    Case("multi_model_endpoint", "ModelRole", "s3:PutObject", "{Models}/tenants/a", False, TLS),
    Case(
        "multi_model_endpoint",
        "ModelRole",
        "s3:ListBucket",
        "{Models}",
        True,
        {**TLS, "s3:prefix": "tenants/north"},
    ),
    Case("multi_model_endpoint", "ModelRole", "s3:ListBucket", "{Models}", False, TLS),
    Case(
        "multi_container_endpoint",
        "Callersonnx",
        INVOKE,
        "{Endpoint}",
        True,
        {CONTAINER: "onnx"},
    ),
    Case(
        "multi_container_endpoint",
        "Callersonnx",
        INVOKE,
        "{Endpoint}",
        False,
        {CONTAINER: "xgboost"},
    ),
    # Input is read, output is written, and neither the other way round.
    Case("async_endpoint", "ModelRole", "s3:GetObject", "{Payloads}/input/a", True, TLS),
    Case("async_endpoint", "ModelRole", "s3:PutObject", "{Payloads}/input/a", False, TLS),
    Case("async_endpoint", "ModelRole", "s3:PutObject", "{Payloads}/output/a", True, TLS),
    Case("async_endpoint", "ModelRole", "s3:GetObject", "{Payloads}/output/a", False, TLS),
    Case("async_endpoint", "ModelRole", "sns:Publish", "{Answered}", True, TLS),
    Case("async_endpoint", "ModelRole", "sns:Publish", "{AlarmsTopic}", False, TLS),
    Case("async_endpoint", "ModelRole", "kms:Decrypt", "{Key}", True, via("s3")),
    Case("async_endpoint", "ModelRole", "kms:Decrypt", "{Key}", False, via("sqs")),
    Case("batch_transform", "ModelRole", "s3:GetObject", "{Rows}/input/a", True, TLS),
    Case("batch_transform", "ModelRole", "s3:PutObject", "{Rows}/input/a", False, TLS),
    Case("batch_transform", "ModelRole", "s3:PutObject", "{Rows}/output/a", True, TLS),
    # Devices leave results, and read none.
    Case("edge_deployment", "RulesRole", "s3:PutObject", "{Results}/results/a", True, TLS),
    Case("edge_deployment", "RulesRole", "s3:GetObject", "{Results}/results/a", False, TLS),
    Case("edge_deployment", "FleetRole", "s3:GetObject", "{Results}/results/a", False, TLS),
    # A workflow starts its own jobs, under the one role that is for them.
    Case(
        "step_functions_workflow",
        "WorkflowRole",
        "sagemaker:CreateTrainingJob",
        f"{JOBS}workflow-1",
        True,
    ),
    Case(
        "step_functions_workflow",
        "WorkflowRole",
        "sagemaker:CreateTrainingJob",
        f"{JOBS}other-1",
        False,
    ),
    Case(
        "step_functions_workflow",
        "WorkflowRole",
        "iam:PassRole",
        "{WorkspaceRole}",
        True,
        {PASSED: "sagemaker.amazonaws.com"},
    ),
    Case(
        "step_functions_workflow",
        "WorkflowRole",
        "iam:PassRole",
        "{WorkflowRole}",
        False,
        {PASSED: "sagemaker.amazonaws.com"},
    ),
    Case(
        "step_functions_workflow",
        "WorkspaceRole",
        "s3:PutObject",
        "{WorkspaceBucket}/raw/a",
        False,
        TLS,
    ),
    # Staging does not touch production, and who builds does not deploy.
    Case(
        "cicd_pipeline",
        "DeliveryStagingRole",
        "cloudformation:UpdateStack",
        f"{STACKS}cicd-pipeline-staging/1",
        True,
    ),
    Case(
        "cicd_pipeline",
        "DeliveryStagingRole",
        "cloudformation:UpdateStack",
        f"{STACKS}cicd-pipeline-production/1",
        False,
    ),
    Case(
        "cicd_pipeline",
        "DeliveryStagingRole",
        "iam:PassRole",
        "{ProductionDeploymentRole}",
        False,
        {PASSED: "cloudformation.amazonaws.com"},
    ),
    Case(
        "cicd_pipeline",
        "DeliveryBuildRole",
        "cloudformation:UpdateStack",
        f"{STACKS}cicd-pipeline-staging/1",
        False,
    ),
    Case(
        "cicd_pipeline",
        "VerificationBuildRole",
        "s3:GetObject",
        "{Artifacts}/Delivery-a/Source/a",
        False,
        TLS,
    ),
    Case(
        "cicd_pipeline",
        "DeliveryBuildRole",
        "s3:PutObject",
        "{Artifacts}/Delivery-a/Source/a",
        False,
        TLS,
    ),
    Case(
        "cicd_pipeline", "StagingDeploymentRole", INVOKE, f"{ENDPOINT}cicd-pipeline-staging", False
    ),
    Case("cicd_pipeline", "IntegrationTestRole", INVOKE, f"{ENDPOINT}cicd-pipeline-staging", True),
    # The canary moves the alias and does not call it.
    Case("lambda_serving", "CanaryRole", "lambda:UpdateAlias", "{Function}", True),
    Case("lambda_serving", "CanaryRole", "lambda:InvokeFunction", "{Function}:live", False),
    Case("lambda_serving", "CanaryRole", "lambda:UpdateFunctionCode", "{Function}", False),
    # A certificate of another stack is not this stack's to delete.
    Case(
        "ecs_serving",
        "CertificateMakerRole",
        "acm:DeleteCertificate",
        f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/a",
        True,
        {"aws:ResourceTag/stack": "ecs-serving"},
    ),
    Case(
        "ecs_serving",
        "CertificateMakerRole",
        "acm:DeleteCertificate",
        f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/a",
        False,
        {"aws:ResourceTag/stack": "other"},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.slug}-{c.role}-{c.action}-{c.may}")
def test_decision(case: Case, templates: Mapping[str, Template]) -> None:
    if case.slug not in templates:
        pytest.skip("needs more of the catalogue")
    policies = Policies(templates[case.slug])

    def arn(found: re.Match[str]) -> str:
        return policies.sample.arn(policies.sample.find(found[1]))

    resource = re.sub(r"\{(\w+)\}", arn, case.resource)
    role = policies.sample.find(case.role)
    decision = policies.role_may(role, case.action, resource, case.context)
    assert (decision is Decision.ALLOWED) is case.may, decision


def test_cases_are_of_the_catalogue() -> None:
    assert {case.slug for case in CASES} <= discover().keys()
