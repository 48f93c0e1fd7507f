"""A model package group that can be deleted with its stack."""

from __future__ import annotations

from aws_cdk import ArnFormat, Aws, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mla_constructs.custom_resources.function import ResourceFunction
from mla_constructs.security.findings import acknowledge_wildcard


class ModelGroup(Construct):
    """The versions of one model in the registry; the group carries the stack's name.

    Args:
        scope: Parent construct.
        id: Construct ID.
        description: What the model is for.
        removal_policy: DESTROY deletes the versions too, once nobody can register any more:
            SageMaker deletes empty groups only.

    Attributes:
        name: Name of the group.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-delete-model-group.html
    Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_sagemaker.html
    """

    def __init__(
        self, scope: Construct, id: str, *, description: str, removal_policy: RemovalPolicy
    ) -> None:
        super().__init__(scope, id)
        self.name: str = Aws.STACK_NAME
        self._group = sagemaker.CfnModelPackageGroup(
            self,
            "Resource",
            model_package_group_name=self.name,
            model_package_group_description=description,
        )
        self._group.apply_removal_policy(removal_policy)
        self._versions_arn = self._arn("model-package", f"{self.name}/*")
        self._group_arn = self._arn("model-package-group", self.name)
        self._emptying = (
            self._empty_on_delete() if removal_policy is RemovalPolicy.DESTROY else None
        )

    def grant_registering(self, role: iam.Role) -> None:
        """Lets the role add versions.

        When the stack is deleted, the permission goes before the group is emptied.
        """
        self._allow(
            role,
            "sagemaker:CreateModelPackage",
            resources=[self._versions_arn, self._group_arn],
        )
        if self._emptying:
            role.node.find_child("DefaultPolicy").node.add_dependency(self._emptying)

    def grant_describing(self, role: iam.Role) -> None:
        """Lets the role look at versions, as creating a model from one does."""
        self._allow(role, "sagemaker:DescribeModelPackage", resources=[self._versions_arn])

    def _empty_on_delete(self) -> Construct:
        emptier = ResourceFunction.of(self, "ModelGroupEmptier", task="empty_model_group")
        self._allow(
            emptier.role,
            "sagemaker:ListModelPackages",
            "sagemaker:DeleteModelPackage",
            resources=[self._versions_arn, self._group_arn],
        )
        resource = emptier.resource(
            self, "Empty", "Custom::EmptyModelGroup", {"GroupName": self.name}
        )
        resource.node.add_dependency(self._group, emptier.role.node.find_child("DefaultPolicy"))
        return resource

    def _allow(self, role: iam.Role, *actions: str, resources: list[str]) -> None:
        role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=resources))
        acknowledge_wildcard(
            role, self._versions_arn, "SageMaker numbers the versions; the group is fixed."
        )

    def _arn(self, resource: str, name: str) -> str:
        return Stack.of(self).format_arn(
            service="sagemaker",
            resource=resource,
            resource_name=name,
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )
