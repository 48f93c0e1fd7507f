"""`mla check`, the pack in an editor, and whatever may be put before them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from catalogue.discover import ROOT, Architecture
from rules._apply import LARGEST, check, pack
from rules._world import COMPOSED, World
from study import cli
from tests.rules.said import found, rules, template
from tests.rules.shapes import packed, queued, scaled
from tests.rules.test_endpoints import canary, on_demand, rolling, shadowed
from tests.rules.test_surroundings import firehose, glue, policy, reader, role

CLEAN = sorted((Path(__file__).parent / "clean").iterdir())
FAULTY = """\
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: python3.8}
Parameters:
  Copies: {Type: Number, Default: 0}
Conditions:
  Fixed: !Equals [!Ref AWS::Region, us-east-1]
Resources:
  Features:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      CodeUri: s3://code/features.zip
      Policies:
        - Statement:
            - {Effect: Allow, Action: "iam:PassRole", Resource: "*"}
      Events:
        Records:
          Type: Kinesis
          Properties: {Stream: !Sub "arn:aws:kinesis:${AWS::Region}:1:stream/r"}
  Model:
    Type: AWS::SageMaker::Model
    Properties:
      EnableNetworkIsolation: true
      ModelName: !If [Fixed, tumors, !Ref AWS::NoValue]
  Endpoint:
    Type: AWS::SageMaker::Endpoint
    Properties:
      EndpointName: tumors
      EndpointConfigName: !GetAtt Config.EndpointConfigName
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      KmsKeyId: alias/models
      ProductionVariants:
        - VariantName: main
          ModelName: !GetAtt Model.ModelName
          InstanceType: ml.m5.large
  Target:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties:
      ServiceNamespace: sagemaker
      ScalableDimension: sagemaker:variant:DesiredInstanceCount
      ResourceId: endpoint/tumors/variant/main
      MinCapacity: !Ref Copies
      MaxCapacity: 2
"""
IN_FAULTY = {
    "W9565": 3, "E9580": 16, "W9591": 20, "W9540": 25, "E9507": 44, "E9509": 45,
}  # fmt: skip
Mla = Callable[..., tuple[int, str, str]]


@pytest.fixture
def mla(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mla:
    """Runs the command; returns exit code, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mla", "check", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    file = tmp_path / "faulty.yaml"
    file.write_text(FAULTY)
    return file


# What is found


def test_each_fault_is_told_with_its_line_fix_and_source(mla: Mla, faulty: Path) -> None:
    code, out, err = mla(str(faulty), "--format", "json")
    (rows,) = json.loads(out)["sections"].values()
    assert (code, err) == (1, "")
    assert {row["Rule"]: int(row["Where"].split(":")[1]) for row in rows} == IN_FAULTY
    for row in rows:
        assert row["Finding and fix"]["source"].startswith("https://")
        assert re.search(r"\b(set|use|leave out|name|build)\b", row["Finding and fix"]["value"])


def test_informational_findings_are_told_if_asked(mla: Mla, faulty: Path) -> None:
    assert "I9527" not in mla(str(faulty))[1]
    assert "I9527" in mla(str(faulty), "--info", "--format", "markdown")[1]


def test_template_silences_a_rule(mla: Mla, faulty: Path) -> None:
    model = "    Type: AWS::SageMaker::Model\n"
    silent = "    Metadata: {cfn-lint: {config: {ignore_checks: [W9540]}}}\n"
    faulty.write_text(FAULTY.replace(model, model + silent))
    out = mla(str(faulty))[1]
    assert "W9540" not in out
    assert "E9507" in out


@pytest.mark.parametrize("file", CLEAN, ids=lambda file: file.stem)
def test_clean_templates_have_no_findings(file: Path) -> None:
    assert [(m.rule.id, m.linenumber, m.message) for m in check(file, informational=True)] == []


def test_clean_templates_are_many_and_varied() -> None:
    assert len(CLEAN) >= 30
    assert {file.suffix for file in CLEAN} == {".json", ".yaml"}


def test_pack_finds_nothing_in_the_catalogue(architecture: Architecture, assembly: Path) -> None:
    file = assembly / f"{architecture.stack_id}.template.json"
    assert [(m.rule.id, m.message) for m in check(file, informational=True)] == []


def test_what_the_catalogue_silences_it_explains(
    architecture: Architecture, assembly: Path
) -> None:
    file = assembly / f"{architecture.stack_id}.template.json"
    for resource in json.loads(file.read_text())["Resources"].values():
        silenced = resource.get("Metadata", {}).get("cfn-lint")
        assert silenced is None or silenced["reason"].endswith(".")


def test_table_is_at_most_100_columns_wide(mla: Mla, faulty: Path) -> None:
    assert max(map(len, mla(str(faulty), "--info")[1].splitlines())) <= 100


def test_editor_shows_the_pack(faulty: Path) -> None:
    command = [
        str(Path(sys.executable).with_name("cfn-lint")),
        "--append-rules",
        str(ROOT / "rules"),
    ]
    process = subprocess.run(
        [*command, "--format", "json", "--template", str(faulty)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = {
        item["Rule"]["Id"]: item["Location"]["Start"]["LineNumber"]
        for item in json.loads(process.stdout)
        if item["Rule"]["Id"][1:].startswith("95")
    }
    assert ours == IN_FAULTY


# What cannot be read


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "has 0 bytes"),
        (b"#" * (LARGEST + 1), f"has {LARGEST + 1} bytes"),
        (bytes(range(256)), "is no text in UTF-8"),
        ("Resources: {}".encode("utf-16"), "is no text in UTF-8"),
        (b"Resources:\n  X: \x00\n", "unacceptable character #x0000"),
        (b"Resources:\n" + b"".join(b" " * i + b"a:\n" for i in range(1, 1300)), "recursion"),
        (b"Resources: {X: {Type: A, Properties: {a: " + b"9" * 5000 + b"}}}", "4300 digits"),
        (b"Resources:\n  X: [\n", ":3 cannot be read"),
        (b'{"Resources": {,}}', ":1 cannot be read"),
        (b"- a\n- b\n", "has no Resources"),
        (b"Outputs: {}\n", "has no Resources"),
        (b"Resources:\n", "has no Resources"),
        (b"Resources:\n  X: {Type: A}\n  X: {Type: A}\n", "Duplicate found 'X'"),
        (b"Resources: &r\n  X: *r\n", "recursive"),
        (b"Resources: " + b"[" * 100_000, "nested more than 1000 deep"),
        (b'{"Resources":' + b'{"a":' * 900 + b"1" + b"}" * 901, "cannot be read"),
        (b"Resources:\n  X: !!python/object/apply:os.system [id]\n", "python/object/apply"),
        (
            b"a: &a [x,x,x,x,x,x,x,x,x]\n"
            + b"".join(
                b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9))
                for i in range(9)
            )
            + b"Resources: {X: {Type: A}}\n",
            "250000 nodes",
        ),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_unusable_input_is_refused_in_one_sentence(
    mla: Mla, tmp_path: Path, content: bytes, sentence: str
) -> None:
    file = tmp_path / "template.yaml"
    file.write_bytes(content)
    code, out, err = mla(str(file))
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_large_file_is_refused_unread(mla: Mla, tmp_path: Path) -> None:
    file = tmp_path / "template.yaml"
    with file.open("wb") as content:
        content.truncate(50 * 1024 * 1024)
    tracemalloc.start()
    code, _, err = mla(str(file))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (code, err.count("\n")) == (2, 1)
    assert peak < LARGEST


def test_one_bad_file_among_several_ends_in_its_sentence(
    mla: Mla, tmp_path: Path, faulty: Path
) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("Resources: [")
    code, out, err = mla(str(CLEAN[0]), str(bad), str(faulty))
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {bad}:2 cannot be read")
    assert mla(str(CLEAN[0]), str(faulty))[0] == 1
    assert mla(str(CLEAN[0]), str(CLEAN[1]))[0] == 0


def test_pipe_is_refused_and_not_waited_for(mla: Mla, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert mla(str(tmp_path / "pipe"))[0] == 2


LONG = "x" * 4096
GROWING: dict[str, dict[str, Any]] = {
    "parameter": {"Fn::Sub": "${Long}" * 1_000},
    "list": {"Fn::Join": ["", [{"Fn::FindInMap": ["Of", "all", "letters"]}] * 1_000]},
    "nested": reduce(
        lambda inner, _: {"Fn::Sub": ["${V}" * 1000, {"V": inner}]},
        range(6),
        {"Fn::Sub": "letters"},
    ),
}


@pytest.mark.parametrize("growing", GROWING)
def test_text_that_would_grow_without_end_is_not_put_together(growing: str) -> None:
    model = {"Type": "AWS::SageMaker::Model", "Properties": {"ModelName": GROWING[growing]}}
    document = {
        "Parameters": {"Long": {"Type": "String", "Default": LONG}},
        "Mappings": {"Of": {"all": {"letters": ["x"] * 1000}}},
        "Resources": {f"Model{number}": model for number in range(20)},
    }
    names = [r.get("ModelName") for r in World(document, {}).resources.values()]
    assert sum(map(len, names)) <= COMPOSED


def test_what_a_finding_quotes_is_short_and_printable(tmp_path: Path) -> None:
    model = {"Type": "AWS::SageMaker::Model", "Properties": {"ModelName": "\x1b[2J" + LONG}}
    file = tmp_path / "template.json"
    file.write_text(json.dumps({"Resources": {"Model": model}}))
    said = [match.message for match in check(file) if match.rule.id == "W9540"]
    assert [(len(message) < 500, message.isprintable()) for message in said] == [(True, True)]
    assert said[0].endswith("when a change replaces the resource: leave it out.")


def test_missing_file_and_folder_are_refused(mla: Mla, tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none.yaml"):
        code, out, err = mla(str(place))
        assert (code, out) == (2, "")
        assert f"There is no template {place}" in err


SHAPES = [
    scaled(),
    queued(),
    packed(),
    on_demand(),
    shadowed(),
    canary(10),
    rolling(10),
    glue(),
    firehose(),
    reader(),
    role("arn:aws:iam::aws:policy/ReadOnlyAccess"),
    policy(["s3:GetObject"], ["arn:aws:s3:::a/*"]),
]
JUNK: list[Any] = [
    None, 7, "text", [], {}, [1], {"Ref": 1}, {"Ref": "None"}, {"Fn::If": []}, {"Fn::Sub": [1, 2]},
    {"Fn::GetAtt": []}, {"Fn::Join": ["", {"Ref": "None"}]}, {"Fn::Select": [9, ["a"]]},
    {"Fn::FindInMap": ["a", {}, "c"]}, {"Fn::If": ["None", 1, 2]},
]  # fmt: skip


def _damaged(value: Any, junk: Any) -> Iterator[Any]:
    """Yields a value with junk in each place of it, one at a time."""
    yield junk
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            for damaged in _damaged(item, junk):
                copy = value.copy()
                copy[key] = damaged
                yield copy


@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_damaged_template_is_judged_without_an_exception(junk: Any) -> None:
    for resources in SHAPES:
        for name, resource in resources.items():
            for damaged in _damaged(resource, junk):
                found(template({**resources, name: damaged}))


# What a rule says of itself


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.id)
def test_rule_says_what_it_is(rule: Any) -> None:
    assert re.fullmatch(r"[EWI]95\d\d", rule.id)
    assert rule.source_url.startswith("https://")
    assert rule.tags
    assert not rule.shortdesc.endswith(".")
    assert rule.description.endswith(".")


def test_numbers_are_unique_across_severities() -> None:
    numbers = [rule.id[1:] for rule in pack()]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.id)
def test_rule_stands_alone_in_its_file(rule: Any) -> None:
    (file,) = (f for f in (ROOT / "rules").rglob("*.py") if f'"{rule.id}"' in f.read_text())
    assert file.read_text().count("(MlRule)") == 1


def test_reference_is_of_today() -> None:
    command = [sys.executable, "scripts/rule_reference.py", "--check"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0, (
        "run scripts/rule_reference.py"
    )
