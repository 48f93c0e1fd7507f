"""What to know of CI/CD for models."""

from catalogue.model import Availability, Facts, Option, Sourced
from catalogue.sources import docs
from stacks.deployment.inference_sources import READ

FACTS = Facts(
    title="CI/CD pipeline",
    tasks=("3.3",),
    c02=True,
    question="delivery",
    summary="x",
    choose_when=(),
    rather_than={},
    comparison={},
    limits=(),
    billing=(),
    availability=Availability(source=docs("codepipeline/latest/userguide/welcome.html", READ)),
    options=(
        Option(
            name="repository",
            values=(),
            meaning="owner/name of a repository at GitHub, in place of one in CodeCommit",
        ),
        Option(
            name="connection_arn",
            values=(),
            meaning="an available connection to that repository's provider, in place of a new one",
        ),
    ),
)
