"""`mla invoke` against a stack in the emulated account, as a client of a real one would use it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rehearsal.account import EmulatedAccount
from runtime.models import tumor_classifier
from study import cli
from tests.support.small_assembly import endpoint

STACK = "realtime-endpoint"
Mla = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def deployed(account: EmulatedAccount) -> Iterator[EmulatedAccount]:
    """The account with a stack that has the name and the output of the architecture's."""
    bucket = "artifacts"
    s3, cloudformation = account.client("s3"), account.client("cloudformation")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="model.tar.gz", Body=tumor_classifier.ARTIFACT.read_bytes())
    template = {
        "Resources": endpoint(f"s3://{bucket}/model.tar.gz"),
        "Outputs": {"EndpointName": {"Value": {"Fn::GetAtt": ["Endpoint", "EndpointName"]}}},
    }
    cloudformation.create_stack(
        StackName=STACK, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"]
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    yield account
    cloudformation.delete_stack(StackName=STACK)
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    s3.delete_object(Bucket=bucket, Key="model.tar.gz")
    s3.delete_bucket(Bucket=bucket)


@pytest.fixture
def mla(
    account: EmulatedAccount, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Mla:
    """Runs the command with the environment that `mla rehearse --keep` prints."""
    for name, value in account.environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mla", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


def test_a_stack_that_is_not_there_is_said(mla: Mla) -> None:
    code, out, err = mla("invoke", "shadow_test")
    assert (code, out) == (2, "")
    assert err.startswith("error: There is no stack shadow-test in us-east-1: deploy it by")


@pytest.mark.usefixtures("deployed")
def test_the_model_answers_its_first_sample(mla: Mla) -> None:
    code, out, err = mla("invoke", "realtime_endpoint")
    assert (code, err) == (0, "")
    expected = tumor_classifier.SAMPLE_ANSWERS.read_text().splitlines()[0]
    assert float(out) == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.usefixtures("deployed")
def test_the_model_answers_a_file(mla: Mla, tmp_path: Path) -> None:
    rows = tumor_classifier.SAMPLE_REQUESTS.read_text().splitlines()[:3]
    file = tmp_path / "rows.csv"
    file.write_text("\n".join(rows))
    code, out, _ = mla("invoke", "realtime-endpoint", "--file", str(file))
    assert code == 0
    assert len(out.replace(",", "\n").split()) == len(rows)


@pytest.mark.usefixtures("deployed")
def test_what_the_model_refuses_is_one_sentence(mla: Mla, tmp_path: Path) -> None:
    file = tmp_path / "words.csv"
    file.write_text("no,numbers,at,all")
    code, out, err = mla("invoke", "realtime_endpoint", "--file", str(file))
    assert (code, out) == (1, "")
    assert "InvokeEndpoint failed with ModelError" in err
    assert len(err.splitlines()) == 1


def test_a_denied_look_is_one_sentence(mla: Mla, account: EmulatedAccount) -> None:
    account.fail("cloudformation:DescribeStacks", "AccessDenied", status=403)
    try:
        code, out, err = mla("invoke", "realtime_endpoint")
    finally:
        account.heal()
    assert (code, out) == (2, "")
    assert "cloudformation:DescribeStacks is not allowed to this identity" in err
    assert len(err.splitlines()) == 1
