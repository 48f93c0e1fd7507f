"""The tasks of the training workflow that no operator of Amazon's provider can do.

They run on an Airflow worker, whose role is the workflow's execution role.
"""

from __future__ import annotations

from typing import Any

import boto3
from airflow.exceptions import AirflowFailException


def require_quality(*, roc_auc: str, lead: str, lowest_roc_auc: float, lowest_lead: float) -> None:
    """Fails the run, without another attempt, for a model that is not good enough.

    Args:
        roc_auc: Area under the ROC curve on the held-out rows; a template renders to text.
        lead: By how much it is above that of the best of the models compared with.
        lowest_roc_auc: The least that is good enough.
        lowest_lead: The least that is good enough; negative tolerates a little worse.
    """
    # Written so that NaN is not good enough either.
    if not (float(roc_auc) >= lowest_roc_auc and float(lead) >= lowest_lead):
        raise AirflowFailException(
            f"The model is not good enough to be registered: roc_auc {roc_auc}, at least "
            f"{lowest_roc_auc}, and lead {lead}, at least {lowest_lead}."
        )


def register(*, request: dict[str, Any]) -> str:
    """Adds a version to the model package group and returns its ARN.

    SageMakerRegisterModelVersionOperator would create the group as well, with a permission that
    this workflow does not need, and does not render templates in what it passes on.

    Args:
        request: Arguments of CreateModelPackage.
    """
    answer = boto3.client("sagemaker").create_model_package(**request)
    return str(answer["ModelPackageArn"])
