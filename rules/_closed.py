"""Features of SageMaker that take no new customers, for whichever rule meets them."""

from __future__ import annotations

from typing import NamedTuple

from catalogue.model import Source
from catalogue.sources import sagemaker_guide
from rules._base import READ


class Closed(NamedTuple):
    """Something that only who used it before can go on using.

    Attributes:
        what: Its name, and since when it is closed.
        instead: What is open in its place.
        source: The page that says so.
    """

    what: str
    instead: str
    source: Source

    def said(self) -> str:
        """Returns what a finding says."""
        return f"Closed to new accounts: {self.what}. Use {self.instead}."


CLARIFY = Closed(
    "SageMaker Clarify (2026-07-30)",
    "bias metrics or SHAP in a Processing job",
    sagemaker_guide("clarify-availability-change.html", READ),
)
MODEL_MONITOR = Closed(
    "Model Monitor (2026-07-30)",
    "an open drift library in a Processing job, over data that data capture keeps",
    sagemaker_guide("model-monitor-availability-change.html", READ),
)
DEBUGGER = Closed(
    "SageMaker Debugger (2026-07-30)",
    "MLflow or TensorBoard for the training, CloudWatch for its instances",
    sagemaker_guide("debugger-availability-change.html", READ),
)
GROUND_TRUTH = Closed(
    "Ground Truth (2026-07-30)",
    "a labelling tool of your own",
    sagemaker_guide("sms.html", READ),
)
AUGMENTED_AI = Closed(
    "Augmented AI (2026-07-30)",
    "a review step of your own in the workflow",
    sagemaker_guide("a2i-use-augmented-ai-a2i-human-review-loops.html", READ),
)
