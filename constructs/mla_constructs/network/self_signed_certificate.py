"""A certificate for TLS where there is no domain."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Aws, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.custom_resources.function import ResourceFunction
from mla_constructs.delivery.build_project import BuildProject
from mla_constructs.errors import require_between
from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import acknowledge_wildcard

FOLDER = Path(__file__).resolve().parents[3] / "runtime" / "builds" / "certificate"


class SelfSignedCertificate(Construct):
    """A certificate in ACM that a build makes during deployment and that goes with the stack.

    ACM issues public certificates to owners of a domain only, a private authority is billed by the
    month, and CloudFormation cannot import. The key exists in the build's container and in ACM, in
    no template and no log. Clients trust the certificate itself: `aws acm get-certificate`.

    Args:
        scope: Parent construct.
        id: Construct ID.
        domain_name: What clients call; may be an attribute of a load balancer.
        days: Until it expires, 1 to 3650: nobody renews it, a deployment with another number does.
        key: Encrypts the build's log.
        log_retention: How long it is kept.
        removal_policy: What becomes of it when the stack is deleted.

    Attributes:
        arn: ARN of the certificate; whoever uses it waits for the build.

    Raises:
        InvalidArgument: The number of days is out of range.

    Source: https://docs.aws.amazon.com/acm/latest/userguide/import-certificate-prerequisites.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        domain_name: str,
        days: int,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, id)
        require_between("days", days, 1, 3650)
        source = Asset(self, "Source", path=str(FOLDER))
        project = BuildProject(
            self,
            "Certificate",
            description="Makes a self-signed certificate",
            buildspec=FOLDER / "buildspec.yml",
            source=source,
            environment={
                "DOMAIN_NAME": domain_name,
                "DAYS": str(days),
                "STACK_NAME": Aws.STACK_NAME,
            },
            architecture="x86_64",
            privileged=False,
            timeout=Duration.minutes(5),
            key=key,
            log_retention=log_retention,
            removal_policy=removal_policy,
        )
        certificates = Stack.of(self).format_arn(
            service="acm", resource="certificate", resource_name="*"
        )
        # ACM gives a new certificate its name, so none can be named here.
        project.role.add_to_policy(
            iam.PolicyStatement(
                actions=["acm:AddTagsToCertificate", "acm:ImportCertificate"],
                resources=[certificates],
            )
        )
        acknowledge_wildcard(
            project.role, certificates, "The certificate that is to be imported has no name yet."
        )
        maker = ResourceFunction.of(self, "CertificateMaker", task="certificate")
        maker.role.add_to_policy(
            iam.PolicyStatement(
                actions=["codebuild:BatchGetBuilds", "codebuild:StartBuild"],
                resources=[project.arn],
            )
        )
        maker.role.add_to_policy(
            iam.PolicyStatement(
                actions=["acm:DeleteCertificate"],
                resources=[certificates],
                conditions={"StringEquals": {"aws:ResourceTag/stack": Aws.STACK_NAME}},
            )
        )
        acknowledge_wildcard(
            maker.role, certificates, "Its name is not known; its tag is, and limits the deletion."
        )
        made = maker.resource(
            self,
            "Made",
            "Custom::SelfSignedCertificate",
            {
                "ProjectName": project.name,
                "DomainName": domain_name,
                "Days": str(days),
                "SourceHash": source.asset_hash,
            },
        )
        made.node.add_dependency(maker.role, project)
        self.arn = made.ref
