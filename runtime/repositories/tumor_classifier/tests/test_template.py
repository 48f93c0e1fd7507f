"""What has to hold for every environment before it is deployed."""

import pytest
from aws_cdk.assertions import Match, Template

from app import ENVIRONMENTS, PARAMETERS, build


@pytest.fixture(scope="module")
def templates():
    app = build()
    return {name: Template.from_stack(app.node.find_child(name)) for name in ENVIRONMENTS}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_environment_takes_the_pipelines_parameters_and_no_role(templates, name):
    assert templates[name].find_parameters("*").keys() == PARAMETERS.keys()
    templates[name].resource_count_is("AWS::IAM::Role", 0)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_model_is_cut_off_from_networks(templates, name):
    templates[name].has_resource_properties(
        "AWS::SageMaker::Model", {"EnableNetworkIsolation": True}
    )


def test_production_tries_a_canary_and_goes_back_on_an_alarm(templates):
    templates["production"].has_resource_properties(
        "AWS::SageMaker::Endpoint",
        {
            "DeploymentConfig": {
                "AutoRollbackConfiguration": {"Alarms": [Match.any_value(), Match.any_value()]},
                "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "CANARY"}},
            }
        },
    )


def test_half_of_production_can_be_the_canary():
    assert ENVIRONMENTS["production"].instance_count >= 2
