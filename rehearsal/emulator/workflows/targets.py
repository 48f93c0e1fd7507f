"""What EventBridge and Scheduler do with a target: one API call, by the service of its ARN.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html
Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rehearsal.emulator import host
from rehearsal.emulator.workflows.calls import call, client_name

Record = dict[str, Any]
UNIVERSAL = "arn:aws:scheduler:::aws-sdk:"


@dataclass(frozen=True)
class Delivery:
    """How something is delivered.

    Attributes:
        client: boto3's name of the service.
        action: What the target's own policy has to allow if there is no role.
        send: (client, target, what is sent) -> None.
    """

    client: str
    action: str
    send: Callable[[Any, Record, str], Any]


def queue_url(arn: str) -> str:
    """Returns the address of a queue."""
    return f"{host.ENDPOINT}/{host.ACCOUNT}/{arn.rpartition(':')[2]}"


def _function(client: Any, target: Record, sent: str) -> None:
    client.invoke(FunctionName=target["Arn"], InvocationType="Event", Payload=sent.encode())


def _machine(client: Any, target: Record, sent: str) -> None:
    client.start_execution(stateMachineArn=target["Arn"], input=sent)


def _topic(client: Any, target: Record, sent: str) -> None:
    client.publish(TopicArn=target["Arn"], Message=sent, **_attributes(target))


def _queue(client: Any, target: Record, sent: str) -> None:
    group = target.get("SqsParameters", {})
    url = queue_url(target["Arn"])
    client.send_message(QueueUrl=url, MessageBody=sent, **group, **_attributes(target))


def _attributes(target: Record) -> Record:
    attributes = target.get("MessageAttributes")
    return {"MessageAttributes": attributes} if attributes else {}


def _pipeline(client: Any, target: Record, sent: str) -> None:
    del sent
    given = target.get("SageMakerPipelineParameters", {}).get("PipelineParameterList", [])
    client.start_pipeline_execution(
        PipelineName=target["Arn"].rpartition("/")[2], PipelineParameters=given
    )


def _release(client: Any, target: Record, sent: str) -> None:
    variables = json.loads(sent).get("variables", [])
    client.start_pipeline_execution(name=target["Arn"].rpartition(":")[2], variables=variables)


def _build(client: Any, target: Record, sent: str) -> None:
    del sent
    client.start_build(projectName=target["Arn"].rpartition("/")[2])


def _stream(client: Any, target: Record, sent: str) -> None:
    client.put_record(
        StreamName=target["Arn"].rpartition("/")[2], Data=sent.encode(), PartitionKey=sent[:64]
    )


def _firehose(client: Any, target: Record, sent: str) -> None:
    client.put_record(
        DeliveryStreamName=target["Arn"].rpartition("/")[2], Record={"Data": sent.encode()}
    )


DELIVERIES = {
    "lambda": Delivery("lambda", "lambda:InvokeFunction", _function),
    "states": Delivery("stepfunctions", "", _machine),
    "sns": Delivery("sns", "sns:Publish", _topic),
    "sqs": Delivery("sqs", "sqs:SendMessage", _queue),
    "sagemaker": Delivery("sagemaker", "", _pipeline),
    "codepipeline": Delivery("codepipeline", "", _release),
    "codebuild": Delivery("codebuild", "", _build),
    "kinesis": Delivery("kinesis", "", _stream),
    "firehose": Delivery("firehose", "", _firehose),
}


def delivery(arn: str) -> Delivery | None:
    """Returns how a target is reached, None if a rehearsal does not know it."""
    if arn.startswith(UNIVERSAL):
        service, _, action = arn.removeprefix(UNIVERSAL).partition(":")

        def send(client: Any, target: Record, sent: str) -> None:
            del target
            call(client, action, json.loads(sent), texts=False)

        return Delivery(client_name(service), "", send)
    return DELIVERIES.get(arn.split(":")[2])


def own_policy(client: Any, service: str, arn: str) -> str | None:
    """Returns the policy of a target itself."""
    if service == "lambda":
        try:
            return str(client.get_policy(FunctionName=arn)["Policy"])
        except client.exceptions.ResourceNotFoundException:
            return None
    if service == "sns":
        policy = client.get_topic_attributes(TopicArn=arn)["Attributes"].get("Policy")
    else:
        policy = (
            client.get_queue_attributes(QueueUrl=queue_url(arn), AttributeNames=["Policy"])
            .get("Attributes", {})
            .get("Policy")
        )
    return None if policy is None else str(policy)
