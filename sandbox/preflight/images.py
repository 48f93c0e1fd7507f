"""Whether AWS's container images of the template are in the Region."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from sandbox.aws import Unseen
from sandbox.preflight.findings import Finding, ok, problem, unseen
from sandbox.preflight.subject import Subject

IMAGE = re.compile(r"(\d{12})\.dkr\.ecr\.[\w-]+\.[^/]+/([\w./-]+):([\w.-]+)")
MISSING = {"ImageNotFoundException", "RepositoryNotFoundException"}


class LookUp(NamedTuple):
    """A look-up in a mapping of the template by Region."""

    mapping: str
    key: str


def images(subject: Subject) -> Iterator[Finding]:
    """The registry of the Region, from the template's own table, and what it holds.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths/sagemaker-algo-docker-registry-paths.html
    """
    document = subject.template.document
    for look_up in sorted(_look_ups(document["Resources"])):
        regions = document["Mappings"][look_up.mapping]
        if subject.region not in regions:
            near = [r for r in sorted(regions) if r[:3] == subject.region[:3]] or sorted(regions)
            text = f"the template knows no registry in {subject.region}"
            yield problem(f"image: {look_up.key}", text, f"Deploy to {' or '.join(near[:4])}.")
    for registry, repository, tag in sorted(set(_images(subject))):
        yield _held(subject, registry, repository, tag)


def _held(subject: Subject, registry: str, repository: str, tag: str) -> Finding:
    about, name = f"image: {repository}", f"{repository}:{tag} of registry {registry}"
    try:
        subject.account.ask(
            "ecr",
            "describe_images",
            registryId=registry,
            repositoryName=repository,
            imageIds=[{"imageTag": tag}],
        )
    except Unseen as error:
        if error.code in MISSING:
            fix = "python scripts/refresh_images.py --check"
            return problem(about, f"{name} is not in {subject.region}", fix)
        return unseen(about, error, known=f"the table names {name}")
    return ok(about, f"{name} is in {subject.region}")


def _look_ups(value: Any) -> set[LookUp]:
    match value:
        case {"Fn::FindInMap": [str() as mapping, {"Ref": "AWS::Region"}, str() as key]}:
            return {LookUp(mapping, key)}
        case dict():
            return set().union(*map(_look_ups, value.values()))
        case list():
            return set().union(*map(_look_ups, value))
        case _:
            return set()


def _images(subject: Subject) -> Iterator[tuple[str, str, str]]:
    def texts(value: Any) -> Iterator[str]:
        match value:
            case str():
                yield value
            case dict():
                for item in value.values():
                    yield from texts(item)
            case list():
                for item in value:
                    yield from texts(item)

    placed = subject.placed(subject.template.document["Resources"])
    for text in texts(placed):
        for registry, repository, tag in IMAGE.findall(text):
            if registry != subject.number:
                yield registry, repository, tag
