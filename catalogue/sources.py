"""Where facts are read: one function per manual, so that a page is named by what differs."""

from __future__ import annotations

from datetime import date

from catalogue.model import Confidence, Source

_DOCS = "https://docs.aws.amazon.com"


def docs(path: str, read: date, confidence: Confidence = Confidence.DOCUMENTED) -> Source:
    """A page of the AWS documentation, such as "AmazonS3/latest/userguide/ServerLogs.html"."""
    return Source(f"{_DOCS}/{path}", read, confidence)


def sagemaker_guide(
    page: str, read: date, confidence: Confidence = Confidence.DOCUMENTED
) -> Source:
    """A page of the SageMaker AI developer guide, such as "async-inference.html"."""
    return docs(f"sagemaker/latest/dg/{page}", read, confidence)


def sagemaker_api(page: str, read: date, confidence: Confidence = Confidence.DOCUMENTED) -> Source:
    """A page of the SageMaker API reference, such as "API_CreateTransformJob.html"."""
    return docs(f"sagemaker/latest/APIReference/{page}", read, confidence)


def codepipeline_guide(page: str, read: date) -> Source:
    """A page of the CodePipeline user guide, such as "stage-rollback.html"."""
    return docs(f"codepipeline/latest/userguide/{page}", read)


def github_issue(repository: str, number: int, read: date) -> Source:
    """An issue or pull request: second-hand, since it reports what somebody saw."""
    return Source(f"https://github.com/{repository}/issues/{number}", read, Confidence.SECOND_HAND)
