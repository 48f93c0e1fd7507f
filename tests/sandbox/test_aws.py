"""The way into an account: what it finds unusable, and what it says of a refusal."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ParamValidationError

from catalogue.errors import UsageError
from sandbox.aws import Rejected, Unseen, connect, permission
from tests.support.emulated_aws import EmulatedAws


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.mark.usefixtures("no_credentials")
def test_without_credentials_nothing_is_asked() -> None:
    with pytest.raises(UsageError, match="No AWS credentials: sign in"):
        connect("eu-west-1")


@pytest.mark.usefixtures("no_credentials")
def test_without_a_region_nothing_is_asked() -> None:
    with pytest.raises(UsageError, match="name one by --region"):
        connect()


@pytest.mark.usefixtures("no_credentials")
def test_a_profile_that_is_not_there_is_unusable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(UsageError, match=r"configuration is not usable: .*\(nobody\)"):
        connect("eu-west-1")


def test_the_region_is_the_given_one_then_the_environment_s(
    aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert connect().region == "us-east-1"
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert connect().region == "eu-west-1"
    assert connect("eu-north-1").region == "eu-north-1"
    with pytest.raises(UsageError, match="no AWS Region 'eu-wst-1': did you mean 'eu-west-1'"):
        connect("eu-wst-1")
    assert aws.calls == []


@pytest.mark.usefixtures("aws")
def test_other_partitions_have_a_home_of_their_own() -> None:
    china = connect("cn-northwest-1")
    assert (china.partition, china.home) == ("aws-cn", "cn-north-1")
    assert connect("ap-south-1").home == "us-east-1"


@pytest.mark.usefixtures("aws")
def test_an_endpoint_that_is_no_url_is_unusable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    with pytest.raises(UsageError, match="not usable: Invalid endpoint: nonsense"):
        connect().ask("sts", "get_caller_identity")


@pytest.mark.parametrize(
    ("code", "sentence", "kind"),
    [
        ("AccessDeniedException", "kms:ListKeys is not allowed to this identity", Unseen),
        ("ThrottlingException", "was throttled 3 times", Unseen),
        ("InternalFailure", "failed with InternalFailure: ListKeys was refused", Unseen),
        ("ExpiredTokenException", r"expired or not valid \(ExpiredTokenException\)", Rejected),
        ("UnrecognizedClientException", "sign in again", Rejected),
    ],
)
def test_a_refusal_is_a_sentence(
    aws: EmulatedAws, code: str, sentence: str, kind: type[Unseen]
) -> None:
    aws.fail("kms:ListKeys", code)
    with pytest.raises(kind, match=sentence) as refused:
        connect().pages("kms", "list_keys", "Keys")
    assert (refused.value.call, refused.value.code) == ("kms:ListKeys", code)
    assert type(refused.value) is kind


def test_what_is_throttled_once_is_answered(aws: EmulatedAws) -> None:
    aws.fail("kms:ListKeys", "ThrottlingException", times=1)
    assert connect().pages("kms", "list_keys", "Keys") == []
    assert len(aws.calls) == 2


def test_a_late_answer_is_not_waited_for(aws: EmulatedAws) -> None:
    aws.delay("kms:ListKeys", 0.6)
    with pytest.raises(Unseen, match=r"kms:ListKeys did not answer in time \(ReadTimeoutError\)"):
        connect(read_seconds=0.2).ask("kms", "list_keys")


@pytest.mark.usefixtures("aws")
def test_nobody_at_the_endpoint_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(Unseen, match="EndpointConnectionError"):
        connect().ask("sts", "get_caller_identity")


def test_nothing_is_begun_once_patience_is_over(aws: EmulatedAws) -> None:
    with pytest.raises(Unseen, match="kms:ListKeys was not asked: earlier calls took too long"):
        connect(patience=-1).ask("kms", "list_keys")
    assert aws.calls == []


@pytest.mark.usefixtures("aws")
def test_a_call_that_is_wrong_in_itself_is_no_refusal() -> None:
    with pytest.raises(ParamValidationError):
        connect().ask("kms", "describe_key")


@pytest.mark.parametrize(
    ("call", "action"),
    [
        ("s3:ListBuckets", "s3:ListAllMyBuckets"),
        ("service-quotas:ListServiceQuotas", "servicequotas:ListServiceQuotas"),
        ("sagemaker:ListEndpoints", "sagemaker:ListEndpoints"),
    ],
)
def test_a_permission_has_the_name_that_iam_gives_it(call: str, action: str) -> None:
    assert permission(call) == action


def test_clients_are_made_once(aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    account = connect()
    first = account.client("kms")
    monkeypatch.setattr(boto3.Session, "client", None)
    assert account.client("kms") is first
    assert aws.calls == []
