"""What other services do under roles they are handed: triggers, networks, devices, clusters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from study.sample import REGION
from tests.support.needs.calls import of_call, operation_of, signed_as
from tests.support.needs.deployed import MANAGED, Ask, Deployed, Evidence, Need, arn, place
from tests.support.needs.jobs import ROLES, job, measuring, pulling

LAMBDA_CANARY = MANAGED + "AWSCodeDeployRoleForLambdaLimited"
FLOW_LOGS = "https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html"
TASKS = MANAGED + "AmazonECSTaskExecutionRolePolicy"
RULES = "https://docs.aws.amazon.com/iot/latest/developerguide/iot-rule-actions.html"
DEVICES = "https://docs.aws.amazon.com/greengrass/v2/developerguide/device-auth.html"
AGENT = MANAGED + "CloudWatchAgentServerPolicy"
KUBECTL = "aws-cdk-lib: aws_eks_v2, KubectlProvider"
FRAMEWORK = "aws-cdk-lib: custom_resources, Provider"
RULE_TARGETS = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-iam-roles.html"
SCHEDULES = "https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html"
INVOKE = "https://docs.aws.amazon.com/sagemaker/latest/dg/api-permissions-reference.html"


def rules(deployed: Deployed) -> Iterator[Need]:
    """Yields what the targets of EventBridge rules take."""
    for name, rule in deployed.template.of_type("AWS::Events::Rule"):
        for target in rule["Targets"]:
            if "RoleArn" in target:
                for ask in _started(deployed, deployed.value(target["Arn"])):
                    role = deployed.role(target["RoleArn"])
                    yield Need(role, ask, Evidence.DOCUMENT, f"{name}: Targets, {RULE_TARGETS}")


def _started(deployed: Deployed, target: str) -> list[Ask]:
    service = target.split(":")[2]
    if service == "sns":
        return deployed.publish(target)
    action = {"states": "StartExecution", "codepipeline": "StartPipelineExecution"}[service]
    return [Ask(f"{service}:{action}", target)]


def schedules(deployed: Deployed) -> Iterator[Need]:
    """Yields what the targets of schedules take, and the jobs that they create."""
    for name, schedule in deployed.template.of_type("AWS::Scheduler::Schedule"):
        target = deployed.value(schedule["Target"])
        role = deployed.role(target["RoleArn"])
        page = f"{name}: Target, {SCHEDULES}"
        if queue := target.get("DeadLetterConfig", {}).get("Arn"):
            ask = Ask("sqs:SendMessage", queue)
            yield Need(role, ask, Evidence.DOCUMENT, page)
        if ":aws-sdk:" not in target["Arn"]:
            for ask in _started(deployed, target["Arn"]):
                yield Need(role, ask, Evidence.DOCUMENT, page)
            continue
        service, operation = target["Arn"].split(":")[-2:]
        given = json.loads(target["Input"].replace("<aws.scheduler.execution-id>", "a1b2"))
        operation = operation_of(service, operation)
        for ask in of_call(deployed, signed_as(service), operation, given):
            yield Need(role, ask, Evidence.DOCUMENT, page)
        if operation == "CreateTrainingJob":
            for ask in job(deployed, "Training", given):
                yield Need(deployed.role(given["RoleArn"]), ask, Evidence.SERVICE, ROLES)


def canaries(deployed: Deployed) -> Iterator[Need]:
    """Yields what CodeDeploy does to move an alias, and to see the alarms."""
    for _, group in deployed.template.of_type("AWS::CodeDeploy::DeploymentGroup"):
        role = deployed.role(group["ServiceRoleArn"])
        for alarm in deployed.value(group["AlarmConfiguration"]["Alarms"]):
            ask = Ask("cloudwatch:DescribeAlarms", arn("cloudwatch", f"alarm:{alarm['Name']}"))
            yield Need(role, ask, Evidence.SERVICE, LAMBDA_CANARY)
        for _, alias in deployed.template.of_type("AWS::Lambda::Alias"):
            function = arn("lambda", f"function:{deployed.value(alias['FunctionName'])}")
            for action, resource in (
                ("GetAlias", function),
                ("UpdateAlias", function),
                ("GetProvisionedConcurrencyConfig", f"{function}:{alias['Name']}"),
            ):
                ask = Ask(f"lambda:{action}", resource)
                yield Need(role, ask, Evidence.SERVICE, LAMBDA_CANARY)


def flow_logs(deployed: Deployed) -> Iterator[Need]:
    """Yields what publishing a network's flow logs takes."""
    for _, flow in deployed.template.of_type("AWS::EC2::FlowLog"):
        role = deployed.role(flow["DeliverLogsPermissionArn"])
        group = deployed.value(flow["LogGroupName"])
        for ask in (
            Ask("logs:DescribeLogGroups", "*"),
            *deployed.log(
                group, "CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents"
            ),
        ):
            yield Need(role, ask, Evidence.SERVICE, FLOW_LOGS)


def tasks(deployed: Deployed) -> Iterator[Need]:
    """Yields what ECS does to start a task and to log what it says."""
    for _, task in deployed.template.of_type("AWS::ECS::TaskDefinition"):
        role = deployed.role(task["ExecutionRoleArn"])
        for container in deployed.value(task["ContainerDefinitions"]):
            group = container["LogConfiguration"]["Options"]["awslogs-group"]
            for ask in (
                *pulling(container["Image"]),
                *deployed.log(group, "CreateLogStream", "PutLogEvents"),
            ):
                yield Need(role, ask, Evidence.SERVICE, TASKS)


def topic_rules(deployed: Deployed) -> Iterator[Need]:
    """Yields what the actions of AWS IoT's rules take."""
    for name, rule in deployed.template.of_type("AWS::IoT::TopicRule"):
        payload = rule["TopicRulePayload"]
        for action in [*payload["Actions"], payload["ErrorAction"]]:
            ((kind, raw),) = action.items()
            given = deployed.value(raw)
            for ask in _rule_action(deployed, kind, given):
                yield Need(
                    deployed.role(raw["RoleArn"]), ask, Evidence.DOCUMENT, f"{name}: {RULES}"
                )


def _rule_action(deployed: Deployed, kind: str, given: dict[str, Any]) -> list[Ask]:
    if kind == "S3":
        # A message has 128 KB at most: one request writes it.
        return deployed.put(given["BucketName"], f"{given['Key'].split('/')[0]}/sample.json")
    if kind == "CloudwatchMetric":
        return [measuring(given["MetricNamespace"])]
    if kind == "CloudwatchLogs":
        return deployed.log(
            given["LogGroupName"], "CreateLogStream", "DescribeLogStreams", "PutLogEvents"
        )
    raise ValueError(f"rule action {kind} is not known here")


def devices(deployed: Deployed) -> Iterator[Need]:
    """Yields what core devices fetch: the artifacts that recipes name."""
    roles = [
        deployed.role(p["RoleArn"]) for _, p in deployed.template.of_type("AWS::IoT::RoleAlias")
    ]
    for name, component in deployed.template.of_type("AWS::GreengrassV2::ComponentVersion"):
        for manifest in deployed.value(component["InlineRecipe"])["Manifests"]:
            for artifact in manifest["Artifacts"]:
                bucket, key = place(artifact["Uri"])
                for role in roles:
                    for ask in (
                        *deployed.read(bucket, key),
                        Ask("s3:GetBucketLocation", f"arn:aws:s3:::{bucket}"),
                    ):
                        yield Need(role, ask, Evidence.DOCUMENT, f"{name}: recipe, {DEVICES}")


def clusters(deployed: Deployed) -> Iterator[Need]:
    """Yields what EKS's add-on for CloudWatch and CDK's own functions for kubectl do."""
    for _, cluster in deployed.template.of_type("AWS::EKS::Cluster"):
        own = arn("eks", f"cluster/{deployed.value(cluster['Name'])}")
        for name, function in deployed.template.of_type("AWS::Lambda::Function"):
            role = deployed.role(function["Role"])
            if "KubectlProviderHandler" in name:
                yield Need(role, Ask("eks:DescribeCluster", own), Evidence.SERVICE, KUBECTL)
                handler = deployed.sample.arn(name)
        for name, function in deployed.template.of_type("AWS::Lambda::Function"):
            if "KubectlProviderframework" in name:
                role = deployed.role(function["Role"])
                for action, resource in (
                    ("InvokeFunction", handler),
                    ("InvokeFunction", f"{handler}:1"),
                    ("GetFunction", handler),
                ):
                    ask = Ask(f"lambda:{action}", resource)
                    yield Need(role, ask, Evidence.SERVICE, FRAMEWORK)
        for _, addon in deployed.template.of_type("AWS::EKS::Addon"):
            for association in addon.get("PodIdentityAssociations", []):
                role = deployed.role(association["RoleArn"])
                for ask in _agent(deployed, deployed.value(cluster["Name"])):
                    yield Need(role, ask, Evidence.SERVICE, AGENT)


def _agent(deployed: Deployed, cluster: str) -> Iterator[Ask]:
    yield measuring("ContainerInsights")
    for action in ("ec2:DescribeTags", "ec2:DescribeVolumes"):
        yield Ask(action, "*", {"ec2:Region": REGION})
    yield Ask("logs:DescribeLogGroups", "*")
    for kind in ("application", "dataplane", "host", "performance"):
        yield from deployed.log(
            f"/aws/containerinsights/{cluster}/{kind}",
            "CreateLogGroup",
            "CreateLogStream",
            "DescribeLogStreams",
            "PutLogEvents",
        )


def callers(deployed: Deployed) -> Iterator[Need]:
    """Yields what those who ask an endpoint do with the policies that are there for them."""
    for name, policy in deployed.template.of_type("AWS::IAM::ManagedPolicy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Action"] == "sagemaker:InvokeEndpoint":
                context = {
                    key: value.replace("*", "1.tar.gz")
                    for keys in statement.get("Condition", {}).values()
                    for key, value in keys.items()
                }
                ask = Ask(
                    "sagemaker:InvokeEndpoint", deployed.value(statement["Resource"]), context
                )
                yield Need(name, ask, Evidence.DOCUMENT, INVOKE)
