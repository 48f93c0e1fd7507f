"""The functions that CDK brings to run kubectl, made fit for an audit."""

from __future__ import annotations

from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from mla_constructs.security.findings import (
    acknowledge,
    acknowledge_managed_policy,
    acknowledge_wildcard,
    add_managed_policy,
)

IN_VPC = "service-role/AWSLambdaVPCAccessExecutionRole"
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html"""

_ANSWERED = (
    "CloudFormation waits for the answer and reports a failed or missing one as a failed "
    "deployment; nobody would replay the event from a queue."
)
_SHORT_LIVED = (
    "It runs only while the stack is deployed or deleted: its log has every step, and tracing "
    "would add a permission on all resources."
)
_CDK_CHOOSES = "CDK chooses the runtime together with the code and the layers that run on it."
_INTERFACE = (
    "The cluster's endpoint is private: the function needs a network interface in the VPC, and "
    "this is the policy that Lambda documents for it."
)


def kubectl_role(scope: Construct, cluster_arn: str) -> iam.IRole:
    """Returns the role that runs kubectl: describes the cluster, and is its administrator.

    CDK would also let it read every image in ECR, for charts that nobody uses here.

    Args:
        scope: Parent construct.
        cluster_arn: The cluster.
    """
    describe = iam.PolicyStatement(actions=["eks:DescribeCluster"], resources=[cluster_arn])
    role = iam.Role(
        scope,
        "KubectlRole",
        description="Applies manifests to the cluster",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        inline_policies={"Describe": iam.PolicyDocument(statements=[describe])},
    )
    add_managed_policy(role, IN_VPC, _INTERFACE)
    return role.without_policy_updates()


def tidy(cluster: eks.Cluster) -> None:
    """Gives CDK's functions an end to their logs, and says why the rest of them may stay.

    There are two: the handler runs kubectl, the framework calls it and answers CloudFormation.

    Args:
        cluster: A cluster with a kubectl provider, whose handler has the role made here.
    """
    provider = cluster.node.find_child("KubectlProvider")
    for construct in provider.node.find_all():
        if isinstance(construct, logs.CfnLogGroup):
            construct.retention_in_days = 30
        if isinstance(construct, lambda_.CfnFunction) and construct.memory_size is None:
            construct.memory_size = 128
        if isinstance(construct, lambda_.Function):
            acknowledge(construct, "Serverless-LambdaDLQ", _ANSWERED)
            acknowledge(construct, "Serverless-LambdaTracing", _SHORT_LIVED)
            acknowledge(construct, "Serverless-LambdaLatestVersion", _CDK_CHOOSES)
            acknowledge(construct, "AwsSolutions-L1", _CDK_CHOOSES)
    handler = provider.node.find_child("Handler")
    framework = provider.node.find_child("Provider").node.find_child("framework-onEvent")
    assert isinstance(handler, lambda_.Function)  # noqa: S101 - CDK's own
    role = framework.node.find_child("ServiceRole")
    acknowledge_managed_policy(role, IN_VPC, _INTERFACE)
    acknowledge_managed_policy(
        role,
        "service-role/AWSLambdaBasicExecutionRole",
        "CDK makes this role, and the function logs under it.",
    )
    acknowledge_wildcard(
        role,
        f"{handler.function_arn}:*",
        "CDK allows the framework every version of the one function that it calls.",
    )
