"""The checks that every synthesis has to pass, and the packs that report."""

from __future__ import annotations

from aws_cdk import App, Validations


def add_gates(app: App, *, reports: bool) -> None:
    """Adds the cdk-nag packs to an app; a finding that nobody acknowledged fails the synthesis.

    CloudFormation's own validation is a gate too: cdk.json turns its findings into errors.

    Args:
        app: The app.
        reports: Also run NIST 800-53 R5, HIPAA and PCI DSS. Their findings fail the synthesis as
            well, after the templates and validation-report.json are written: whoever asks for
            them reads the report.
    """
    from cdk_nag import (
        AwsSolutionsChecks,
        HIPAASecurityChecks,
        NIST80053R5Checks,
        PCIDSS321Checks,
        ServerlessChecks,
    )

    packs = [AwsSolutionsChecks, ServerlessChecks]
    if reports:
        packs += [NIST80053R5Checks, HIPAASecurityChecks, PCIDSS321Checks]
    Validations.of(app).add_plugins(*(pack(app) for pack in packs))
