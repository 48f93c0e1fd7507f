"""Lambda: client -> Invoke on an alias -> 2 to 8 environments kept warm, more on demand."""

from __future__ import annotations

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from mla_constructs.containers.built_image import BuiltImage
from mla_constructs.containers.image_function import ImageFunction
from mla_constructs.delivery.alias_canary import AliasCanary
from mla_constructs.delivery.build_project import Architecture
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.security.data_key import DataKey
from runtime import containers
from stacks.deployment.lambda_serving.facts import FACTS
from stacks.reference_stack import ReferenceStack

KEPT = logs.RetentionDays.ONE_MONTH
MINUTE = Duration.minutes(1)


class LambdaServingStack(ReferenceStack):
    """Answers a signed call from as many environments as there are requests at a time."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        alarms = AlarmTopic(self, "Alarms", key=key)

        # The container of the other platforms, started without its server. A zip would have to
        # hold ONNX Runtime for Lambda's processor, built before synthesis.
        architecture: Architecture = "arm64"  # a GB-second costs a fifth less than on x86_64
        image = BuiltImage(
            self,
            "Image",
            folder=containers.CONTEXT,
            dockerfile=containers.INFERENCE,
            architecture=architecture,
            key=key,
            log_retention=KEPT,
            removal_policy=self.data_removal,
        )
        function = ImageFunction(
            self,
            "Function",
            description="Scores rows with the model in its image",
            image=image,
            entry_point=["/usr/local/bin/python", "-m", "awslambdaric"],
            command=["inference.lambda_handler.handler"],
            architecture=architecture,
            # One vCPU; with less memory comes less CPU, with more a second one that scoring of a
            # few rows does not use.
            memory_size=1769,
            # 10,000 rows take a tenth of a second; a time-out cuts off what hangs, not what works.
            timeout=Duration.seconds(15),
            # No reserved concurrency: it would cap this function and take from all others.
            key=key,
            log_retention=KEPT,
            removal_policy=self.data_removal,
        )

        # Callers name the alias, never a version. It has no function URL: that is reached through
        # the public internet only, while Invoke takes a VPC endpoint as well.
        warm = self.option("concurrency") == "provisioned"
        alias = lambda_.Alias(
            self,
            "Live",
            alias_name="live",
            version=function.current_version,
            # Billed around the clock; without it a pause ends with a cold start.
            provisioned_concurrent_executions=2 if warm else None,
        )
        if warm:
            alias.add_auto_scaling(min_capacity=2, max_capacity=8).scale_on_utilization(
                utilization_target=0.7,  # a ratio; an environment works on one request at a time
                scale_out_cooldown=Duration.seconds(60),
                scale_in_cooldown=Duration.seconds(300),
            )

        AliasCanary(
            self,
            "Canary",
            function=function,
            alias=alias,
            # A tenth of the requests for 5 minutes, then all; back at once on an alarm.
            shift="LambdaCanary10Percent5Minutes",
            alarms=self._watch(function, alias, alarms, warm=warm),
        )

        self.output("AliasArn", alias.function_arn, "Pass it to Invoke as FunctionName")
        self.output("LogGroupName", function.logs.log_group_name, "A line of JSON per request")
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _watch(
        self, function: ImageFunction, alias: lambda_.Alias, alarms: AlarmTopic, *, warm: bool
    ) -> list[cloudwatch.Alarm]:
        """Creates the alarms; returns those on which a new version goes back."""
        # The handler answers a failure with status 500, which to Lambda is a success.
        answers = function.logs.add_metric_filter(
            "FailedAnswers",
            metric_namespace=f"MLA/{Aws.STACK_NAME}",
            metric_name="FailedAnswers",
            filter_pattern=logs.FilterPattern.number_value("$.status", ">=", 500),
        )
        failed = alarms.watch(
            "FailedAnswers",
            answers.metric(statistic="Sum", period=MINUTE),
            at_least=1,
            minutes=1,
            meaning="Requests are answered with status 500 or above: read the function's log.",
        )
        crashed = alarms.watch(
            "Errors",
            alias.metric_errors(statistic="Sum", period=MINUTE),
            at_least=1,
            minutes=1,
            meaning="The function crashes, times out, or cannot load its model: read its log.",
        )
        alarms.watch(
            "Throttles",
            alias.metric_throttles(statistic="Sum", period=MINUTE),
            at_least=1,
            minutes=1,
            meaning="Callers get 429: the account's concurrency is used up, or ten requests per "
            "second and environment are exceeded.",
        )
        alarms.watch(
            "Latency",
            alias.metric_duration(statistic="p99", period=MINUTE),
            at_least=500,
            minutes=5,
            meaning="One request in a hundred takes the function 0.5 s or more.",
        )
        if warm:
            alarms.watch(
                "Spillover",
                alias.metric("ProvisionedConcurrencySpilloverInvocations", statistic="Sum"),
                at_least=10,
                minutes=5,
                meaning="Requests find no warm environment: raise the provisioned concurrency.",
            )
        return [failed, crashed]
