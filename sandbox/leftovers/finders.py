"""Every finder, in the order in which things can be deleted."""

from __future__ import annotations

from sandbox.leftovers.endpoints import EndpointConfigs, Endpoints, InferenceComponents, Models
from sandbox.leftovers.keys import Keys
from sandbox.leftovers.model import Finder
from sandbox.leftovers.network import (
    Addresses,
    Interfaces,
    LoadBalancers,
    NatGateways,
    Networks,
    TargetGroups,
    VpcEndpoints,
)
from sandbox.leftovers.observing import Alarms, LogGroups
from sandbox.leftovers.others import Others
from sandbox.leftovers.stacks import Stacks
from sandbox.leftovers.storage import (
    Buckets,
    FileSystems,
    Repositories,
    Secrets,
    Snapshots,
    Volumes,
)
from sandbox.leftovers.training import Jobs, ModelGroups, Pipelines, ScheduleGroups

_FIRST: list[Finder] = [
    # What starts work anew, and then the work.
    ScheduleGroups(),
    Pipelines(),
    Jobs("training"),
    Jobs("processing"),
    Jobs("transform"),
    # What serves, and then what it is made of.
    InferenceComponents(),
    Endpoints(),
    EndpointConfigs(),
    Models(),
    ModelGroups(),
    # What holds an address or an interface, and then those.
    LoadBalancers(),
    TargetGroups(),
    VpcEndpoints(),
    NatGateways(),
    Addresses(),
    FileSystems(),
    Interfaces(),
    Volumes(),
    Snapshots(),
    Secrets(),
    Repositories(),
    Buckets(),
    Alarms(),
]
_LAST: list[Finder] = [
    # A stack that failed on one of those can go now, and takes the rest with it.
    Stacks(),
    Networks(),
    # The deletion of a stack still writes into log groups, and keys encrypt all the others.
    LogGroups(),
    Keys(),
]

FINDERS: list[Finder] = [
    *_FIRST,
    Others(frozenset(each for finder in _FIRST + _LAST for each in finder.covers)),
    *_LAST,
]
