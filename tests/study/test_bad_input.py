"""Unusable input: one sentence with the value and the fix, exit code 2, nothing half-written."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from catalogue.discover import ROOT, discover
from catalogue.errors import UsageError
from catalogue.model import Limit
from catalogue.template import Template
from study import assembly as assemblies
from study import cli
from study.validation import findings


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["show", "realtime_endpont"], "'realtime_endpont': did you mean 'realtime_endpoint'?"),
        (["show", "zzz"], "'zzz': choose from airflow_workflow,"),
        (["compare", "async_endpoint", "sync"], "There is no architecture 'sync'"),
        (["compare", "async_endpoint"], "'async_endpoint' alone cannot be compared"),
        (["compare"], "Nothing to compare: name two architectures, or a --question."),
        (["compare", "--question", "rolout"], "no question 'rolout': did you mean 'rollout'?"),
        (["compare", "autoscaling_policies"], "by --option policy."),
        (["compare", "autoscaling_policies", "--option", "polcy"], "did you mean 'policy'?"),
        (["compare", "async_endpoint", "--option", "policy"], "has no option to choose from"),
        (["compare", "shadow_test", "byoc_image", "--option", "x"], "name exactly one"),
        (["list", "--domain", "deploy"], "There is no exam domain 'deploy': did you mean"),
        (["list", "--task", "9.9"], "There is no exam task '9.9'"),
        (["list", "--domain", "data_preparation", "--task", "3.1"], "No architecture is in domain"),
        (["show", "async_endpoint", "--assembly", "/nowhere"], "There is no /nowhere/async"),
        (["rehearse"], "No architecture is named: name one or more, or say --all."),
        (["rehearse", "realtime_endpont"], "did you mean 'realtime_endpoint'?"),
        (["rehearse", "async_endpoint", "shadow_test", "--keep"], "--keep waits for one"),
        (["invoke", "realtime_endpont"], "did you mean 'realtime_endpoint'?"),
        (["invoke", "airflow_workflow"], "airflow_workflow answers no requests: "),
        (["invoke", "realtime_endpoint", "--file", "/nowhere"], "/nowhere cannot be read: No such"),
    ],
)
def test_mla_says_what_is_wrong(
    arguments: list[str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["mla", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert printed.out == ""
    assert sentence in printed.err
    assert len(printed.err.splitlines()) == 1


def run(context: dict[str, object], outdir: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": str(Path(sys.executable).parent),
        "HOME": str(Path.home()),
        "CDK_CONTEXT_JSON": json.dumps(context),
        "CDK_OUTDIR": str(outdir),
    }
    return subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("context", "sentence"),
    [
        ({"stack": "realtime"}, "There is no architecture 'realtime': did you mean"),
        ({"stack": 7}, "Context stack is 7: give it as text"),
        ({"retain_data": "maybe"}, "Context retain_data is 'maybe': set it to true or false."),
        ({"retain_data": 1}, "Context retain_data is 1: set it to true or false."),
        ({"region": "Frankfurt"}, "region is 'Frankfurt': name an AWS region"),
        ({"region": "eu-atlantis-1"}, "'eu-atlantis-1', for which no xgboost image is known"),
        ({"expire_after_hours": "8h"}, "expire_after_hours is '8h': give whole hours, from 1 to"),
        ({"packs": "some"}, "packs is 'some': the only choice is 'all'."),
    ],
)
def test_app_says_what_is_wrong(context: dict[str, object], sentence: str, tmp_path: Path) -> None:
    process = run(context, tmp_path / "out")
    assert process.returncode == 2
    assert sentence in process.stderr
    assert "Traceback" not in process.stderr
    assert len(process.stderr.splitlines()) == 1
    assert not list(tmp_path.rglob("*.json")), "a template or a manifest was written"


def test_region_with_an_image_is_built_for(tmp_path: Path) -> None:
    process = run({"region": "eu-central-1", "stack": "serverless_endpoint"}, tmp_path)
    assert process.returncode == 0, process.stderr
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    environment = manifest["artifacts"]["serverless-endpoint"]["environment"]
    assert environment == "aws://unknown-account/eu-central-1"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"Resources": []}', "\x00"])
def test_corrupt_template_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "async-endpoint.template.json").write_text(content)
    with pytest.raises(UsageError, match=r"template"):
        assemblies.load([discover()["async_endpoint"]], tmp_path)


@pytest.mark.parametrize("content", ["", "[]", '{"pluginReports": [{}]}'])
def test_corrupt_validation_report_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "validation-report.json").write_text(content)
    with pytest.raises(UsageError, match=re.escape(str(tmp_path))):
        findings(tmp_path)


def test_template_without_what_its_facts_read_is_named() -> None:
    template = Template({"Resources": {}}, "async_endpoint")
    fact = discover()["async_endpoint"].facts.comparison["Compute"]
    with pytest.raises(UsageError, match="async_endpoint has no AWS::SageMaker::EndpointConfig"):
        template.text(fact)


def test_folder_that_is_no_exam_domain_is_named(tmp_path: Path) -> None:
    facts = tmp_path / "deploiment" / "some_endpoint" / "facts.py"
    facts.parent.mkdir(parents=True)
    facts.touch()
    from catalogue.discover import discover as walk

    with pytest.raises(UsageError, match="'deploiment': did you mean 'deployment'"):
        walk(tmp_path)


@pytest.mark.parametrize(
    ("setting", "violation"),
    [
        (1024, None),
        (6144, None),
        (512, "memory: 512 is below 1024"),
        (7168, "memory: 7168 is above 6144"),
        (1500, "memory: 1500 is no multiple of 1024"),
    ],
)
def test_limit_knows_what_violates_it(setting: float, violation: str | None) -> None:
    source = discover()["realtime_endpoint"].facts.availability.source
    limit = Limit(name="memory", value="", source=source, minimum=1024, maximum=6144, step=1024)
    assert limit.violation(setting) == violation
