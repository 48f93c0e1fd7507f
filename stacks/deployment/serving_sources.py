"""Pages and template places that the facts of several serving platforms refer to."""

from datetime import date

from catalogue.sources import docs

READ = date(2026, 11, 22)

FARGATE = docs("AmazonECS/latest/developerguide/fargate-tasks-services.html", READ)
DRAINING = docs("AmazonECS/latest/developerguide/load-balancer-connection-draining.html", READ)
BALANCER = docs(
    "elasticloadbalancing/latest/application/edit-load-balancer-attributes.html", READ
)
TARGETS = docs("elasticloadbalancing/latest/application/edit-target-group-attributes.html", READ)
LAMBDA_QUOTAS = docs("lambda/latest/dg/gettingstarted-limits.html", READ)
LAMBDA_IMAGES = docs("lambda/latest/dg/images-create.html", READ)
LAMBDA_LIFECYCLE = docs("lambda/latest/dg/lambda-runtime-environment.html", READ)
PROVISIONED = docs("lambda/latest/dg/provisioned-concurrency.html", READ)
TRACKING_OVERVIEW = docs(
    "autoscaling/application/userguide/target-tracking-scaling-policy-overview.html", READ
)

TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
TRACKING = "TargetTrackingScalingPolicyConfiguration"
