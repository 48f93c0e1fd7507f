"""Whether the Region is bootstrapped for CDK, and recently enough for this template."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.template import Template
from sandbox.aws import Unseen
from sandbox.preflight.findings import Finding, ok, problem, unseen
from sandbox.preflight.subject import Subject

TOOLKIT = "CDKToolkit"


def bootstrap(subject: Subject) -> Iterator[Finding]:
    """The version that bootstrapping left in a parameter, against the one the template asserts.

    Source: https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html
    """
    parameter, required = required_version(subject.template)
    fix = f"npx cdk bootstrap aws://{subject.number or 'ACCOUNT'}/{subject.region}"
    try:
        found = _version(subject, parameter)
    except Unseen as error:
        yield unseen("bootstrap", error, known=f"version {required} is needed")
        return
    if found is None:
        yield problem("bootstrap", f"{subject.region} is not bootstrapped: no {parameter}", fix)
    elif found < required:
        yield problem("bootstrap", f"version {found}, the template needs {required}", fix)
    else:
        yield ok("bootstrap", f"version {found}, the template needs {required}")


def required_version(template: Template) -> tuple[str, int]:
    """Returns the parameter that holds the version, and the oldest version that will do.

    The template asserts it as CloudFormation does: by naming the versions that are too old.
    """
    document = template.document
    rule = document["Rules"]["CheckBootstrapVersion"]["Assertions"][0]["Assert"]
    (refused, _) = rule["Fn::Not"][0]["Fn::Contains"]
    return document["Parameters"]["BootstrapVersion"]["Default"], max(map(int, refused)) + 1


def _version(subject: Subject, parameter: str) -> int | None:
    """Returns the version in the parameter, None without; what is not shown, the stack tells."""
    try:
        answer = subject.account.ask("ssm", "get_parameter", Name=parameter)
    except Unseen as error:
        if error.code == "ParameterNotFound":
            return None
        version = _version_of_stack(subject)
        if version is None:
            raise
        return version
    return int(answer["Parameter"]["Value"])


def _version_of_stack(subject: Subject) -> int | None:
    """Returns the version in the outputs of the toolkit stack, None if it shows none."""
    try:
        answer = subject.account.ask("cloudformation", "describe_stacks", StackName=TOOLKIT)
    except Unseen:
        return None
    outputs = {o["OutputKey"]: o["OutputValue"] for o in answer["Stacks"][0].get("Outputs", [])}
    return int(outputs["BootstrapVersion"]) if "BootstrapVersion" in outputs else None
