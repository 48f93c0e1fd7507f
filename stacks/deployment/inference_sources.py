"""Pages and template places that the facts of several inference options refer to."""

from datetime import date

from catalogue.model import Limit
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

TYPE_QUOTA = Limit(
    name="ml.m5.large instances of a new account, for endpoints",
    value="0 until a higher quota is granted; ml.m6g.large and ml.t2.medium have 2",
    source=QUOTAS,
)

TRANSFORM_QUOTA = Limit(
    name="ml.m5.large instances of a new account, for transform jobs",
    value="0 until a higher quota is granted",
    source=QUOTAS,
)
TRAINING_QUOTA = Limit(
    name="ml.m5.large instances of a new account, for training jobs",
    value="0 until a higher quota is granted; 4 on managed Spot",
    source=QUOTAS,
)
