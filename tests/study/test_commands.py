"""The `mla` command over the assembly that all template tests share."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalogue.discover import Architecture, discover
from study import cli
from study.report import WIDTH

FOUR = ["realtime_endpoint", "serverless_endpoint", "async_endpoint", "batch_transform"]
Mla = Callable[..., tuple[int, str, str]]


@pytest.fixture
def mla(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mla:
    """Runs the command; returns exit code, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mla", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


def data(mla: Mla, *arguments: str) -> dict[str, Any]:
    code, out, err = mla(*arguments, "--format", "json")
    assert (code, err) == (0, "")
    answer: dict[str, Any] = json.loads(out)
    return answer


def test_list_has_every_architecture_under_its_domain(mla: Mla) -> None:
    sections = data(mla, "list")["sections"]
    listed = {row["Slug"] for rows in sections.values() for row in rows}
    assert listed == discover().keys()
    assert all(title.startswith("Domain ") for title in sections)


def test_list_can_be_narrowed(mla: Mla) -> None:
    (rows,) = data(mla, "list", "--domain", "deployment", "--task", "3.3")["sections"].values()
    assert "batch_transform" in {row["Slug"] for row in rows}
    assert "realtime_endpoint" not in {row["Slug"] for row in rows}


def test_show_cites_what_the_template_does_not_state(mla: Mla, assembly: Path) -> None:
    sections = data(mla, "show", "async_endpoint", "--assembly", str(assembly))["sections"]
    rows = {row["Fact"]: row for row in sections["In short"]}
    assert rows
    limits = {row["Limit"]: row for row in sections["Limits"]}
    assert limits["minimum capacity"]["Here"] == "0"
    assert limits["minimum capacity"]["Value"]["source"].startswith("https://docs.aws.amazon.com/")
    assert {row["Output"] for row in sections["Outputs"]} >= {"EndpointName", "InputUri"}


def test_show_lists_every_statement(mla: Mla, assembly: Path) -> None:
    sections = data(mla, "show", "realtime-endpoint", "--assembly", str(assembly))["sections"]
    pull = [row for row in sections["IAM statements"] if "ecr:BatchGetImage" in row["Actions"]]
    assert pull
    assert "repository/sagemaker-xgboost" in pull[0]["Resources"]
    assert pull[0]["Role"] == "ModelRole"


def test_show_says_who_may_do_what(mla: Mla, assembly: Path) -> None:
    arguments = ["show", "multi_model_endpoint", "--iam", "--assembly", str(assembly)]
    sections = data(mla, *arguments)["sections"]
    trusted = {row["Role"]: row for row in sections["Who may assume a role"]}
    assert trusted["ModelRole"]["Who"] == "sagemaker.amazonaws.com"
    assert "aws:SourceAccount = <AWS::AccountId>" in trusted["ModelRole"]["Only if"]
    asked = {row["Role"]: row for row in sections["Would a service get the role"]}
    assert asked["ModelRole"]["For this account"] == "yes"
    assert asked["ModelRole"]["For another account"] == "no"
    reads = [row for row in sections["What ModelRole may do"] if row["Actions"] == "s3:GetObject"]
    assert [row["On"] for row in reads] == ["<Models.Arn>/tenants/*"]
    objects = {(r["Role"], r["Objects"]): r for r in sections["Which role may touch which objects"]}
    models = objects["ModelRole", "<Models.Arn>/tenants/*"]
    assert [models[column] for column in ("Get", "Put", "Delete")] == ["yes", "no", "no"]
    assert "logs.<AWS::Region>.<AWS::URLSuffix>" in {r["Who"] for r in sections["Who may use Key"]}
    denied = [r for r in sections["Policies of other resources"] if r["Effect"] == "Deny"]
    assert {row["Who"] for row in denied} == {"everybody"}


def test_show_has_the_permissions_of_every_architecture(
    mla: Mla, assembly: Path, architecture: Architecture
) -> None:
    arguments = ["show", architecture.slug, "--iam", "--assembly", str(assembly)]
    sections = data(mla, *arguments)["sections"]
    roles = {row["Role"] for row in sections["Who may assume a role"]}
    holders = {t.split()[1] for t in sections if t.startswith("What ") and t.endswith(" may do")}
    assert roles
    # Without a bucket there are no objects to touch.
    touching = sections.get("Which role may touch which objects", [])
    assert {row["Role"] for row in touching} <= roles
    assert len(holders & roles) > len(roles) / 2


def test_compare_lays_the_same_facts_side_by_side(mla: Mla, assembly: Path) -> None:
    sections = data(mla, "compare", *FOUR, "--assembly", str(assembly))["sections"]
    facts = {row["Fact"]: row for row in sections["Facts"]}
    assert [facts["Minimum capacity"][slug] for slug in FOUR[:3]] == [
        "1 instance",
        "1 warm environment; 0 without provisioned concurrency",
        "0 instances",
    ]
    assert facts["Payload"]["serverless_endpoint"]["value"] == "4 MB"
    assert facts["Payload"]["realtime_endpoint"]["confidence"] == "conflicting"
    for name in ("Invocation", "Processing time", "When idle", "GPU", "VPC", "Billing unit"):
        assert set(facts[name]) == {"Fact", *FOUR}


@pytest.mark.parametrize("question", sorted({a.facts.question for a in discover().values()}))
def test_compare_works_inside_every_question(mla: Mla, assembly: Path, question: str) -> None:
    answers = [a.slug for a in discover().values() if a.facts.question == question]
    if len(answers) == 1:
        report = data(mla, "compare", "--question", question)
        (option, *_) = discover()[answers[0]].facts.options
        assert report["sections"]["Resources"][0].keys() == {"Type", *option.values}
        return
    sections = data(mla, "compare", "--question", question, "--assembly", str(assembly))["sections"]
    for row in sections["Facts"]:
        assert row.keys() == {"Fact", *answers}
        assert all(row[slug] != "-" for slug in answers), row["Fact"]


def test_compare_lays_the_values_of_an_option_side_by_side(mla: Mla) -> None:
    arguments = ["compare", "autoscaling_policies", "--option", "policy"]
    sections = data(mla, *arguments)["sections"]
    (metric,) = (row for row in sections["Facts that differ"] if row["Fact"] == "Scaling metric")
    assert metric["invocations"] == "SageMakerVariantInvocationsPerInstance"
    assert metric["concurrency"].endswith("HighResolution")
    assert metric["schedule"] == "-"


def test_compare_shows_where_templates_differ(mla: Mla, assembly: Path) -> None:
    sections = data(mla, "compare", *FOUR[:3], "--assembly", str(assembly))["sections"]
    resources = {row["Type"]: row for row in sections["Resources"]}
    assert resources["AWS::S3::Bucket"]["serverless_endpoint"] == "-"
    properties = {
        row["Property"]: row for row in next(v for k, v in sections.items() if "differ" in k)
    }
    minimum = properties["ScalingTarget MinCapacity"]
    assert [minimum[slug] for slug in FOUR[:3]] == ["1", "1", "0"]
    memory = properties["EndpointConfig ServerlessConfig.MemorySizeInMB"]
    assert [memory[slug] for slug in FOUR[:3]] == ["(unset)", "2048", "(unset)"]
    actions = {row["Action"]: row for row in sections["IAM actions that not all of them allow"]}
    assert [actions["sns:Publish"][slug] for slug in FOUR[:3]] == ["-", "-", "yes"]
    assert "ecr:BatchGetImage" not in actions, "all of them allow it"


def test_architecture_does_not_differ_from_itself(mla: Mla, assembly: Path) -> None:
    code, out, err = mla("compare", FOUR[0], FOUR[0], "--assembly", str(assembly))
    assert (code, out) == (2, "")
    assert "two architectures" in err


@pytest.mark.parametrize("how", ["table", "markdown"])
def test_pages_for_people_name_their_sources(mla: Mla, assembly: Path, how: str) -> None:
    _, out, _ = mla("compare", *FOUR, "--assembly", str(assembly), "--format", how)
    assert "[1]" in out
    unwrapped = " ".join(out.split())
    assert "model-deploy-feature-matrix.html (read 2026-11-22)" in unwrapped
    assert "(read 2026-11-22, conflicting)" in unwrapped


@pytest.mark.parametrize(
    "command",
    [
        ["list"],
        ["show", "batch_transform"],
        ["show", "cicd_pipeline", "--iam"],
        ["compare", *FOUR],
    ],
)
def test_tables_fit_the_page(mla: Mla, assembly: Path, command: list[str]) -> None:
    where = [] if command == ["list"] else ["--assembly", str(assembly)]
    _, out, _ = mla(*command, *where)
    assert max(len(line) for line in out.splitlines()) <= WIDTH


def test_markdown_tables_are_well_formed(mla: Mla, assembly: Path) -> None:
    _, out, _ = mla("compare", *FOUR, "--assembly", str(assembly), "--format", "markdown")
    facts = out.split("## Facts")[1].split("##")[0]
    rows = [line for line in facts.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {6}


def test_compliance_says_why_for_every_finding(mla: Mla) -> None:
    sections = data(mla, "show", "batch_transform", "--compliance")["sections"]
    rules = {row["Rule"]: row for row in sections["NIST 800-53 R5, HIPAA, PCI DSS"]}
    assert "Rows" in rules["S3BucketReplicationEnabled"]["Finding on"]
    assert not [r for r in rules.values() if "fix it" in r["Why a sandbox does not pay for it"]]
    accepted = next(v for k, v in sections.items() if k.startswith("AwsSolutions"))
    assert "AwsSolutions-SQS3" in {row["Rule"] for row in accepted}
