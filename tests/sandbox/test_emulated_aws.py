"""The emulator's faults arrive at boto3 as a real account's would."""

from __future__ import annotations

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.support.emulated_aws import EmulatedAws

ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=20)


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("sagemaker", "list_endpoints", {}),
        ("sts", "get_caller_identity", {}),
        ("ec2", "describe_network_interfaces", {}),
        ("s3", "list_buckets", {}),
        ("s3", "get_bucket_tagging", {"Bucket": "some-bucket"}),
        ("s3", "list_objects_v2", {"Bucket": "some-bucket", "Prefix": "a/b"}),
        ("efs", "describe_file_systems", {}),
        ("cloudwatch", "list_metrics", {}),
        ("service-quotas", "list_service_quotas", {"ServiceCode": "sagemaker"}),
        ("resourcegroupstaggingapi", "get_resources", {}),
        ("logs", "describe_log_groups", {}),
    ],
)
def test_a_fault_arrives_as_the_service_would_say_it(
    aws: EmulatedAws, service: str, operation: str, arguments: dict[str, str]
) -> None:
    client = boto3.client(service, config=ONCE)
    name = client.meta.method_to_api_mapping[operation]
    aws.fail(f"{service}:{name}", "AccessDenied", status=403, times=1)
    with pytest.raises(ClientError) as refused:
        getattr(client, operation)(**arguments)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert aws.calls == [f"{service}:{name}"]


def test_a_throttled_call_is_tried_again(aws: EmulatedAws) -> None:
    aws.fail("sagemaker:*", "ThrottlingException", times=1)
    assert boto3.client("sagemaker").list_endpoints()["Endpoints"] == []
    assert len(aws.calls) == 2


def test_a_late_answer_is_a_time_out(aws: EmulatedAws) -> None:
    aws.delay("kms:ListKeys", 1.0)
    impatient = ONCE.merge(Config(read_timeout=0.5))
    with pytest.raises(ReadTimeoutError):
        boto3.client("kms", config=impatient).list_keys()


def test_what_is_not_refused_is_answered(aws: EmulatedAws) -> None:
    aws.fail("kms:CreateKey", "AccessDeniedException")
    boto3.client("s3").create_bucket(Bucket="some-bucket")
    buckets = aws.client("s3").list_buckets()["Buckets"]
    assert [bucket["Name"] for bucket in buckets] == ["some-bucket"]
