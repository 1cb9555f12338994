"""Readings: the heartbeats of a pool with high availability."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class PoolHost:
    """A host of the pool as this one sees it.

    `alive` is whether it is in the liveset, `excluded` whether it was shut down cleanly. Ages are
    seconds since its last heartbeat; `None`: there was none yet.
    """

    alive: bool
    excluded: bool
    heartbeat_age: float | None
    statefile_age: float | None


@dataclass(frozen=True, slots=True)
class Ha:
    """What xhad on this host knows. While it starts, it is not `online` and tells nothing else.

    `hosts` are by UUID, `timeouts` the seconds without heartbeats after which a host counts as
    dead, by `heartbeat` (the network) and `statefile`, `statefile_latency` the seconds this host's
    last access to the state file took, `warnings` xhad's own by name.
    """

    online: bool
    hosts: Mapping[str, PoolHost]
    timeouts: Mapping[str, float | None]
    statefile_latency: float | None
    warnings: Mapping[str, bool]
