"""A template's texts as a sample account would hold them: ARNs to match policies against."""

from __future__ import annotations

import re
from typing import Any

from catalogue.template import Template

ACCOUNT = "111122223333"
OTHER_ACCOUNT = "444455556666"
REGION = "eu-west-1"

PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/sample/7d3c5b60",
    "AWS::URLSuffix": "amazonaws.com",
}

_REGIONAL = f"{REGION}:{ACCOUNT}"
ARNS = {
    "AWS::CloudWatch::Alarm": f"cloudwatch:{_REGIONAL}:alarm:{{name}}",
    "AWS::CodeBuild::Project": f"codebuild:{_REGIONAL}:project/{{name}}",
    "AWS::CodeCommit::Repository": f"codecommit:{_REGIONAL}:{{name}}",
    "AWS::DynamoDB::Table": f"dynamodb:{_REGIONAL}:table/{{name}}",
    "AWS::ECR::Repository": f"ecr:{_REGIONAL}:repository/{{name}}",
    "AWS::EKS::Cluster": f"eks:{_REGIONAL}:cluster/{{name}}",
    "AWS::Events::Rule": f"events:{_REGIONAL}:rule/{{name}}",
    "AWS::IAM::Role": f"iam::{ACCOUNT}:role/{{name}}",
    "AWS::KMS::Key": f"kms:{_REGIONAL}:key/{{name}}",
    "AWS::Lambda::Function": f"lambda:{_REGIONAL}:function:{{name}}",
    "AWS::Logs::LogGroup": f"logs:{_REGIONAL}:log-group:{{name}}:*",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::SageMaker::Endpoint": f"sagemaker:{_REGIONAL}:endpoint/{{name}}",
    "AWS::Scheduler::ScheduleGroup": f"scheduler:{_REGIONAL}:schedule-group/{{name}}",
    "AWS::SNS::Topic": f"sns:{_REGIONAL}:{{name}}",
    "AWS::SQS::Queue": f"sqs:{_REGIONAL}:{{name}}",
    "AWS::StepFunctions::StateMachine": f"states:{_REGIONAL}:stateMachine:{{name}}",
}
"""Resource type -> what follows "arn:aws:"."""

REF_IS_ARN = {"AWS::SageMaker::Endpoint", "AWS::SNS::Topic", "AWS::StepFunctions::StateMachine"}
"""Types whose Ref is their ARN, not their name."""


class Sample:
    """A template as deployed into account 111122223333 in eu-west-1.

    Names that CloudFormation would make up are the logical IDs in lower case; a mapping by Region
    reads as an account number, which is what the catalogue's mappings in policies hold.

    Args:
        template: The template.
    """

    def __init__(self, template: Template) -> None:
        self._template = template

    def arn(self, logical_id: str) -> str:
        """Returns the ARN of a resource; KeyError if its type has none here."""
        resource_type = self._template.resources[logical_id]["Type"]
        return "arn:aws:" + ARNS[resource_type].format(name=self._name(logical_id))

    def find(self, start: str) -> str:
        """Returns the one logical ID that is this and the digits that CDK puts behind it."""
        (found,) = (
            name for name in self._template.resources if re.fullmatch(f"{start}[0-9A-F]{{8}}", name)
        )
        return found

    def value(self, value: Any) -> Any:
        """Returns a value of the readable template with everything in it resolved."""
        match value:
            case str():
                return re.sub(r"<([\w:]+)(?:\.(\w+))?>", self._token, value)
            case list():
                return [self.value(item) for item in value]
            case dict():
                return {self.value(key): self.value(item) for key, item in value.items()}
            case _:
                return value

    def _token(self, found: re.Match[str]) -> str:
        name, attribute = found.groups()
        if name == "AWS::StackName":
            return self._template.name.replace("_", "-")
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self._template.document.get("Mappings", {}):
            return OTHER_ACCOUNT
        resource = self._template.resources.get(name)
        if resource is None:
            return found.group()
        is_arn = attribute == "Arn" or (attribute is None and resource["Type"] in REF_IS_ARN)
        return self.arn(name) if is_arn else self._name(name)

    def _name(self, logical_id: str) -> str:
        resource = self._template.resources[logical_id]
        kind = resource["Type"].split("::")[-1]
        properties = resource["Properties"]
        given = properties.get(f"{kind}Name") or properties.get("Name")
        return str(self.value(given)) if isinstance(given, str) else logical_id.lower()
