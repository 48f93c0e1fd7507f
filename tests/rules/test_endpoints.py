"""Each rule about endpoints and models finds its fault, in whichever way the template says it."""

from __future__ import annotations

from typing import Any

import pytest

from rules._endpoint import ALARM
from tests.rules.cases import Case
from tests.rules.said import WAYS, found, template
from tests.rules.shapes import (
    ASYNC,
    CAPTURE,
    IMAGE,
    Resources,
    component_config,
    config,
    endpoint,
    model,
    packed,
    resource,
    serverless_config,
    serving,
    variant,
)

ALARMS = {"Alarms": [{"AlarmName": {"Ref": "Alarm"}}]}


def on_demand(**changed: Any) -> Resources:
    """A serverless endpoint."""
    return serving(**{"Model": model(EnableNetworkIsolation=False),
                      "Config": serverless_config(), **changed})  # fmt: skip


def guarded(
    routing: Any = None, rolling: Any = None, *, alarms: Any = ALARMS, **changed: Any
) -> Resources:
    """An endpoint that is updated step by step."""
    update: dict[str, Any] = {"AutoRollbackConfiguration": alarms}
    if rolling:
        update["RollingUpdatePolicy"] = rolling
    else:
        routing = routing or {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 600}
        update["BlueGreenUpdatePolicy"] = {"TrafficRoutingConfiguration": routing}
    return serving(**{"Endpoint": endpoint(DeploymentConfig=update), **changed})


def canary(size: Any, wait: Any = 600) -> Resources:
    step = {"Type": "CAPACITY_PERCENT", "Value": size}
    return guarded({"Type": "CANARY", "WaitIntervalInSeconds": wait, "CanarySize": step})


def linear(size: Any) -> Resources:
    step = {"Type": "CAPACITY_PERCENT", "Value": size}
    return guarded({"Type": "LINEAR", "WaitIntervalInSeconds": 60, "LinearStepSize": step})


def rolling(size: Any, **changed: Any) -> Resources:
    batch = {"Type": "CAPACITY_PERCENT", "Value": size}
    return guarded(rolling={"WaitIntervalInSeconds": 60, "MaximumBatchSize": batch}, **changed)


def shadowed(config_changes: Any = None, **changed: Any) -> Resources:
    """A variant with a shadow."""
    shadow = variant(VariantName="shadow")
    made = config(**{"ShadowProductionVariants": [shadow], **(config_changes or {})})
    return serving(**{"Config": made, **changed})


CASES = [
    Case("E9520", lambda s: on_demand(Config=serverless_config(MemorySizeInMB=s)), 1500, 2048),
    Case("E9520", lambda s: on_demand(Config=serverless_config(ProvisionedConcurrency=s)), 6, 5),
    Case("E9520", lambda s: on_demand(Model=model(EnableNetworkIsolation=s)), "true", "false"),
    Case(
        "E9520",
        lambda s: on_demand(Model=model(EnableNetworkIsolation=False, VpcConfig=s)),
        {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        None,
    ),
    Case(
        "E9520",
        lambda s: on_demand(
            Model=model(EnableNetworkIsolation=False, PrimaryContainer={"Image": IMAGE, "Mode": s})
        ),
        "MultiModel",
        "SingleModel",
    ),
    Case("W9521", lambda s: guarded(alarms=s), {"Alarms": []}, ALARMS),
    Case("W9521", lambda s: guarded(alarms=s), None, ALARMS),
    Case("E9522", canary, 60, 50),
    Case("E9522", lambda s: canary(10, wait=s), 4000, 3600),
    Case("E9522", linear, 5, 10),
    Case("E9522", rolling, 51, 5),
    Case(
        "E9523",
        lambda s: rolling(10, Config=config(variant(InstanceType=s))),
        "ml.inf1.xlarge",
        "ml.inf2.xlarge",
    ),
    Case(
        "E9523",
        lambda s: rolling(10, Config=config(variant(), s)),
        variant(VariantName="other"),
        None,
    ),
    Case("E9524", lambda s: shadowed({"AsyncInferenceConfig": s}), ASYNC, None),
    Case(
        "E9524",
        lambda s: shadowed(Model=model(PrimaryContainer={"Image": IMAGE, "Mode": s})),
        "MultiModel",
        "SingleModel",
    ),
    Case("W9525", lambda s: serving(Config=config(KmsKeyId=s)), None, "alias/models"),
    Case(
        "I9526",
        lambda s: serving(Config=config(variant(InstanceType=s))),
        "ml.g4dn.xlarge",
        "ml.m5.large",
    ),
    Case("I9527", lambda s: serving(Config=config(DataCaptureConfig=s)), None, CAPTURE),
    Case(
        "I9527",
        lambda s: serving(Config=config(DataCaptureConfig={**CAPTURE, "EnableCapture": s})),
        "false",
        "true",
    ),
    Case(
        "W9528",
        lambda s: serving(Config=config(variant(VariantName=s))),
        "main-${Model.ModelName}",
        "main",
    ),
    Case("W9540", lambda s: serving(Model=model(ModelName=s)), "tumors", None),
    Case("W9540", lambda s: serving(Model=model(ModelName=s)), "${AWS::StackName}-tumors", None),
    Case("W9540", lambda s: serving(Config=config(EndpointConfigName=s)), "tumors", None),
    Case("W9541", lambda s: serving(Model=model(EnableNetworkIsolation=s)), "false", "true"),
    Case("W9541", lambda s: serving(Model=model(EnableNetworkIsolation=s)), None, "true"),
    Case(
        "W9542",
        lambda s: serving(Model=model(PrimaryContainer={"Image": s})),
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/tumors:1",
        "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/tumors:1",
    ),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_fault_is_found_however_it_is_said(case: Case, way: str) -> None:
    assert case.rule in case.found(way)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_right_is_let_be(case: Case, way: str) -> None:
    assert case.found_when_right(way) == set()


@pytest.mark.parametrize(
    ("faulty", "resources"),
    [
        ("capture", on_demand(Config={**serverless_config()})),
        ("instances", on_demand()),
    ],
)
def test_serverless_variant_has_nothing_of_instances(faulty: str, resources: Resources) -> None:
    assert found(template(resources)) == set()
    properties = resources["Config"]["Properties"]
    if faulty == "capture":
        properties["DataCaptureConfig"] = CAPTURE
    else:
        properties["ProductionVariants"][0]["InstanceType"] = "ml.m5.large"
    assert found(template(resources)) == {"E9520"}


def test_serverless_model_in_several_containers() -> None:
    several = model(EnableNetworkIsolation=False, Containers=[{"Image": IMAGE}, {"Image": IMAGE}])
    del several["Properties"]["PrimaryContainer"]
    assert found(template(on_demand(Model=several))) == {"E9520"}


LOCAL = ["g4dn", "g5", "g6e", "g7", "p4d", "p4de", "p5", "p5en", "p6-b200", "trn1", "m5d", "r7gd"]
VOLUMES = ["m5", "c7g", "c6gn", "inf1", "inf2", "g5g"]
UNKNOWN = ["p3", "g9"]


@pytest.mark.parametrize("family", [*LOCAL, *VOLUMES, *UNKNOWN])
def test_key_and_disks_go_by_the_family(family: str) -> None:
    of_key = serving(Config=config(variant(InstanceType=f"ml.{family}.xlarge")))
    assert found(template(of_key)) == ({"I9526"} if family in LOCAL else set())
    del of_key["Config"]["Properties"]["KmsKeyId"]
    assert found(template(of_key)) == ({"W9525"} if family in VOLUMES else set())


@pytest.mark.parametrize(
    "several",
    [
        {"Containers": [{"Image": IMAGE}, {"Image": IMAGE}]},
        {"Containers": [{"Image": IMAGE, "Mode": "MultiModel"}]},
        {"PrimaryContainer": {"Image": IMAGE, "Mode": "MultiModel"}},
    ],
    ids=str,
)
def test_several_models_or_containers_are_not_asked_to_capture(several: dict[str, Any]) -> None:
    behind = model(**several)
    if "Containers" in several:
        del behind["Properties"]["PrimaryContainer"]
    bare = config()
    del bare["Properties"]["DataCaptureConfig"]
    assert found(template(serving(Model=behind, Config=bare))) == set()


NAMED = {"Namespace": "AWS/SageMaker", "MetricName": "ModelLatency"}
WATCHING = {
    "by GetAtt": {"Fn::GetAtt": ["Endpoint", "EndpointName"]},
    "by Sub": {"Fn::Sub": "${Endpoint.EndpointName}"},
    "by its name": "tumors",
}


@pytest.mark.parametrize("way", WATCHING)
def test_endpoint_is_watched_by_who_names_it(way: str) -> None:
    of_name = [{"Name": "EndpointName", "Value": WATCHING[way]}]
    watched = serving(Endpoint=endpoint(EndpointName="tumors"))
    for properties in (
        {**NAMED, "Dimensions": of_name},
        {"Metrics": [{"MetricStat": {"Metric": {**NAMED, "Dimensions": of_name}}}]},
    ):
        watched["Errors"] = resource(ALARM, properties)
        assert found(template(watched)) == set()
    watched["Errors"] = resource(ALARM, {**NAMED, "Dimensions": []})
    assert found(template(watched)) == {"I9529"}


def test_alarm_on_a_component_watches_its_endpoint() -> None:
    watched = packed()
    by_copy = {"Fn::GetAtt": ["Component", "InferenceComponentName"]}
    named = {"Name": "InferenceComponentName", "Value": by_copy}
    watched["Errors"] = resource(ALARM, {**NAMED, "Dimensions": [named]})
    assert found(template(watched)) == set()
    del watched["Errors"]
    assert found(template(watched)) == {"I9529"}


def test_alarm_of_another_outcome_or_of_a_nested_stack_counts() -> None:
    watched = serving()
    watched["Errors"]["Condition"] = "Chosen"
    assert found(template(watched)) == set()
    told = {"Parameters": {"Endpoint": {"Fn::GetAtt": ["Endpoint", "EndpointName"]}}}
    watched["Errors"] = resource("AWS::CloudFormation::Stack", told)
    assert found(template(watched)) == set()


def test_guarded_and_serverless_endpoints_are_not_asked_for_alarms() -> None:
    for unwatched in (guarded(), on_demand()):
        del unwatched["Errors"]
        assert found(template(unwatched)) == set()


def test_components_capture_no_data_and_scale_their_instances() -> None:
    bare = component_config()
    del bare["Properties"]["DataCaptureConfig"]
    assert found(template(serving(Config=bare))) == set()


def test_name_of_a_parameter_without_default_is_left_to_who_deploys() -> None:
    document = template(serving(Model=model(ModelName={"Ref": "Stage"})))
    del document["Conditions"]
    assert found(document) == set()


def test_canary_needs_its_size() -> None:
    assert found(template(guarded({"Type": "CANARY", "WaitIntervalInSeconds": 60}))) == {"E9522"}
