"""The certificate of a private load balancer, given or made."""

from __future__ import annotations

import re

from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_logs as logs

from catalogue.errors import UsageError
from mla_constructs.network.private_load_balancer import PrivateLoadBalancer
from mla_constructs.network.self_signed_certificate import SelfSignedCertificate
from mla_constructs.security.data_key import DataKey
from stacks.reference_stack import ReferenceStack


def certificate(
    stack: ReferenceStack,
    balancer: PrivateLoadBalancer,
    *,
    key: DataKey,
    log_retention: logs.RetentionDays,
) -> elbv2.IListenerCertificate:
    """Returns what `-c certificate_arn` names, or a certificate made for the load balancer's name.

    Args:
        stack: Has the option `certificate_arn`, and gets an output for a certificate that is made.
        balancer: What clients call.
        key: Encrypts the log of the build that makes it.
        log_retention: How long that log is kept.

    Raises:
        UsageError: The option is no ARN of a certificate.
    """
    given = stack.option("certificate_arn")
    if given and not re.fullmatch(r"arn:[\w-]+:acm:[\w-]+:\d{12}:certificate/[\w-]+", given):
        raise UsageError(f"certificate_arn is {given!r}: give the ARN of a certificate in ACM.")
    if given:
        return elbv2.ListenerCertificate.from_arn(given)
    made = SelfSignedCertificate(
        stack,
        "Certificate",
        domain_name=balancer.load_balancer_dns_name,
        days=3650,  # nobody renews it; production brings its own
        key=key,
        log_retention=log_retention,
        removal_policy=stack.data_removal,
    )
    stack.output("CertificateArn", made.arn, "Clients trust what acm get-certificate shows")
    return elbv2.ListenerCertificate.from_arn(made.arn)
