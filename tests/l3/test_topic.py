"""EncryptedTopic: who publishes needs the key as well, and only through SNS."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Match

from tests.l3.conftest import Parts


def test_publisher_may_publish_and_use_the_key_through_sns_only(parts: Parts) -> None:
    role = iam.Role(
        parts.stack, "Publisher", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com")
    )
    parts.topic.grant_publishing(role)
    via_sns = {
        "StringEquals": {
            "kms:ViaService": {
                "Fn::Join": ["", ["sns.", {"Ref": "AWS::Region"}, ".", {"Ref": "AWS::URLSuffix"}]]
            }
        }
    }
    parts.template.has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyDocument": {
                "Statement": [
                    Match.object_like(
                        {
                            "Action": "sns:Publish",
                            "Resource": parts.stack.resolve(parts.topic.topic_arn),
                        }
                    ),
                    Match.object_like(
                        {
                            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                            "Condition": via_sns,
                        }
                    ),
                ]
            }
        },
    )


def test_messages_are_encrypted_and_plain_http_is_denied(parts: Parts) -> None:
    key = parts.stack.resolve(parts.key.key_arn)
    assert parts.topic.topic_name
    parts.template.has_resource_properties("AWS::SNS::Topic", {"KmsMasterKeyId": key})
    parts.template.has_resource_properties(
        "AWS::SNS::TopicPolicy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Effect": "Deny",
                                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                            }
                        )
                    ]
                )
            }
        },
    )
