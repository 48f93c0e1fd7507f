"""What is used of MiniStack's CloudWatch, private names included: the other half of host.py."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rehearsal.emulator import host  # before MiniStack: it sets the environment
from rehearsal.emulator.metrics.statistics import Datum

from ministack.core import iam_evaluator  # isort: skip
from ministack.services import cloudwatch, eventbridge, kms, sns  # isort: skip
from ministack.services.cloudformation import provisioners  # isort: skip

Alarm = dict[str, Any]
Request = dict[str, Any]
Dispatch = Callable[[Alarm, str, str, str], None]
"""(alarm, old state, new state, reason)."""


def data(
    namespace: str, name: str, dimensions: Mapping[str, str], start: float, end: float
) -> list[Datum]:
    """Returns what was published of one metric; other dimensions are another metric."""
    key = (namespace, name, cloudwatch._dims_key(dict(dimensions)))
    points = list(cloudwatch._metrics.get(key) or ())
    return [_datum(point) for point in points if start <= point["Timestamp"] < end]


def _datum(point: Mapping[str, Any]) -> Datum:
    count, total, low, high = cloudwatch._point_stats(point)
    return Datum(point["Timestamp"], count, total, low, high, point.get("Unit") or "None")


def alarms() -> list[Alarm]:
    """Returns the metric alarms, as DescribeAlarms has them."""
    return list(cloudwatch._alarms.values())


def put_alarm(alarm: Alarm) -> None:
    """Creates an alarm, as a service does of its own."""
    name = alarm["AlarmName"]
    cloudwatch.cloudformation_put_metric_alarm(
        {
            "AlarmArn": f"arn:aws:cloudwatch:{host.REGION}:{host.ACCOUNT}:alarm:{name}",
            "StateValue": "INSUFFICIENT_DATA",
            "StateReason": "Unchecked: Initial alarm creation",
            "StateUpdatedTimestamp": int(time.time()),
            "AlarmConfigurationUpdatedTimestamp": int(time.time()),
            "ActionsEnabled": True,
            "OKActions": [],
            "InsufficientDataActions": [],
            "TreatMissingData": "missing",
            **alarm,
        }
    )


def remove_alarm(name: str) -> None:
    """Deletes an alarm."""
    cloudwatch.cloudformation_delete_metric_alarm(name)


def set_alarm(alarm: Alarm, state: str, reason: str, reason_data: str) -> None:
    """Moves an alarm into another state: history, actions and composite alarms follow."""
    before = alarm["StateValue"]
    alarm["StateValue"] = state
    alarm["StateReason"] = reason
    alarm["StateReasonData"] = reason_data
    alarm["StateUpdatedTimestamp"] = alarm["StateTransitionedTimestamp"] = int(time.time())
    cloudwatch._record_history(
        alarm["AlarmName"], before, state, reason, reason_data=json.loads(reason_data)
    )
    cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def judge_alarms_by(evaluate: Callable[[Alarm], None]) -> None:
    """Replaces the judgement of an alarm, which asks neither dimensions nor periods."""
    cloudwatch._evaluate_alarm = evaluate


def act_on_alarms_by(dispatch: Dispatch) -> None:
    """Replaces what happens when an alarm changes its state."""
    cloudwatch._dispatch_alarm_actions = dispatch


def read_metrics_by(
    get_metric_data: Callable[[Request], Request],
    get_metric_statistics: Callable[[Request], Request],
) -> None:
    """Replaces GetMetricData, which knows no expressions, and GetMetricStatistics.

    Both take metrics without dimensions for metrics of any dimensions.
    """

    def by(read: Callable[[Request], Request], name: str) -> Callable[..., Any]:
        def handle(params: Request, body: Request, is_cbor: bool, is_json: bool = False) -> Any:
            try:
                answer = read(body if is_cbor or is_json else form(params))
            except ValueError as error:
                return cloudwatch._error(
                    "ValidationError", str(error), 400, use_json=is_json, use_cbor=is_cbor
                )
            if is_cbor:
                return cloudwatch._cbor_ok(_times(answer, cloudwatch._cbor_timestamp))
            if is_json:
                return cloudwatch._json_ok(_times(answer, datetime.timestamp))
            result = f"<{name}Result>{_xml(answer)}</{name}Result>"
            return cloudwatch._xml(200, f"{name}Response", result)

        return handle

    cloudwatch._get_metric_data = by(get_metric_data, "GetMetricData")
    cloudwatch._get_metric_statistics = by(get_metric_statistics, "GetMetricStatistics")


def accept_metric_math(check: Callable[[Alarm], None]) -> None:
    """Lets alarms watch an expression, made by request or by template.

    Args:
        check: Raises ValueError for an alarm that cannot be evaluated.
    """
    put, record = cloudwatch._put_metric_alarm, provisioners._cw_metric_alarm_record

    def from_request(params: Request, body: Request, is_cbor: bool, is_json: bool = False) -> Any:
        request = body if is_cbor or is_json else form(params)
        try:
            check(request)
        except ValueError as error:
            return cloudwatch._error(
                "ValidationError", str(error), 400, use_json=is_json, use_cbor=is_cbor
            )
        answer = put(params, body, is_cbor, is_json)
        alarm = cloudwatch._alarms.get(request.get("AlarmName"))
        if alarm is not None and request.get("Metrics"):
            _watch_expression(alarm, request["Metrics"])
            cloudwatch._evaluate_alarm(alarm)
        return answer

    def from_template(name: str, properties: Request) -> Alarm:
        check({**properties, "AlarmName": name})
        queries = properties.get("Metrics")
        if not queries:
            return dict(record(name, properties))
        # It asks for one metric: it gets one, and the queries take its place.
        plain = {k: v for k, v in properties.items() if k != "Metrics"}
        alarm = dict(record(name, {**plain, "MetricName": "-", "Namespace": "-"}))
        _watch_expression(alarm, queries)
        return alarm

    cloudwatch._put_metric_alarm = from_request
    provisioners._cw_metric_alarm_record = from_template


def _watch_expression(alarm: Alarm, queries: list[Request]) -> None:
    for name in (
        *("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions"),
        "Unit",
    ):
        alarm.pop(name, None)
    alarm["Metrics"] = queries


def publish(topic_arn: str, *, alarm_arn: str, subject: str, message: str) -> str:
    """Publishes an alarm's message as CloudWatch, and returns why it may not, or nothing."""
    topic = sns._topic_by_arn_any_scope(topic_arn)
    if topic is None:
        return f"There is no topic {topic_arn}."
    settings = topic.get("attributes", {})
    if not _cloudwatch_may("sns:Publish", topic_arn, settings.get("Policy"), alarm_arn):
        return f"The policy of {topic_arn} does not let CloudWatch publish."
    key = settings.get("KmsMasterKeyId")
    if key:
        policy, _ = kms.key_policy_for_arn(_key_arn(key)) or (None, None)
        for action in ("kms:Decrypt", "kms:GenerateDataKey"):
            if not _cloudwatch_may(action, _key_arn(key), policy, alarm_arn):
                return f"The policy of {key} does not allow CloudWatch {action}."
    sns._fanout(topic_arn, cloudwatch.new_uuid(), message, subject)
    return ""


def _key_arn(key: str) -> str:
    known = kms._resolve_key(key)
    return str(known["Arn"]) if known else key


def _cloudwatch_may(action: str, resource: str, policy: Any, alarm_arn: str) -> bool:
    context = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=host.REGION,
        service_context={
            "aws:sourcearn": alarm_arn,
            "aws:sourceaccount": host.ACCOUNT,
            "aws:sourceowner": host.ACCOUNT,
        },
    )
    decision = iam_evaluator.evaluate_resource_policy(
        policy, context, service="cloudwatch.amazonaws.com"
    ).decision
    return bool(decision == "Allow")


def emit(detail_type: str, resource: str, detail: Mapping[str, Any]) -> None:
    """Sends an event of CloudWatch to the default bus."""
    entry = {
        "Source": "aws.cloudwatch",
        "DetailType": detail_type,
        "Resources": [resource],
        "Detail": json.dumps(detail),
    }
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def form(params: Mapping[str, Any]) -> Request:
    """Returns the members of a form-encoded request, lists and structures nested."""
    root: Request = {}
    for path, value in params.items():
        *parents, last = path.split(".")
        node = root
        for part in parents:
            node = node.setdefault(part, {})
        text = value[0] if isinstance(value, list) else value
        node[last] = {"true": True, "false": False}.get(text, text)
    return dict(_listed(root))


def _listed(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if set(node) == {"member"}:
        return [_listed(node["member"][i]) for i in sorted(node["member"], key=int)]
    return {name: _listed(value) for name, value in node.items()}


def seconds(value: Any) -> float:
    """Returns a time of a request in seconds since 1970."""
    found = cloudwatch._parse_ts(value)
    if found is None:
        raise ValueError(f"{value!r} is no time.")
    return float(found)


def _times(value: Any, form_of: Callable[[datetime], Any]) -> Any:
    """Returns an answer with its times in the form that a protocol has for them."""
    if isinstance(value, dict):
        return {name: _times(each, form_of) for name, each in value.items()}
    if isinstance(value, list):
        return [_times(each, form_of) for each in value]
    return form_of(value) if isinstance(value, datetime) else value


def _xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"<{name}>{_xml(each)}</{name}>" for name, each in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{_xml(each)}</member>" for each in value)
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else str(value)
