"""What makes it a model in a Lambda function."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app import build
from catalogue.discover import select
from catalogue.template import Template
from runtime.models import tumor_classifier
from study.assembly import load
from study.iam import as_list, statements


@pytest.fixture
def template(templates: Mapping[str, Template]) -> Template:
    return templates["lambda_serving"]


def model(template: Template) -> dict[str, Any]:
    (found,) = (
        function
        for _, function in template.of_type("AWS::Lambda::Function")
        if function.get("PackageType") == "Image"
    )
    return found


def test_image_of_the_other_platforms_runs_without_its_server(template: Template) -> None:
    from runtime.containers import inference

    assert model(template)["ImageConfig"] == {
        "EntryPoint": ["/usr/local/bin/python", "-m", "awslambdaric"],
        "Command": ["inference.lambda_handler.handler"],
    }
    assert (Path(inference.__file__).parent / "lambda_handler.py").is_file()
    (options,) = (
        variable["Value"]
        for _, project in template.of_type("AWS::CodeBuild::Project")
        for variable in project["Environment"]["EnvironmentVariables"]
        if variable["Name"] == "BUILD_OPTIONS"
    )
    assert options == "--file containers/inference/Dockerfile"


def test_function_runs_on_the_processor_that_the_image_is_built_on(template: Template) -> None:
    assert model(template)["Architectures"] == ["arm64"]
    assert template.only("AWS::CodeBuild::Project")["Environment"]["Type"] == "ARM_CONTAINER"


def test_lambda_pulls_for_functions_of_this_account_only(template: Template) -> None:
    policy = template.only("AWS::ECR::Repository")["RepositoryPolicyText"]
    (statement,) = policy["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert statement["Action"] == ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "<AWS::AccountId>"}


def test_new_image_makes_a_new_version(template: Template) -> None:
    """Its reference to the digest never changes; the description, which does, replaces it."""
    version = template.only("AWS::Lambda::Version")
    assert version["Description"].endswith(".ImageDigest>")
    assert version["Description"] == model(template)["Code"]["ImageUri"]


def test_callers_reach_an_alias_and_no_public_address(template: Template) -> None:
    assert template.only("AWS::Lambda::Alias")["Name"] == "live"
    counts = template.type_counts()
    assert "AWS::Lambda::Url" not in counts
    assert "AWS::Lambda::Permission" not in counts
    assert "AliasArn" in template.document["Outputs"]


def test_warm_environments_follow_their_use(template: Template) -> None:
    provisioned = template.only("AWS::Lambda::Alias")["ProvisionedConcurrencyConfig"]
    assert provisioned == {"ProvisionedConcurrentExecutions": 2}
    target = template.only("AWS::ApplicationAutoScaling::ScalableTarget")
    assert target["ScalableDimension"] == "lambda:function:ProvisionedConcurrency"
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 8)
    policy = template.only("AWS::ApplicationAutoScaling::ScalingPolicy")
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] == 0.7
    assert tracking["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"
    }


def test_on_demand_nothing_is_kept_warm(tmp_path: Path) -> None:
    build({"stack": "lambda_serving", "concurrency": "on_demand"}, outdir=str(tmp_path)).synth()
    (template,) = load(select(["lambda_serving"]), tmp_path)
    assert "ProvisionedConcurrencyConfig" not in template.only("AWS::Lambda::Alias")
    assert "AWS::ApplicationAutoScaling::ScalableTarget" not in template.type_counts()
    assert template.only("AWS::CodeDeploy::DeploymentGroup")


def test_new_version_gets_a_tenth_of_the_requests_first(template: Template) -> None:
    group = template.only("AWS::CodeDeploy::DeploymentGroup")
    assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
    alarms = [
        template.resources[alarm["Name"].strip("<>")]["Properties"]["MetricName"]
        for alarm in group["AlarmConfiguration"]["Alarms"]
    ]
    assert set(alarms) == {"Errors", "FailedAnswers"}
    (alias,) = (r for r in template.resources.values() if r["Type"] == "AWS::Lambda::Alias")
    assert "CodeDeployLambdaAliasUpdate" in alias["UpdatePolicy"]


def test_failed_answers_are_counted_from_the_log(template: Template) -> None:
    """The handler answers them with status 500, which Lambda's own metric takes for a success."""
    filtered = template.only("AWS::Logs::MetricFilter")
    assert filtered["FilterPattern"] == "{ $.status >= 500 }"
    assert filtered["LogGroupName"] == model(template)["LoggingConfig"]["LogGroup"]


def test_logs_are_json_and_requests_are_traced(template: Template) -> None:
    function = model(template)
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    assert function["TracingConfig"] == {"Mode": "Active"}


def test_model_may_write_its_log_and_its_traces(template: Template) -> None:
    role = model(template)["Role"].strip("<>").removesuffix(".Arn")
    allowed = {
        action
        for name, statement in statements(template)
        if name == role
        for action in as_list(statement["Action"])
    }
    assert allowed == {
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }


def test_alarms_tell_of_failures_throttling_and_spillover(template: Template) -> None:
    alarms = {p["MetricName"] for _, p in template.of_type("AWS::CloudWatch::Alarm")}
    assert alarms == {
        "Duration",
        "Errors",
        "FailedAnswers",
        "ProvisionedConcurrencySpilloverInvocations",
        "Throttles",
    }


def test_log_line_of_a_failed_answer_is_what_the_filter_counts(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SM_MODEL_DIR", str(tumor_classifier.ONNX_MODEL.parent))
    handler = import_module("runtime.containers.inference.lambda_handler")

    def fail(*_: object) -> None:
        raise RuntimeError("1.5,2.5")

    monkeypatch.setattr(handler, "STEP", SimpleNamespace(respond=fail))
    event = {"headers": {"content-type": "text/csv"}, "body": "1.5,2.5"}
    answer = handler.handler(event, SimpleNamespace(aws_request_id="4711"))
    assert answer["statusCode"] == 500
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [line["status"] for line in lines if "status" in line] == [500]
