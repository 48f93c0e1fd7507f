"""What the handlers of custom resources call, against what their roles allow: no more, no less."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from catalogue.discover import ROOT
from catalogue.template import Template
from study.iam import as_list, statements
from tests.runtime.conftest import Call
from tests.support.authorization import exists
from tests.support.expiring import expiring

TESTS = {
    "test_certificate.py",
    "test_custom_resources.py",
    "test_delete_stack.py",
    "test_empty_bucket.py",
    "test_empty_model_group.py",
    "test_expiry.py",
}
"""Those that run the handlers."""

ROLES = {
    "build_image": "ImageBuilderRole",
    "certificate": "CertificateMakerRole",
    "delete_stack": "StackRemoverRole",
    "empty_bucket": "BucketEmptierRole",
    "empty_model_group": "ModelGroupEmptierRole",
    "expiry": "ExpiryClockRole",
    "place_objects": "ObjectPlacerRole",
    "write_object": "ObjectWriterRole",
}
"""Handler -> role of its function."""

NAMED_OTHERWISE = {
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
    ("s3", "CopyObject"): {"s3:GetObject", "s3:PutObject"},
    ("s3", "DeleteObjects"): {"s3:DeleteObject", "s3:DeleteObjectVersion"},
    ("s3", "ListObjectVersions"): {"s3:ListBucketVersions"},
}
"""Operations whose permission is not called as they are."""

BY_LAMBDA = {"logs:CreateLogStream", "logs:PutLogEvents"}
"""Every function's log: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html"""

BY_S3 = {"kms:GenerateDataKey"}
"""Of whoever writes to a bucket under SSE-KMS.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
"""

EXPLAINED = {
    "kms:Decrypt": "Writers of a bucket share one grant; those that write in several parts decrypt."
}
"""Granted to writers, called by none of these handlers -> why that stays."""


def used(calls: set[Call], handler: str) -> set[str]:
    """Returns the actions that a handler needs for its calls."""
    actions = set(BY_LAMBDA)
    for call in calls:
        if call.handler == handler:
            named = {f"{call.service}:{call.operation}"}
            actions |= NAMED_OTHERWISE.get((call.service, call.operation), named)
    assert all(map(exists, actions)), actions
    return actions | BY_S3 if "s3:PutObject" in actions else actions


def templates() -> Iterator[Template]:
    """Yields the accepted templates, and what `-c expire_after_hours` adds to any of them."""
    for file in sorted((ROOT / "tests" / "snapshots").glob("*.json")):
        yield Template(json.loads(file.read_text()), file.stem)
    yield expiring(8)


def granted(role: str) -> dict[str, set[str]]:
    """Returns the actions that a role is allowed, in each template that has it."""
    found: dict[str, set[str]] = {}
    for template in templates():
        for holder, statement in statements(template):
            if holder[:-8] == role:
                found.setdefault(template.name, set()).update(as_list(statement["Action"]))
    return found


@pytest.mark.parametrize("handler", ROLES)
def test_role_allows_what_its_handler_calls_and_nothing_else(
    handler: str, calls: set[Call], request: pytest.FixtureRequest
) -> None:
    config = request.config
    narrowed = config.option.keyword or any("::" in argument for argument in config.args)
    if narrowed or not {item.path.name for item in request.session.items} >= TESTS:
        pytest.skip("needs all the tests of the handlers")
    allowed = granted(ROLES[handler])
    assert allowed
    needed = used(calls, handler)
    for slug, actions in allowed.items():
        assert actions >= needed, slug
        assert actions - needed <= (EXPLAINED.keys() if "s3:PutObject" in needed else set()), slug


def test_every_handler_has_a_role_here() -> None:
    folder = ROOT / "runtime" / "functions" / "custom_resources" / "handlers"
    handlers = {f.stem for f in folder.glob("*.py") if "\n@custom_resource\n" in f.read_text()}
    assert handlers == ROLES.keys()
