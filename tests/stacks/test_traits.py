"""What every architecture of the catalogue has to be; a new folder is tested without a new file."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from catalogue.compliance import WAIVED, WAIVED_PACKS
from catalogue.discover import Architecture, discover
from catalogue.exam import TASKS
from catalogue.model import Fact, InTemplate, Source, Sourced
from catalogue.template import Template
from study.iam import as_list, statements
from study.validation import acknowledgements, findings

Resources = dict[str, dict[str, Any]]

SAYS_WHO_CALLS = {
    "airflow-serverless.amazonaws.com",
    "codebuild.amazonaws.com",
    "credentials.iot.amazonaws.com",
    "ecs-tasks.amazonaws.com",
    "eks.amazonaws.com",
    "events.amazonaws.com",
    "iot.amazonaws.com",
    "sagemaker.amazonaws.com",
    "scheduler.amazonaws.com",
    "states.amazonaws.com",
    "vpc-flow-logs.amazonaws.com",
}
"""Services whose role can be limited to calls on behalf of this account."""

ASKED_FOR = {
    # https://docs.aws.amazon.com/eks/latest/userguide/auto-cluster-iam-role.html
    "eks.amazonaws.com": {
        "AmazonEKSBlockStoragePolicyV2",
        "AmazonEKSClusterPolicy",
        "AmazonEKSComputePolicy",
        "AmazonEKSLoadBalancingPolicy",
        "AmazonEKSNetworkingPolicy",
    },
    # https://docs.aws.amazon.com/eks/latest/userguide/auto-create-node-role.html
    "ec2.amazonaws.com": {
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonEKSWorkerNodeMinimalPolicy",
    },
    # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
    "lambda.amazonaws.com": {"service-role/AWSLambdaVPCAccessExecutionRole"},
}
"""Managed policies that AWS documents for the role of a service."""

VENDED = {
    # The framework of CDK's kubectl provider: CDK makes the role and lets nobody replace it.
    "KubectlProviderframeworkonEventServiceRole": {"service-role/AWSLambdaBasicExecutionRole"},
}
"""What CDK attaches to a role of its own -> managed policies that stay."""

CDK_ACKNOWLEDGES = {"CloudFormation-Validate::W3010"}
"""What CDK acknowledges itself on a stack with a VPC: its zones are taken from the Region."""


def of_type(resources: Resources, resource_type: str) -> Resources:
    return {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"] == resource_type
    }


# Gates


def test_gates_find_nothing(architecture: Architecture, assembly: Path) -> None:
    found = [
        finding
        for finding in findings(assembly)
        if finding.stack == architecture.stack_id and finding.pack not in WAIVED_PACKS
    ]
    assert found == []


def test_compliance_packs_find_only_what_is_waived(
    architecture: Architecture, assembly: Path
) -> None:
    found = {f.rule for f in findings(assembly) if f.stack == architecture.stack_id}
    assert found <= WAIVED.keys()


@pytest.mark.whole_catalogue
def test_every_waived_rule_still_finds_something(assembly: Path) -> None:
    found = findings(assembly)
    assert {f.pack for f in found} == set(WAIVED_PACKS), "the packs did not run"
    assert {f.rule for f in found} == WAIVED.keys()


def test_acknowledgements_are_granular_and_reasoned(
    architecture: Architecture, assembly: Path
) -> None:
    for item in acknowledgements(assembly, architecture.stack_id):
        if item.rule in CDK_ACKNOWLEDGES:
            continue
        assert item.construct != architecture.stack_id, f"{item.rule} covers the whole stack"
        assert len(item.reason) > 30, item
        if "IAM5" in item.rule:
            assert re.search(r"IAM5\[(Resource|Action)::.+\]", item.rule), item


# Facts


def _facts(architecture: Architecture) -> list[Fact]:
    facts = architecture.facts
    return [*facts.choose_when, *facts.comparison.values(), *facts.billing]


def _sources(architecture: Architecture) -> list[Source]:
    facts = architecture.facts
    return [
        facts.availability.source,
        *(limit.source for limit in facts.limits),
        *(fact.source for fact in _facts(architecture) if isinstance(fact, Sourced)),
    ]


def test_sources_are_addresses_with_a_date(architecture: Architecture) -> None:
    for source in _sources(architecture):
        assert re.fullmatch(r"https://[a-z.-]+/[\w./#-]+", source.url), source
        assert date(2026, 1, 1) <= source.read <= date.today(), source


def test_facts_name_only_what_exists(architecture: Architecture) -> None:
    facts, known = architecture.facts, discover().keys()
    named = {*facts.rather_than, *facts.related}
    if facts.availability.replaced_by:
        named.add(facts.availability.replaced_by)
    assert named <= known - {architecture.slug}
    assert set(facts.tasks) <= TASKS.keys()
    assert str(architecture.domain.number) in {task[0] for task in facts.tasks}


def test_facts_of_a_question_can_be_laid_side_by_side(architecture: Architecture) -> None:
    facts = architecture.facts
    group = {s: a for s, a in discover().items() if a.facts.question == facts.question}
    for slug, other in group.items():
        assert list(other.facts.comparison) == list(facts.comparison), slug
        told = slug in facts.rather_than or architecture.slug in other.facts.rather_than
        assert told or slug == architecture.slug, f"neither says when to choose it over {slug}"


def test_template_states_what_the_facts_read_from_it(
    architecture: Architecture, template: Template
) -> None:
    for name, fact in architecture.facts.comparison.items():
        assert template.text(fact), name
    for limit in architecture.facts.limits:
        if limit.setting:
            assert template.values(limit.setting), limit.name


def test_template_respects_the_limits(architecture: Architecture, template: Template) -> None:
    violations = [
        violation
        for limit in architecture.facts.limits
        if limit.setting
        for value in template.values(limit.setting)
        if (violation := limit.violation(value))
    ]
    assert violations == []


def test_a_setting_without_bounds_would_check_nothing(architecture: Architecture) -> None:
    for limit in architecture.facts.limits:
        if limit.setting:
            assert (limit.minimum, limit.maximum) != (None, None), limit.name


def test_absent_facts_are_absent(architecture: Architecture, template: Template) -> None:
    for name, fact in architecture.facts.comparison.items():
        if isinstance(fact, InTemplate) and fact.absent:
            assert template.values(fact) == [], f"{name} is there: drop `absent`"


# Identity


def test_no_action_is_a_wildcard(template: Template) -> None:
    for role, statement in statements(template):
        assert not [action for action in as_list(statement["Action"]) if "*" in action], role


def test_roles_are_assumed_for_this_account_only(resources: Resources) -> None:
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        for statement in role["AssumeRolePolicyDocument"]["Statement"]:
            if statement["Principal"].get("Service") in SAYS_WHO_CALLS:
                condition = statement["Condition"]
                assert condition["StringEquals"]["aws:SourceAccount"] == "<AWS::AccountId>", name
                assert any("aws:SourceArn" in keys for keys in condition.values()), name


def test_managed_policies_are_those_that_aws_documents(resources: Resources) -> None:
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        allowed = ASKED_FOR.get(statement["Principal"].get("Service", ""), set()).union(
            *(policies for vended, policies in VENDED.items() if vended in name)
        )
        prefix = "arn:<AWS::Partition>:iam::aws:policy/"
        for policy in role.get("ManagedPolicyArns", []):
            assert policy.removeprefix(prefix) in allowed, f"{name}: {policy}"


# Data


def test_buckets_are_private_encrypted_versioned_logged_and_expire(resources: Resources) -> None:
    buckets = of_type(resources, "AWS::S3::Bucket")
    targets = {
        bucket["LoggingConfiguration"]["DestinationBucketName"].strip("<>")
        for bucket in buckets.values()
        if "LoggingConfiguration" in bucket
    }
    # Access logs of S3 and of load balancers are delivered under SSE-S3 only.
    without_key = targets | {
        attribute["Value"].strip("<>")
        for balancer in of_type(resources, "AWS::ElasticLoadBalancingV2::LoadBalancer").values()
        for attribute in balancer["LoadBalancerAttributes"]
        if attribute["Key"] == "access_logs.s3.bucket"
    }
    for name, bucket in buckets.items():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}, name
        assert bucket["VersioningConfiguration"]["Status"] == "Enabled", name
        assert bucket["LifecycleConfiguration"]["Rules"], name
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        algorithm = rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"]
        assert algorithm == ("AES256" if name in without_key else "aws:kms"), name
        assert (name in targets) != ("LoggingConfiguration" in bucket), name


def test_bucket_and_topic_policies_deny_plain_http(resources: Resources) -> None:
    for stores, policies, key in (
        ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "Bucket"),
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "Topics"),
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "Queues"),
    ):
        protected = {
            name.strip("<>")
            for policy in of_type(resources, policies).values()
            for statement in policy["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Deny"
            and statement["Condition"].get("Bool") == {"aws:SecureTransport": "false"}
            for name in as_list(policy[key])
        }
        assert protected == of_type(resources, stores).keys(), stores


def test_keys_rotate_and_topics_are_encrypted(resources: Resources) -> None:
    for name, key in of_type(resources, "AWS::KMS::Key").items():
        assert key["EnableKeyRotation"] is True, name
    for name, topic in of_type(resources, "AWS::SNS::Topic").items():
        assert topic["KmsMasterKeyId"], name


def test_nothing_stays_behind(resources: Resources) -> None:
    stays = [n for n, r in resources.items() if r.get("DeletionPolicy", "Delete") != "Delete"]
    assert stays == []
    for name, group in of_type(resources, "AWS::Logs::LogGroup").items():
        assert group["RetentionInDays"] <= 30, name
        assert resources[name]["DeletionPolicy"] == "Delete", name


def test_nobody_can_write_to_a_bucket_that_has_been_emptied(resources: Resources) -> None:
    """Deletion goes against the dependencies: permission first, then the emptying."""
    emptied_by = {
        resource["Properties"]["BucketName"].strip("<>"): name
        for name, resource in resources.items()
        if resource["Type"] == "Custom::EmptyBucket"
    }
    assert emptied_by.keys() == of_type(resources, "AWS::S3::Bucket").keys()
    for name, policy in of_type(resources, "AWS::IAM::Policy").items():
        for statement in policy["PolicyDocument"]["Statement"]:
            if "s3:PutObject" in as_list(statement["Action"]):
                for resource in as_list(statement["Resource"]):
                    bucket = resource.removeprefix("<").split(".")[0]
                    assert emptied_by[bucket] in resources[name]["DependsOn"], (name, bucket)
    for name, policy in of_type(resources, "AWS::S3::BucketPolicy").items():
        assert emptied_by[policy["Bucket"].strip("<>")] in resources[name]["DependsOn"], name


# Operation


def test_what_has_to_be_replaced_has_no_name(resources: Resources) -> None:
    for resource_type, name in (
        ("AWS::SageMaker::Model", "ModelName"),
        ("AWS::SageMaker::EndpointConfig", "EndpointConfigName"),
        ("AWS::S3::Bucket", "BucketName"),
        ("AWS::IAM::Role", "RoleName"),
    ):
        for logical_id, properties in of_type(resources, resource_type).items():
            assert name not in properties, logical_id


def test_variants_name_a_model_or_leave_their_instances_to_sagemaker(resources: Resources) -> None:
    """Never both: SageMaker rejects managed instance scaling beside a model."""
    for name, config in of_type(resources, "AWS::SageMaker::EndpointConfig").items():
        for variant in config["ProductionVariants"]:
            assert ("ModelName" in variant) != ("ManagedInstanceScaling" in variant), name
            assert "ModelName" in variant or config["ExecutionRoleArn"], name


def test_alarms_tell_somebody_what_to_do(resources: Resources) -> None:
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    assert alarms
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"], name
        assert len(alarm["AlarmDescription"]) > 30, name


def test_client_finds_the_alarm_topic_among_the_outputs(template: Template) -> None:
    outputs = template.document["Outputs"]
    assert "AlarmTopicArn" in outputs
    assert all(output["Description"] for output in outputs.values())


def test_resources_are_tagged(architecture: Architecture, resources: Resources) -> None:
    for resource_type in ("AWS::SageMaker::Model", "AWS::KMS::Key", "AWS::S3::Bucket"):
        for name, properties in of_type(resources, resource_type).items():
            tags = {tag["Key"]: tag["Value"] for tag in properties["Tags"]}
            assert tags["project"] == "mla-reference-architectures", name
            assert tags["architecture"] == architecture.stack_id, name


def test_template_fits_any_account_and_region(template: Template) -> None:
    kept = {k: v for k, v in template.document.items() if k != "Mappings"}
    text = str(kept)
    assert not re.search(r"\b\d{12}\b", text), "an account number"
    assert not re.search(r"\b(us|eu|ap|sa|ca|af|me|il)-[a-z]+-\d\b", text), "a region"


@pytest.mark.parametrize("name", ["stack.py", "facts.py", "__init__.py"])
def test_folder_is_complete(architecture: Architecture, name: str) -> None:
    assert (architecture.folder / name).is_file()
