"""Faults on purpose arrive at clients as AWS's own would, and can be taken back."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from rehearsal.account import EmulatedAccount

IMPATIENT = Config(retries={"total_max_attempts": 1}, read_timeout=0.5)


@pytest.fixture
def failing(account: EmulatedAccount) -> Iterator[EmulatedAccount]:
    yield account
    account.heal()


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("s3", "list_buckets", "s3:ListAllMyBuckets"),
        ("sagemaker", "list_models", "sagemaker:ListModels"),
        ("cloudformation", "describe_stacks", "cloudformation:DescribeStacks"),
        ("dynamodb", "list_tables", "dynamodb:ListTables"),
        ("sns", "list_topics", "sns:ListTopics"),
        ("cloudwatch", "list_metrics", "cloudwatch:ListMetrics"),
    ],
)
def test_an_error_has_the_services_form(
    failing: EmulatedAccount, service: str, operation: str, action: str
) -> None:
    failing.fail(action, "ThrottlingException", times=2)
    with pytest.raises(ClientError) as refused:
        getattr(failing.client(service), operation)()
    assert refused.value.response["Error"]["Code"] == "ThrottlingException"
    getattr(failing.client(service), operation)()


def test_a_late_answer_is_a_time_out(
    failing: EmulatedAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing.fail("sns:ListTopics", seconds=1.5, times=1)
    for name, value in failing.environment.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("sns", config=IMPATIENT)
    with pytest.raises(ReadTimeoutError):
        client.list_topics()


def test_only_the_named_caller_meets_it(failing: EmulatedAccount) -> None:
    failing.fail("sns:ListTopics", "InternalError", status=500, caller="somebody-else")
    assert "Topics" in failing.client("sns").list_topics()


def test_all_calls_meet_it_until_it_is_taken_back(failing: EmulatedAccount) -> None:
    failing.fail("sns:ListTopics", "InternalError", status=500)
    with pytest.raises(ClientError, match="the rehearsal wants it so"):
        failing.client("sns").list_topics()
    failing.heal()
    failing.client("sns").list_topics()


def test_invocations_meet_it_too(failing: EmulatedAccount) -> None:
    runtime = failing.client("sagemaker-runtime")
    failing.fail("sagemaker:InvokeEndpoint", "ThrottlingException", times=2)
    with pytest.raises(ClientError, match="ThrottlingException"):
        runtime.invoke_endpoint(EndpointName="any", Body=b"1")
