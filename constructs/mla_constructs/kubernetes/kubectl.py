"""What CDK's own kubectl functions need to be fit for an audit."""

from __future__ import annotations

from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from mla_constructs.security.findings import acknowledge, acknowledge_wildcard

_REASONS = {
    "Serverless-LambdaDLQ": "CloudFormation waits for the answer and reports a failed or missing "
    "one as a failed deployment; nobody would replay the event from a queue.",
    "Serverless-LambdaTracing": "It runs only while the stack is deployed or deleted: its log has "
    "every step, and tracing would add a permission on all resources.",
}

_POLICIES = {
    "service-role/AWSLambdaBasicExecutionRole": "CDK's function logs under it, to the log group "
    "that stands beside it.",
    "service-role/AWSLambdaVPCAccessExecutionRole": "The endpoint is private: the function needs a "
    "network interface in the VPC, and this is what Lambda documents for it.",
    "AmazonEC2ContainerRegistryReadOnly": "CDK adds it for charts in ECR. It reads images, as the "
    "nodes do, and nothing else.",
}


def tidy(cluster: eks.Cluster) -> None:
    """Gives CDK's functions an end to their logs, and says why the rest of them may stay.

    CDK brings two: the handler that runs kubectl, and the framework that answers CloudFormation.
    Their code, their roles and their managed policies are CDK's own.

    Args:
        cluster: A cluster with a kubectl provider.
    """
    provider = cluster.node.find_child("KubectlProvider")
    for construct in provider.node.find_all():
        if isinstance(construct, logs.CfnLogGroup):
            construct.retention_in_days = 30
        if isinstance(construct, lambda_.Function):
            for rule, reason in _REASONS.items():
                acknowledge(construct, rule, reason)
            role = construct.role
            assert role  # noqa: S101 - CDK made one
            for policy, reason in _POLICIES.items():
                acknowledge(
                    role,
                    f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{policy}]",
                    reason,
                )
