"""The self-signed certificate: made by the real openssl, used for a real TLS connection."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.stub import Stubber
from moto import mock_aws

from mla_constructs.network.self_signed_certificate import FOLDER
from runtime.functions.custom_resources.handlers import builds, certificate, cloudformation

# As long as the name of an internal load balancer: too long for the subject of a certificate.
NAME = "internal-ecs-se-balan-1abcdefghijkl-1234567890.ap-southeast-2.elb.amazonaws.com"
ARN = "arn:aws:acm:us-east-1:123456789012:certificate/7c6d1f0a-2b57-4b8e-9a35-3d0ba1b0f0a1"

AWS = """#!/bin/sh
# Keeps what it is given to import, as ACM would, and answers with an ARN.
printf '%s\\n' "$@" > "$KEPT/arguments"
while [ $# -gt 0 ]; do
  case "$1" in
    --certificate) cp "${2#fileb://}" "$KEPT/certificate.pem" ;;
    --private-key) cp "${2#fileb://}" "$KEPT/key.pem"; ls -l "${2#fileb://}" > "$KEPT/mode" ;;
  esac
  shift
done
echo "$ARN"
"""


@dataclass(frozen=True)
class Imported:
    """What the build gave to ACM, and what it printed."""

    folder: Path
    printed: str
    logged: str

    @property
    def certificate(self) -> Path:
        return self.folder / "certificate.pem"

    @property
    def key(self) -> Path:
        return self.folder / "key.pem"


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    """Runs the build's command with a stand-in for the AWS command line."""
    folder = tmp_path_factory.mktemp("acm")
    aws = folder / "aws"
    aws.write_text(AWS)
    aws.chmod(0o755)
    ran = subprocess.run(
        ["/bin/bash", str(FOLDER / "import.sh")],
        env={
            "PATH": f"{folder}:{os.environ['PATH']}",
            "TMPDIR": str(folder),
            "KEPT": str(folder),
            "ARN": ARN,
            "DOMAIN_NAME": NAME,
            "DAYS": "3650",
            "STACK_NAME": "ecs-serving",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return Imported(folder, ran.stdout, ran.stderr)


def test_build_prints_the_arn_and_nothing_of_the_key(imported: Imported) -> None:
    assert imported.printed == f"{ARN}\n"
    assert imported.logged == ""
    assert "PRIVATE KEY" in imported.key.read_text()
    assert "PRIVATE KEY" not in (imported.folder / "arguments").read_text()


def test_key_is_readable_by_the_build_alone_and_gone_afterwards(imported: Imported) -> None:
    assert (imported.folder / "mode").read_text().startswith("-rw-------")
    left = {file.name for file in imported.folder.iterdir()}
    assert left == {"aws", "arguments", "certificate.pem", "key.pem", "mode"}


def test_certificate_carries_the_stacks_tag(imported: Imported) -> None:
    arguments = (imported.folder / "arguments").read_text().splitlines()
    assert arguments[arguments.index("--tags") + 1] == "Key=stack,Value=ecs-serving"


def test_client_that_trusts_the_certificate_speaks_tls_to_this_name(imported: Imported) -> None:
    assert answered(imported, NAME) == b"pong"


def test_client_does_not_take_it_for_another_name(imported: Imported) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        answered(imported, "another.elb.amazonaws.com")


def answered(imported: Imported, name: str) -> bytes:
    """Returns the answer of a server with the certificate to a client that verifies it."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(imported.certificate, imported.key)
    client = ssl.create_default_context(cafile=imported.certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            plain, _ = listener.accept()
            try:
                with plain, server.wrap_socket(plain, server_side=True) as connection:
                    connection.sendall(b"pong")
            except (ssl.SSLError, ConnectionError):
                pass  # a client that refuses the certificate hangs up

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with (
                socket.create_connection(listener.getsockname(), timeout=10) as plain,
                client.wrap_socket(plain, server_hostname=name) as connection,
            ):
                return connection.recv(16)
        finally:
            thread.join()


def test_buildspec_exports_what_the_script_prints() -> None:
    spec = yaml.safe_load((FOLDER / "buildspec.yml").read_text())
    assert spec["env"]["exported-variables"] == ["CERTIFICATE_ARN"]
    commands = spec["phases"]["build"]["commands"]
    assert commands[0] == 'bash "$CODEBUILD_SRC_DIR/import.sh" > /tmp/certificate-arn'
    assert (FOLDER / "import.sh").is_file()


# The custom resource


class Context:
    """A Lambda context with so much time left."""

    def __init__(self, seconds: int = 900) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return self.seconds * 1000


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """What CloudFormation is told: status, reason, physical id."""
    found: list[tuple[str, str, str]] = []

    def keep(_: Any, status: str, reason: str, done: cloudformation.Done) -> None:
        found.append((status, reason, done.physical_id))

    monkeypatch.setattr(cloudformation, "_answer", keep)
    return found


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setattr(certificate.time, "sleep", lambda _: None)
    monkeypatch.setattr(builds.time, "sleep", lambda _: None)


def event(request_type: str, **more: Any) -> dict[str, Any]:
    return {
        "RequestType": request_type,
        "RequestId": "b8d1c7a4-19d5-4d4a-a5c8-2f6a5f8a7d11",
        "LogicalResourceId": "CertificateMade",
        "ResourceProperties": {"ProjectName": "certificates", "DomainName": NAME},
        **more,
    }


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_arn_is_the_name_of_the_resource(
    request_type: str, monkeypatch: pytest.MonkeyPatch, told: list[tuple[str, str, str]]
) -> None:
    """So that after an update CloudFormation deletes the certificate that was there before."""
    client = boto3.client("codebuild")
    monkeypatch.setattr(certificate.boto3, "client", lambda _: client)
    with Stubber(client) as stub:
        stub.add_response("start_build", {"build": {"id": "certificates:1"}})
        stub.add_response(
            "batch_get_builds",
            {
                "builds": [
                    {
                        "id": "certificates:1",
                        "buildStatus": "SUCCEEDED",
                        "exportedEnvironmentVariables": [{"name": "CERTIFICATE_ARN", "value": ARN}],
                    }
                ]
            },
        )
        certificate.handler(event(request_type), Context())
    assert told == [("SUCCESS", "", ARN)]


def test_deletion_deletes_the_certificate(
    imported: Imported, told: list[tuple[str, str, str]]
) -> None:
    with mock_aws():
        acm = boto3.client("acm")
        arn = acm.import_certificate(
            Certificate=imported.certificate.read_bytes(), PrivateKey=imported.key.read_bytes()
        )["CertificateArn"]
        certificate.handler(event("Delete", PhysicalResourceId=arn), Context())
        assert acm.list_certificates()["CertificateSummaryList"] == []
        assert told == [("SUCCESS", "", arn)]
        certificate.handler(event("Delete", PhysicalResourceId=arn), Context())
    assert told[1][0] == "SUCCESS", "a certificate that is gone already counts as deleted"


def test_deletion_of_what_was_never_made_asks_for_nothing(
    told: list[tuple[str, str, str]],
) -> None:
    certificate.handler(event("Delete", PhysicalResourceId="CertificateMade"), Context())
    assert told == [("SUCCESS", "", "CertificateMade")]


def delete_in_use(monkeypatch: pytest.MonkeyPatch, *, answers: int, context: Context) -> None:
    client = boto3.client("acm")
    monkeypatch.setattr(certificate.boto3, "client", lambda _: client)
    with Stubber(client) as stub:
        for _ in range(answers):
            stub.add_client_error("delete_certificate", "ResourceInUseException")
        stub.add_response("delete_certificate", {})
        certificate.handler(event("Delete", PhysicalResourceId=ARN), context)


def test_deletion_waits_for_the_listener_that_has_just_gone(
    monkeypatch: pytest.MonkeyPatch, told: list[tuple[str, str, str]]
) -> None:
    delete_in_use(monkeypatch, answers=3, context=Context())
    assert told == [("SUCCESS", "", ARN)]


def test_certificate_that_stays_in_use_is_a_failure_that_says_so(
    monkeypatch: pytest.MonkeyPatch, told: list[tuple[str, str, str]]
) -> None:
    delete_in_use(monkeypatch, answers=1, context=Context(seconds=10))
    ((status, reason, _),) = told
    assert status == "FAILED"
    assert "still in use" in reason
