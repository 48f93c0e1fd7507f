"""Small pieces of templates, right in every respect, to be changed in one."""

from __future__ import annotations

from typing import Any

IMAGE = {"Fn::Sub": "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/tumors:1"}
INSTANCES = "sagemaker:variant:DesiredInstanceCount"
PROVISIONED = "sagemaker:variant:DesiredProvisionedConcurrency"
COPIES = "sagemaker:inference-component:DesiredCopyCount"
TRACKING = "TargetTrackingScalingPolicyConfiguration"

Resources = dict[str, Any]


def resource(kind: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties, **more}


def model(**changed: Any) -> dict[str, Any]:
    return resource(
        "AWS::SageMaker::Model",
        {
            "ExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
            "PrimaryContainer": {"Image": IMAGE},
            "EnableNetworkIsolation": True,
            **changed,
        },
    )


def variant(**changed: Any) -> dict[str, Any]:
    return {
        "VariantName": "main",
        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 1,
        **changed,
    }


def serverless(**changed: Any) -> dict[str, Any]:
    return {
        "VariantName": "main",
        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
        "InitialVariantWeight": 1,
        "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5, **changed},
    }


CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://captured/",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}
ASYNC = {"OutputConfig": {"S3OutputPath": "s3://answers/"}}


def config(*variants: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return resource(
        "AWS::SageMaker::EndpointConfig",
        {
            "ProductionVariants": list(variants) or [variant()],
            "KmsKeyId": {"Fn::GetAtt": ["Key", "Arn"]},
            "DataCaptureConfig": CAPTURE,
            **changed,
        },
    )


def serverless_config(**changed: Any) -> dict[str, Any]:
    made = config(serverless(**changed))
    del made["Properties"]["DataCaptureConfig"]
    return made


def component_config(**changed: Any) -> dict[str, Any]:
    bare = variant(ManagedInstanceScaling={"Status": "ENABLED", "MinInstanceCount": 0})
    del bare["ModelName"]
    return config(bare, **changed)


def endpoint(**changed: Any) -> dict[str, Any]:
    return resource(
        "AWS::SageMaker::Endpoint",
        {"EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}, **changed},
    )


def target(**changed: Any) -> dict[str, Any]:
    return resource(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        {
            "ServiceNamespace": "sagemaker",
            "ScalableDimension": INSTANCES,
            "ResourceId": {"Fn::Sub": "endpoint/${Endpoint.EndpointName}/variant/main"},
            "MinCapacity": 1,
            "MaxCapacity": 2,
            **changed,
        },
    )


def tracking(metric: Any, **changed: Any) -> dict[str, Any]:
    return resource(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        {
            "PolicyName": "tracking",
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": {"Ref": "Target"},
            TRACKING: {
                "TargetValue": 5,
                "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
            },
            **changed,
        },
    )


def custom(metric: Any, *dimensions: Any) -> dict[str, Any]:
    return tracking(
        "",
        **{
            TRACKING: {
                "TargetValue": 5,
                "CustomizedMetricSpecification": {
                    "Namespace": "AWS/SageMaker",
                    "MetricName": metric,
                    "Statistic": "Average",
                    "Dimensions": [
                        {"Name": name, "Value": {"Fn::GetAtt": ["Endpoint", "EndpointName"]}}
                        for name in dimensions
                    ],
                },
            }
        },
    )


def step(target_name: str = "Target") -> dict[str, Any]:
    return resource(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        {
            "PolicyName": "wake",
            "PolicyType": "StepScaling",
            "ScalingTargetId": {"Ref": target_name},
            "StepScalingPolicyConfiguration": {
                "AdjustmentType": "ChangeInCapacity",
                "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
            },
        },
    )


def alarm(metric: Any, policy: str = "Wake", **changed: Any) -> dict[str, Any]:
    return resource(
        "AWS::CloudWatch::Alarm",
        {
            "Namespace": "AWS/SageMaker",
            "MetricName": metric,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "Threshold": 1,
            "EvaluationPeriods": 1,
            "AlarmActions": [{"Ref": policy}],
            **changed,
        },
    )


def serving(**changed: Any) -> Resources:
    """A real-time endpoint with what it needs, and an alarm that names it."""
    named = {"Name": "EndpointName", "Value": {"Fn::GetAtt": ["Endpoint", "EndpointName"]}}
    errors = alarm("Invocation5XXErrors", Dimensions=[named], AlarmActions=[{"Ref": "Topic"}])
    built = {"Model": model(), "Config": config(), "Endpoint": endpoint(), "Errors": errors}
    return {**built, **changed}


def scaled(**changed: Any) -> Resources:
    """A real-time endpoint that is scaled by its invocations."""
    metric = "SageMakerVariantInvocationsPerInstance"
    return serving(**{"Target": target(), "Policy": tracking(metric), **changed})


def queued(**changed: Any) -> Resources:
    """An asynchronous endpoint that scales by its backlog to zero and back."""
    return serving(
        **{
            "Config": config(AsyncInferenceConfig=ASYNC),
            "Target": target(MinCapacity=0),
            "Policy": custom("ApproximateBacklogSizePerInstance", "EndpointName"),
            "Wake": step(),
            "Alarm": alarm("HasBacklogWithoutCapacity"),
            **changed,
        }
    )


def component(**changed: Any) -> dict[str, Any]:
    return resource(
        "AWS::SageMaker::InferenceComponent",
        {
            "EndpointName": {"Fn::GetAtt": ["Endpoint", "EndpointName"]},
            "VariantName": "main",
            "Specification": {"ModelName": {"Fn::GetAtt": ["Model", "ModelName"]}},
            "RuntimeConfig": {"CopyCount": 1},
            **changed,
        },
    )


def packed(**changed: Any) -> Resources:
    """An inference component that scales by its load to zero and back."""
    by_name = {"Fn::Sub": "inference-component/${Component.InferenceComponentName}"}
    return serving(
        **{
            "Config": component_config(),
            "Component": component(),
            "Target": target(ResourceId=by_name, ScalableDimension=COPIES, MinCapacity=0),
            "Policy": tracking("SageMakerInferenceComponentInvocationsPerCopy"),
            "Wake": step(),
            "Alarm": alarm("NoCapacityInvocationFailures"),
            **changed,
        }
    )
