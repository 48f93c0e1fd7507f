"""The exam's domains and tasks, MLA-C01.

Sources: https://docs.aws.amazon.com/aws-certification/latest/machine-learning-engineer-associate-01/
machine-learning-engineer-associate-01.html and its pages on domains 1 to 4, read 2026-11-22.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Domain:
    """An exam domain.

    Attributes:
        slug: The folder under `stacks/` that holds its architectures.
        number: 1 to 4.
        title: As the exam guide gives it.
        weight: Share of the scored content in percent.
    """

    slug: str
    number: int
    title: str
    weight: int


DOMAINS = {
    domain.slug: domain
    for domain in (
        Domain("data_preparation", 1, "Data Preparation for Machine Learning (ML)", 28),
        Domain("model_development", 2, "ML Model Development", 26),
        Domain("deployment", 3, "Deployment and Orchestration of ML Workflows", 22),
        Domain("monitoring_security", 4, "ML Solution Monitoring, Maintenance, and Security", 24),
    )
}

TASKS = {
    "1.1": "Ingest and store data",
    "1.2": "Transform data and perform feature engineering",
    "1.3": "Ensure data integrity and prepare data for modeling",
    "2.1": "Choose a modeling approach",
    "2.2": "Train and refine models",
    "2.3": "Analyze model performance",
    "3.1": "Select deployment infrastructure based on existing architecture and requirements",
    "3.2": "Create and script infrastructure based on existing architecture and requirements",
    "3.3": "Use automated orchestration tools to set up continuous integration and continuous "
    "delivery (CI/CD) pipelines",
    "4.1": "Monitor model inference",
    "4.2": "Monitor and optimize infrastructure and costs",
    "4.3": "Secure AWS resources",
}
