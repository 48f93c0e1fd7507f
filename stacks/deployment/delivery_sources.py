"""Pages and template places that the facts of both deliveries refer to."""

from catalogue.sources import codepipeline_guide, docs, sagemaker_guide
from stacks.deployment.inference_sources import READ

EXECUTIONS = codepipeline_guide("concepts-how-it-works.html", READ)
MODES = codepipeline_guide("execution-modes.html", READ)
CONDITIONS = codepipeline_guide("stage-conditions.html", READ)
STARTS = codepipeline_guide("pipelines-about-starting.html", READ)
ROLLBACK = codepipeline_guide("stage-rollback.html", READ)
TYPES = codepipeline_guide("pipeline-types-planning.html", READ)
LIMITS = codepipeline_guide("limits.html", READ)
DEPLOY = codepipeline_guide("action-reference-CloudFormation.html", READ)
METRICS = codepipeline_guide("metrics-dimensions.html", READ)
OVERRIDES = codepipeline_guide("pipelines-trigger-source-overrides.html", READ)

GUARDRAILS = sagemaker_guide("deployment-guardrails-blue-green-canary.html", READ)
AUTO_ROLLBACK = sagemaker_guide("deployment-guardrails-configuration.html", READ)
SAGEMAKER_EVENTS = sagemaker_guide("automating-sagemaker-with-eventbridge.html", READ)
PIPELINE_TARGET = sagemaker_guide("pipeline-eventbridge.html", READ)
RUNNING = sagemaker_guide("realtime-endpoints-delete-resources.html", READ)
SERVICE_ROLE = docs("AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html", READ)
DEAD_LETTERS = docs("eventbridge/latest/userguide/eb-rule-dlq.html", READ)

PIPELINE = "AWS::CodePipeline::Pipeline"
MACHINE = "AWS::StepFunctions::StateMachine"
