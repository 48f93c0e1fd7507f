"""Pages that the facts of several orchestrators refer to."""

from datetime import date

from catalogue.sources import docs, sagemaker_api, sagemaker_guide

READ = date(2026, 11, 22)

PIPELINES = sagemaker_guide("pipelines.html", READ)
PROCESSING_TIME = sagemaker_api("API_ProcessingStoppingCondition.html", READ)
QUOTAS = docs("general/latest/gr/sagemaker.html", READ)
