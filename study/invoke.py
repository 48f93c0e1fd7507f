"""`mla invoke`: one request to a deployed architecture, in a rehearsal or in a real account."""

from __future__ import annotations

from pathlib import Path

from catalogue.discover import Architecture, discover
from catalogue.errors import UsageError
from rehearsal.errors import RehearsalError
from rehearsal.run import scenario
from rehearsal.stage import DeployedStack
from runtime.models import tumor_classifier
from sandbox.aws import Account, Unseen, connect, sentences

READ_SECONDS = 75.0
"""A real-time endpoint takes up to 60 seconds for an answer, an emptied one longer to refuse."""


class Unanswered(Exception):  # noqa: N818 - an outcome, not a fault
    """The request was sent and not answered; the text says why."""


def invoke(architecture: Architecture, *, file: Path | None, region: str | None) -> bytes:
    """Sends one request to the architecture's stack and returns the answer.

    Args:
        architecture: Whose stack.
        file: The request; None sends the first sample of the model.
        region: Where it is deployed; None means where the environment says.

    Raises:
        UsageError: It takes no requests, is not deployed, or the file cannot be read.
        Unanswered: The service or the model refused the request.
    """
    module = scenario(architecture)
    if module is None or not hasattr(module, "invoke"):
        raise UsageError(f"{architecture.slug} answers no requests: {_that_do()} do.")
    body = request(file, getattr(module, "SAMPLE", None))
    account = connect(region, read_seconds=READ_SECONDS)
    stack = DeployedStack(architecture.stack_id, _outputs(architecture, account), account.client)
    try:
        with sentences():
            return bytes(module.invoke(stack, body))
    except (Unseen, RehearsalError, OSError) as error:
        raise Unanswered(f"{architecture.slug} did not answer: {error}.") from None


def request(file: Path | None, sample: Path | None = None) -> bytes:
    """Returns what is sent: a file's content, the scenario's sample, or the model's first one.

    Raises:
        UsageError: The file cannot be read.
    """
    source = file or sample
    if source is None:
        return tumor_classifier.SAMPLE_REQUESTS.read_bytes().splitlines()[0]
    try:
        return source.read_bytes()
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}.") from None


def _outputs(architecture: Architecture, account: Account) -> dict[str, str]:
    stack = architecture.stack_id
    try:
        (found,) = account.ask("cloudformation", "describe_stacks", StackName=stack)["Stacks"]
    except Unseen as error:
        if "does not exist" in str(error):
            raise UsageError(
                f"There is no stack {stack} in {account.region}: deploy it by `cdk deploy {stack}`,"
                f" or rehearse it by `mla rehearse {architecture.slug} --keep`."
            ) from None
        raise UsageError(f"The stack {stack} cannot be seen: {error}.") from None
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
    if not outputs:
        raise UsageError(f"The stack {stack} cannot be used: it is {found['StackStatus']}.")
    return outputs


def _that_do() -> str:
    answering = (a.slug for a in discover().values() if hasattr(scenario(a), "invoke"))
    return ", ".join(sorted(answering))
