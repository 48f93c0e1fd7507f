"""One tumor classifier per tenant, for an endpoint that keeps them apart.

Each tenant is a clinic with its own third of the training rows, so that the three models differ in
what they have seen and in what they answer. Features, format and container are those of
runtime.models.tumor_classifier, whose sample requests all of them answer.
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent

TENANTS = ("north", "south", "west")
"""The clinics."""


def artifact(tenant: str) -> Path:
    """Returns the archive with the tenant's model."""
    return _HERE / f"{tenant}.tar.gz"


def sample_answers(tenant: str) -> Path:
    """Returns the probabilities that the tenant's model gives for the sample requests."""
    return _HERE / "answers" / f"{tenant}.csv"
