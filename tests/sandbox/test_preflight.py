"""`mla preflight` as a command: exit codes, what it prints, and accounts that answer badly."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sandbox import aws as access
from sandbox.preflight import checks
from sandbox.preflight.findings import State
from study import cli
from study import preflight as study
from tests.sandbox.furnished import DOCUMENT, furnish, grant, missing, subject
from tests.support.emulated_aws import ACCOUNT, REGION, EmulatedAws

Mla = Callable[..., tuple[int, str, str]]

REFUSABLE = [
    "cloudformation:DescribeStacks",
    "cloudwatch:GetMetricStatistics",
    "ec2:DescribeRegions",
    "ec2:DescribeVpcs",
    "ecr:DescribeImages",
    "logs:DescribeLogGroups",
    "pricing:GetProducts",
    "sagemaker:DescribeEndpoint",
    "service-quotas:ListAWSDefaultServiceQuotas",
    "service-quotas:ListServiceQuotas",
    "ssm:GetParameter",
    "sts:GetCallerIdentity",
]
"""The calls of a preflight of the small template."""


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    """An assembly with the small template under the real-time endpoint's name."""
    (tmp_path / "realtime-endpoint.template.json").write_text(json.dumps(DOCUMENT))
    (tmp_path / "manifest.json").write_text(json.dumps({"minimumCliVersion": "2.1000.0"}))
    return tmp_path


@pytest.fixture
def mla(assembly: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mla:
    """Runs the command; returns exit code, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        given = ["mla", "preflight", "realtime_endpoint", "--assembly", str(assembly), *arguments]
        monkeypatch.setattr(sys, "argv", given)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """The account's clients are those of other tests: making them takes seconds."""
    monkeypatch.setattr(study, "connect", lambda *_, **__: subject().account)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that take more than 0.3 s are late; nothing is asked twice."""
    monkeypatch.setattr(study, "connect", partial(access.connect, read_seconds=0.3))
    monkeypatch.setattr(access, "ATTEMPTS", 1)


def sections(out: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(out)["sections"]
    return found


def states(out: str) -> dict[str, str]:
    return {row["Check"]: row["State"] for row in sections(out)["Checks"]}


def test_an_account_that_has_everything(mla: Mla, aws: EmulatedAws) -> None:
    furnish(aws)
    code, out, err = mla("--format", "json")
    assert (code, err) == (0, "")
    assert set(aws.calls) == set(REFUSABLE)
    assert set(states(out).values()) == {"ok"}
    assert "What to do" not in sections(out)
    rows = {row["Item"]: row for row in sections(out)["Paid for while nobody uses it"]}
    assert rows["ml.m5.large behind an endpoint"]["USD a month"] == "83.95"
    assert rows["KMS key"]["One costs"]["confidence"] == "second-hand"
    assert rows["in all"]["USD a month"] == "84.95"
    lead = json.loads(out)["lead"]
    assert lead.startswith("0 problems, 0 not seen, 1")
    assert lead.endswith("Forgotten, it costs 0.12 USD an hour, 85 in 730 h.")


@pytest.mark.usefixtures("shared")
def test_an_empty_account(mla: Mla, aws: EmulatedAws) -> None:
    furnish(aws)
    aws.client("ssm").delete_parameter(Name="/cdk-bootstrap/hnb659fds/version")
    aws.answers["ecr:DescribeImages"] = missing
    grant(aws, [])
    code, out, err = mla("--format", "json")
    assert (code, err) == (1, "")
    assert states(out)["bootstrap"] == "problem"
    assert states(out)["quota: instances per endpoint"] == "could not see"
    fixes = {row["Check"]: row["Fix"] for row in sections(out)["What to do"]}
    assert fixes["bootstrap"] == f"npx cdk bootstrap aws://{ACCOUNT}/{REGION}"


def test_a_table_of_a_hundred_columns(mla: Mla, aws: EmulatedAws) -> None:
    furnish(aws)
    grant(aws, [])
    code, out, err = mla()
    assert (code, err) == (0, "")
    assert out.startswith(f"Preflight of realtime_endpoint in {REGION}\n")
    assert max(map(len, out.splitlines())) <= 100
    for heading in ("Checks", "What to do", "Paid for while nobody uses it"):
        assert heading in out


@pytest.mark.usefixtures("shared")
def test_a_sum_that_lacks_something_says_so(mla: Mla, aws: EmulatedAws, assembly: Path) -> None:
    furnish(aws)
    file = assembly / "realtime-endpoint.template.json"
    file.write_text(json.dumps(DOCUMENT).replace("ml.m5.large", "ml.c7g.large"))
    _, out, _ = mla("--format", "json")
    assert json.loads(out)["lead"].endswith("in 730 h, and what is not estimated.")
    assert sections(out)["Not estimated"] == [
        {"Item": "ml.c7g.large behind an endpoint", "What it is": "1, at no known price"}
    ]


@pytest.mark.usefixtures("shared")
def test_markdown_is_a_document(mla: Mla, aws: EmulatedAws) -> None:
    furnish(aws)
    _, out, _ = mla("--format", "markdown")
    assert "## Checks" in out
    assert "## Sources" in out


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("call", REFUSABLE)
def test_a_call_that_is_denied_is_named_and_the_others_go_on(
    mla: Mla, aws: EmulatedAws, call: str
) -> None:
    furnish(aws)
    aws.fail(call, "AccessDeniedException", status=403)
    code, out, err = mla("--format", "json")
    assert (code, err) == (0, "")
    assert "problem" not in states(out).values()
    seen = list(states(out).values())
    assert seen.count("ok") >= 8
    needed = call.replace("service-quotas", "servicequotas")
    told = f"{needed} is not allowed" in out or "how many are in use was not seen" in out
    # The defaults are needed only for what the account has no quota of its own for.
    assert told or call == "service-quotas:ListAWSDefaultServiceQuotas"


@pytest.mark.usefixtures("shared")
def test_all_that_can_be_denied_is(mla: Mla, aws: EmulatedAws) -> None:
    for call in REFUSABLE:
        aws.fail(call, "AccessDeniedException", status=403)
    code, out, err = mla("--format", "json")
    assert (code, err) == (0, "")
    local = {"CDK command line", "aws-cdk-lib", "Node", "feature", "resource types"}
    assert {check for check, state in states(out).items() if state == "ok"} == local
    assert set(states(out).values()) == {"ok", "could not see"}
    fixes = sections(out)["What to do"]
    assert all(row["Fix"].startswith("Allow ") for row in fixes)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("code", ["ThrottlingException", "InternalFailure"])
def test_an_account_that_answers_nothing_but_errors(mla: Mla, aws: EmulatedAws, code: str) -> None:
    for call in REFUSABLE:
        aws.fail(call, code, status=500)
    exit_code, out, err = mla("--format", "json")
    assert (exit_code, err) == (0, "")
    assert "problem" not in states(out).values()
    assert {row["Fix"] for row in sections(out)["What to do"]} == {"Run the same command again."}


@pytest.mark.usefixtures("impatient")
def test_a_service_that_is_late_is_named(mla: Mla, aws: EmulatedAws) -> None:
    furnish(aws)
    aws.delay("service-quotas:*", 0.8)
    code, out, err = mla("--format", "json")
    assert (code, err) == (0, "")
    assert "servicequotas:ListServiceQuotas did not answer in time (ReadTimeoutError)" in out
    assert states(out)["quotas: sagemaker"] == "could not see"


def test_nothing_is_asked_once_patience_is_over(
    mla: Mla, aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "PATIENCE", -1.0)
    code, out, err = mla("--format", "json")
    assert (code, err) == (0, "")
    assert out.count("earlier calls took too long") >= 8
    assert aws.calls == []


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId"])
def test_credentials_that_are_not_valid_end_it(mla: Mla, aws: EmulatedAws, code: str) -> None:
    aws.fail("sts:GetCallerIdentity", code, status=403)
    exit_code, out, err = mla()
    assert (exit_code, out) == (2, "")
    assert err.startswith("error: AWS does not accept the credentials:")
    assert len(err.splitlines()) == 1
    assert aws.calls == ["sts:GetCallerIdentity"]


def test_without_credentials_it_ends(
    mla: Mla, aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    code, out, err = mla()
    assert (code, out) == (2, "")
    assert err.startswith("error: No AWS credentials")
    assert aws.calls == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--region", "eu-wst-1"], "There is no AWS Region 'eu-wst-1': did you mean 'eu-west-1'?"),
        (["-c", "policy"], "-c 'policy' chooses nothing: write it as -c name=value."),
        (["-c", "policy=step"], "leave out either it or -c"),
        (["--assembly", "/nowhere"], "There is no /nowhere/realtime-endpoint.template.json"),
    ],
)
@pytest.mark.usefixtures("aws")
def test_unusable_input_ends_it(mla: Mla, arguments: list[str], sentence: str) -> None:
    code, out, err = mla(*arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("slug", "option", "sentence"),
    [
        ("realtime_endpont", "a=b", "did you mean 'realtime_endpoint'?"),
        ("async_endpoint", "policy=step", "no option of async_endpoint 'policy'"),
        ("async_endpoint", "expire_after_hours=0", "expire_after_hours is '0': give whole hours"),
        ("autoscaling_policies", "polcy=step", "no option of autoscaling_policies 'polcy'"),
    ],
)
@pytest.mark.usefixtures("aws")
def test_an_option_that_is_not_there_ends_it(
    slug: str,
    option: str,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["mla", "preflight", slug, "-c", option])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr()
    assert (ended.value.code, printed.out) == (2, "")
    assert sentence in printed.err


@pytest.mark.usefixtures("shared")
def test_a_template_that_is_not_understood_is_not_seen(
    mla: Mla, aws: EmulatedAws, assembly: Path
) -> None:
    furnish(aws)
    target = DOCUMENT["Resources"]["Target"]
    count = {**target["Properties"], "MaxCapacity": {"Ref": "Maximum"}}
    resources = {**DOCUMENT["Resources"], "Target": {**target, "Properties": count}}
    file = assembly / "realtime-endpoint.template.json"
    file.write_text(json.dumps({**DOCUMENT, "Resources": resources}))
    code, out, err = mla("--format", "json")
    assert (code, err) == (0, "")
    assert states(out)["quotas"] == "could not see"
    assert "ValueError" in out
    assert states(out)["bootstrap"] == "ok"


def test_progress_is_shown_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(terminal: bool) -> str:
        stream = io.StringIO()
        monkeypatch.setattr(stream, "isatty", lambda: terminal)
        monkeypatch.setattr(sys, "stderr", stream)
        with study.progress() as done:
            done("bootstrap")
        return stream.getvalue()

    monkeypatch.setenv("TERM", "xterm")
    assert "Asking the account" in shown(terminal=True)
    assert shown(terminal=False) == ""


def test_checks_run_at_the_same_time(aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    from threading import Barrier

    together = Barrier(2, timeout=20)

    def met(_: object) -> list[Any]:
        together.wait()
        return []

    monkeypatch.setattr(checks, "CHECKS", {"one": met, "other": met})
    furnish(aws)
    result = checks.preflight(subject(), lambda check: None)  # noqa: ARG005
    assert result.count(State.OK) == 3
