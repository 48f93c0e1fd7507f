"""Writes the template of every environment and the model's artifact to build/.

An artifact is stored under its own hash, and models and configurations are named after what they
are: the same commit deploys the same thing everywhere, and a change replaces what it changes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from aws_cdk import App, Aws, BootstraplessSynthesizer, CfnOutput, CfnParameter, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker

ROOT = Path(__file__).resolve().parent
ARTIFACT = ROOT / "model" / "model.tar.gz"
BUILD = ROOT / "build"
VARIANT = "AllTraffic"

PARAMETERS = {
    "ImageUri": "Container that serves the model",
    "ModelBucket": "Holds the artifacts, each below models/ under its hash",
    "ExecutionRoleArn": "What the container and SageMaker on its behalf may do",
    "KeyArn": "Encrypts the volumes of the instances",
    "AlarmTopicArn": "Told of alarms",
}


@dataclass(frozen=True)
class Environment:
    """What makes one environment differ from the others.

    Attributes:
        instance_type: Instances of the endpoint.
        instance_count: How many of them.
        canary_percent: Share of the instances that an update tries first; 0 replaces all at once.
        bake_seconds: How long the alarms watch the canary, and then the whole fleet.
    """

    instance_type: str
    instance_count: int
    canary_percent: int
    bake_seconds: int


ENVIRONMENTS = {
    # It lives for the time of its test, on one instance of production's type.
    "staging": Environment("ml.m5.large", 1, canary_percent=0, bake_seconds=0),
    # Two instances, so that half of them can be the canary. An update runs twice as many.
    "production": Environment("ml.m5.large", 2, canary_percent=50, bake_seconds=300),
}


class EndpointStack(Stack):
    """A model behind an endpoint that goes back to the old model when its alarms fire."""

    def __init__(self, scope: App, id: str, *, environment: Environment, artifact: str) -> None:
        super().__init__(scope, id, synthesizer=BootstraplessSynthesizer())
        given = {
            name: CfnParameter(self, name, description=meaning).value_as_string
            for name, meaning in PARAMETERS.items()
        }
        revision = digest(json.dumps([asdict(environment), artifact]).encode())[:12]
        name = f"{Aws.STACK_NAME}-{revision}"
        model = sagemaker.CfnModel(
            self,
            "Model",
            model_name=name,
            execution_role_arn=given["ExecutionRoleArn"],
            enable_network_isolation=True,
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
                image=given["ImageUri"],
                model_data_url=f"s3://{given['ModelBucket']}/models/{artifact}.tar.gz",
            ),
        )
        config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            endpoint_config_name=name,
            kms_key_id=given["KeyArn"],
            production_variants=[
                sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                    variant_name=VARIANT,
                    model_name=model.attr_model_name,
                    instance_type=environment.instance_type,
                    initial_instance_count=environment.instance_count,
                    initial_variant_weight=1,
                )
            ],
        )
        alarms = self._alarms(given["AlarmTopicArn"])
        endpoint = sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=Aws.STACK_NAME,
            endpoint_config_name=config.attr_endpoint_config_name,
            deployment_config=canary(environment, alarms) if environment.canary_percent else None,
        )
        CfnOutput(self, "EndpointName", value=endpoint.attr_endpoint_name)

    def _alarms(self, topic_arn: str) -> list[cloudwatch.CfnAlarm]:
        """The two reasons to go back: requests fail, or the model has become slow."""
        return [
            cloudwatch.CfnAlarm(
                self,
                id,
                alarm_name=f"{Aws.STACK_NAME}-{id}",
                alarm_description=meaning,
                namespace="AWS/SageMaker",
                metric_name=metric,
                dimensions=[
                    {"name": "EndpointName", "value": Aws.STACK_NAME},
                    {"name": "VariantName", "value": VARIANT},
                ],
                statistic=statistic if statistic == "Sum" else None,
                extended_statistic=statistic if statistic != "Sum" else None,
                period=60,
                evaluation_periods=1,
                threshold=threshold,
                comparison_operator="GreaterThanOrEqualToThreshold",
                treat_missing_data="notBreaching",
                alarm_actions=[topic_arn],
            )
            for id, metric, statistic, threshold, meaning in (
                (
                    "ServerErrors",
                    "Invocation5XXErrors",
                    "Sum",
                    1,
                    "Requests fail in the container: read the endpoint's log.",
                ),
                (
                    "ModelLatency",
                    "ModelLatency",
                    "p99",
                    500_000,  # microseconds
                    "One request in a hundred waits 0.5 s or more for the model.",
                ),
            )
        ]


def canary(
    environment: Environment, alarms: list[cloudwatch.CfnAlarm]
) -> sagemaker.CfnEndpoint.DeploymentConfigProperty:
    """Returns a blue/green update that tries a canary first and goes back on an alarm."""
    of = sagemaker.CfnEndpoint
    return of.DeploymentConfigProperty(
        auto_rollback_configuration=of.AutoRollbackConfigProperty(
            alarms=[of.AlarmProperty(alarm_name=alarm.ref) for alarm in alarms]
        ),
        blue_green_update_policy=of.BlueGreenUpdatePolicyProperty(
            traffic_routing_configuration=of.TrafficRoutingConfigProperty(
                type="CANARY",
                canary_size=of.CapacitySizeProperty(
                    type="CAPACITY_PERCENT", value=environment.canary_percent
                ),
                wait_interval_in_seconds=environment.bake_seconds,
            ),
            termination_wait_in_seconds=environment.bake_seconds,
            maximum_execution_timeout_in_seconds=3600,
        ),
    )


def digest(content: bytes) -> str:
    """Returns the SHA-256 of some content as text."""
    return hashlib.sha256(content).hexdigest()


def build() -> App:
    """Returns the app, with one stack per environment."""
    app = App(outdir=str(BUILD / "templates"), analytics_reporting=False)
    artifact = digest(ARTIFACT.read_bytes())
    for name, environment in ENVIRONMENTS.items():
        EndpointStack(app, name, environment=environment, artifact=artifact)
    return app


def main() -> None:
    """Writes build/templates/<environment>.template.json and build/model/models/<hash>.tar.gz."""
    build().synth()
    stored = BUILD / "model" / "models" / f"{digest(ARTIFACT.read_bytes())}.tar.gz"
    stored.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ARTIFACT, stored)


if __name__ == "__main__":
    main()
