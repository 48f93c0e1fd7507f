"""Pages and template places that the facts of several roll-outs refer to."""

from catalogue.sources import sagemaker_api, sagemaker_guide
from stacks.deployment.inference_sources import READ

GUARDRAILS = sagemaker_guide("deployment-guardrails.html", READ)
ROLLBACK = sagemaker_guide("deployment-guardrails-configuration.html", READ)
EXCLUSIONS = sagemaker_guide("deployment-guardrails-exclusions.html", READ)
BLUE_GREEN = sagemaker_guide("deployment-guardrails-blue-green.html", READ)
ROLLING = sagemaker_guide("deployment-guardrails-rolling.html", READ)
POLICY = sagemaker_api("API_BlueGreenUpdatePolicy.html", READ)

SHADOW = sagemaker_guide("shadow-tests.html", READ)
SHADOW_CREATE = sagemaker_guide("shadow-tests-create.html", READ)

ENDPOINT = "AWS::SageMaker::Endpoint"
