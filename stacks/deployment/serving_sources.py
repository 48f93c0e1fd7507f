"""Pages and template places that the facts of several serving platforms refer to."""

from datetime import date

from catalogue.model import InTemplate, Source
from catalogue.sources import docs

READ = date(2026, 11, 22)


def ecs(page: str) -> Source:
    """A page of the ECS developer guide, such as "fargate-tasks-services.html"."""
    return docs(f"AmazonECS/latest/developerguide/{page}", READ)


def balancer(page: str) -> Source:
    """A page of the Application Load Balancer guide, such as "load-balancer-limits.html"."""
    return docs(f"elasticloadbalancing/latest/application/{page}", READ)


def waf(page: str) -> Source:
    """A page of the AWS WAF developer guide."""
    return docs(f"waf/latest/developerguide/{page}", READ)


def lambda_guide(page: str) -> Source:
    """A page of the Lambda developer guide, such as "gettingstarted-limits.html"."""
    return docs(f"lambda/latest/dg/{page}", READ)


# AWS's prices stand on its product pages, not in its documentation.
BALANCER_PRICES = Source("https://aws.amazon.com/elasticloadbalancing/pricing/", READ)
WAF_PRICES = Source(
    "https://aws.github.io/aws-security-services-best-practices/guides/waf/waf-cost/docs/", READ
)

TRACKING_GUIDE = docs(
    "autoscaling/application/userguide/target-tracking-scaling-policy-overview.html", READ
)

TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
TRACKING = "TargetTrackingScalingPolicyConfiguration"


def of_model(path: str, unit: str = "") -> InTemplate:
    """What the function with the model states, not those behind custom resources."""
    return InTemplate(
        "AWS::Lambda::Function", f"(PackageType=='Image' && {path}) || `null`", unit=unit
    )


def attribute(key: str, *, of: str) -> str:
    """Path to a number among the attributes of a load balancer or target group."""
    return f"to_number({of}Attributes[?Key=='{key}'].Value | [0])"
