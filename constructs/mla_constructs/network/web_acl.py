"""A web application firewall in front of a load balancer."""

from __future__ import annotations

from aws_cdk import ArnFormat, Aws, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from mla_constructs.errors import require_between
from mla_constructs.observability.log_group import EncryptedLogGroup
from mla_constructs.security.data_key import DataKey


class WebAcl(Construct):
    """AWS WAF with AWS's core and known-bad-inputs rules and a rate limit, logging what it decides.

    Of a body WAF sees the first 8 KB, which for a load balancer cannot be changed. The core rules
    block every longer one: this one rule only counts here, for a batch of rows is longer, and the
    container has a limit of its own. All other rules go on looking at those 8 KB.

    Args:
        scope: Parent construct.
        id: Construct ID.
        requests_per_five_minutes: Of one address, beyond which WAF blocks it, 10 to 2,000,000,000.
        key: Encrypts the log.
        log_retention: How long it is kept.
        removal_policy: What becomes of it when the stack is deleted.

    Attributes:
        name: Of the web ACL, the dimension of its metrics.

    Raises:
        InvalidArgument: The rate is out of range.

    Source: https://docs.aws.amazon.com/waf/latest/developerguide/
    web-acl-setting-body-inspection-limit.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        requests_per_five_minutes: int,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, id)
        require_between("requests_per_five_minutes", requests_per_five_minutes, 10, 2_000_000_000)
        self.name = f"{Aws.STACK_NAME}-{id}"
        self._acl = wafv2.CfnWebACL(
            self,
            "Resource",
            name=self.name,
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visibility(self.name),
            rules=[
                _rate_limit(requests_per_five_minutes),
                _managed(
                    "AWSManagedRulesCommonRuleSet", 1, only_counting=["SizeRestrictions_BODY"]
                ),
                _managed("AWSManagedRulesKnownBadInputsRuleSet", 2),
            ],
        )
        # WAF delivers only to a group whose name begins like this.
        log_group = EncryptedLogGroup(
            self,
            "Logs",
            name=f"aws-waf-logs-{self.name}",
            key=key,
            retention=log_retention,
            removal_policy=removal_policy,
        )
        wafv2.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=self._acl.attr_arn,
            # Not the group's own attribute, which ends in ":*".
            log_destination_configs=[
                Stack.of(self).format_arn(
                    service="logs",
                    resource="log-group",
                    resource_name=log_group.log_group_name,
                    arn_format=ArnFormat.COLON_RESOURCE_NAME,
                )
            ],
            redacted_fields=[
                wafv2.CfnLoggingConfiguration.FieldToMatchProperty(
                    single_header={"Name": "authorization"}
                )
            ],
        )

    def metric_blocked(self) -> cloudwatch.Metric:
        """Returns the number of requests per minute that a rule has blocked."""
        return cloudwatch.Metric(
            namespace="AWS/WAFV2",
            metric_name="BlockedRequests",
            dimensions_map={"WebACL": self.name, "Region": Aws.REGION, "Rule": "ALL"},
            statistic="Sum",
            period=Duration.minutes(1),
        )

    def protect(self, load_balancer: elbv2.ApplicationLoadBalancer) -> None:
        """Puts the firewall in front of the load balancer."""
        wafv2.CfnWebACLAssociation(
            self,
            "Association",
            resource_arn=load_balancer.load_balancer_arn,
            web_acl_arn=self._acl.attr_arn,
        )


def _rate_limit(requests: int) -> wafv2.CfnWebACL.RuleProperty:
    return wafv2.CfnWebACL.RuleProperty(
        name="RateLimit",
        priority=0,
        action=wafv2.CfnWebACL.RuleActionProperty(block={}),
        statement=wafv2.CfnWebACL.StatementProperty(
            rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                limit=requests, aggregate_key_type="IP", evaluation_window_sec=300
            )
        ),
        visibility_config=_visibility("RateLimit"),
    )


def _managed(
    name: str, priority: int, *, only_counting: list[str] | None = None
) -> wafv2.CfnWebACL.RuleProperty:
    return wafv2.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
        statement=wafv2.CfnWebACL.StatementProperty(
            managed_rule_group_statement=wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS",
                name=name,
                rule_action_overrides=[
                    wafv2.CfnWebACL.RuleActionOverrideProperty(
                        name=rule,
                        action_to_use=wafv2.CfnWebACL.RuleActionProperty(count={}),
                    )
                    for rule in only_counting or []
                ],
            )
        ),
        visibility_config=_visibility(name),
    )


def _visibility(metric: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True,
        metric_name=metric,
        # Samples would show what the log redacts.
        sampled_requests_enabled=False,
    )
