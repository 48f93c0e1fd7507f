"""The tasks of the training workflow that no operator of Amazon's provider can do.

They run on an Airflow worker, whose role is the workflow's execution role.
"""

from __future__ import annotations

from typing import Any

import boto3
from airflow.exceptions import AirflowFailException


def require_quality(*, roc_auc: str, minimum_roc_auc: str, lead: str, minimum_lead: str) -> None:
    """Fails the run, without another attempt, for a model that is not good enough.

    Numbers come as text: that is what a template renders to.

    Args:
        roc_auc: Area under the ROC curve on the held-out rows.
        minimum_roc_auc: What it has to reach.
        lead: By how much it exceeds that of the best of the models compared with.
        minimum_lead: What that has to reach; below 0, by how much the model may be worse.
    """
    # Written so that NaN is not good enough either.
    if not (float(roc_auc) >= float(minimum_roc_auc) and float(lead) >= float(minimum_lead)):
        raise AirflowFailException(
            f"The model is not good enough: ROC AUC {roc_auc} of at least {minimum_roc_auc}, "
            f"lead {lead} of at least {minimum_lead}."
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
