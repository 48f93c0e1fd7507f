"""Pages that the facts of several orchestrators refer to."""

from datetime import date

from catalogue.model import Limit, Source
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

JOB_QUOTA = Limit(
    name="ml.m5.large instances of a new account, for jobs",
    value="0 until a higher quota is granted; processing may have 4 ml.t3.large, training 4 "
    "ml.m5.large on managed Spot",
    source=QUOTAS,
)
