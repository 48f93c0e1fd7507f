"""Pages and template places that the facts of several inference options refer to."""

from datetime import date

from catalogue.sources import docs, sagemaker_guide

READ = date(2026, 11, 22)

OPTIONS = sagemaker_guide("deploy-model-options.html", READ)
MATRIX = sagemaker_guide("model-deploy-feature-matrix.html", READ)
PRICING = sagemaker_guide("inference-cost-optimization.html", READ)
QUOTAS = docs("general/latest/gr/sagemaker.html", READ)

CONFIG = "AWS::SageMaker::EndpointConfig"
TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
TRACKING = "TargetTrackingScalingPolicyConfiguration"
