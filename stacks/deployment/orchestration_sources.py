"""Pages that the facts of several orchestrators refer to."""

from datetime import date

from catalogue.model import Source
from catalogue.sources import docs, sagemaker_guide

READ = date(2026, 11, 22)

PIPELINES = sagemaker_guide("pipelines.html", READ)
QUOTAS = docs("general/latest/gr/sagemaker.html", READ)
# What the developer guide refers to for the parameters behind a cached step's attributes.
CACHED_ADDRESSES = Source(
    "https://github.com/aws/sagemaker-python-sdk/blob/103d5b6a2760812f82e9ade695db39ebadbd93d9/"
    "doc/amazon_sagemaker_model_building_pipeline.rst#caching-configuration",
    READ,
)
