"""An emulated account starts, is alone, is strict, and leaves no process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from catalogue.discover import ROOT
from catalogue.errors import UsageError
from rehearsal import account as module
from rehearsal.account import ACCOUNT, EmulatedAccount
from rehearsal.errors import RehearsalError


def processes(folder: Path) -> list[str]:
    """Command lines of the processes whose environment or arguments name a folder."""
    found = []
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            environment = status.with_name("environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in environment:
            found.append(status.read_bytes().replace(b"\0", b" ").decode())
    return found


def test_it_answers_on_loopback_only(account: EmulatedAccount) -> None:
    assert account.client("sts").get_caller_identity()["Account"] == ACCOUNT
    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    port = f":{int(account.url.rpartition(':')[2]):04X}"
    addresses = [line.split()[1] for line in listening.splitlines() if " 0A " in line]
    loopback = "0100007F"
    assert [a for a in addresses if a.endswith(port)] == [loopback + port]


def test_two_at_once_do_not_meet(account: EmulatedAccount, tmp_path: Path) -> None:
    with EmulatedAccount(tmp_path) as other:
        other.client("s3").create_bucket(Bucket="only-in-the-other")
        names = [b["Name"] for b in account.client("s3").list_buckets()["Buckets"]]
        assert "only-in-the-other" not in names
        assert other.url != account.url
        assert other.environment["CDK_HOME"] != account.environment["CDK_HOME"]


def test_nothing_runs_after_the_end(tmp_path: Path) -> None:
    with EmulatedAccount(tmp_path) as account:
        url = account.url
    with pytest.raises(RehearsalError, match="does not answer"):
        account.control("ready")
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) != 0
    assert account.log.exists()


def test_a_killed_emulator_is_said_in_one_sentence(tmp_path: Path) -> None:
    with EmulatedAccount(tmp_path) as account:
        assert account._process is not None
        account._process.send_signal(signal.SIGKILL)
        account._process.wait(10)
        with pytest.raises(RehearsalError, match=r"does not answer .*emulator\.log"):
            account.advance(60)


def test_a_missing_environment_is_said_with_its_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EMULATOR", tmp_path / "bin" / "python")
    with pytest.raises(UsageError, match="run `make rehearsal` once"):
        EmulatedAccount(tmp_path)


def test_an_emulator_that_ends_at_once_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EMULATOR", Path("/bin/false"))
    with pytest.raises(RehearsalError, match="ended with code 1"), EmulatedAccount(tmp_path):
        pass


def test_time_is_the_accounts_own(account: EmulatedAccount) -> None:
    before = account.control("ready")["now"]
    account.advance(3600)
    after = account.control("ready")["now"]
    assert after[:13] != before[:13]
    assert abs(time.time() - Path(account.log).stat().st_mtime) < 3600


def test_permissions_are_enforced(account: EmulatedAccount) -> None:
    iam = account.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role = iam.create_role(RoleName="nobody", AssumeRolePolicyDocument=json.dumps(trust))
    session = account.client("sts").assume_role(
        RoleArn=role["Role"]["Arn"], RoleSessionName="test"
    )["Credentials"]
    import boto3

    for service, call in (("s3", "list_buckets"), ("sagemaker", "list_models")):
        client = boto3.client(
            service,
            endpoint_url=account.url,
            region_name="us-east-1",
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
        )
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(client, call)()


def test_what_is_not_emulated_is_refused_by_name(account: EmulatedAccount) -> None:
    with pytest.raises(ClientError, match="does not know sagemaker CreateNotebookInstance"):
        account.client("sagemaker").create_notebook_instance(
            NotebookInstanceName="n", InstanceType="ml.t3.medium", RoleArn="arn:aws:iam::1:role/r1"
        )


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_it_ends_nothing_goes_on(tmp_path: Path, ending: signal.Signals) -> None:
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from rehearsal.account import EmulatedAccount\n"
        "with EmulatedAccount(Path(sys.argv[1])) as account:\n"
        "    print(account.url, flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "MARK": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("http://127.0.0.1:")
    assert processes(tmp_path)
    process.send_signal(ending)
    process.wait(20)
    process.stdout.close()
    deadline = time.monotonic() + 20
    while processes(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes(tmp_path) == []
