"""The metrics of the heartbeats of a pool with high availability."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from xenwatch.metrics.base import Metric, Rows, rows_of
from xenwatch.parse.liveset import WARNINGS
from xenwatch.readings.ha import PoolHost

_rows = rows_of(lambda snapshot: snapshot.ha)


def _of_members(value: Callable[[PoolHost], float | None]) -> Rows:
    return _rows(
        lambda ha: (((uuid,), value(host)) for uuid, host in ha.hosts.items() if not host.excluded)
    )


_SOURCE: Final = "calldaemon query_liveset of xhad"
_MEMBERS: Final = "member is a host's UUID; hosts that were shut down cleanly have no series."

HA_METRICS: Final = (
    Metric(
        "xenwatch_ha_online",
        "gauge",
        "1 if xhad on this host is online, 0 while it starts.",
        _SOURCE,
        _rows(lambda ha: [((), int(ha.online))]),
    ),
    Metric(
        "xenwatch_ha_warning",
        "gauge",
        f"1 if xhad on this host warns of it; warning is one of: {', '.join(WARNINGS)}.",
        _SOURCE,
        _rows(lambda ha: (((name,), int(on)) for name, on in ha.warnings.items())),
        ("warning",),
    ),
    Metric(
        "xenwatch_ha_member_alive",
        "gauge",
        f"1 if this host has the member of the pool in its liveset. {_MEMBERS}",
        _SOURCE,
        _of_members(lambda host: int(host.alive)),
        ("member",),
    ),
    Metric(
        "xenwatch_ha_heartbeat_age_seconds",
        "gauge",
        f"Time since the last heartbeat of the member of the pool on the network. {_MEMBERS}",
        _SOURCE,
        _of_members(lambda host: host.heartbeat_age),
        ("member",),
    ),
    Metric(
        "xenwatch_ha_statefile_age_seconds",
        "gauge",
        f"Time since the last update of the state file by the member of the pool. {_MEMBERS}",
        _SOURCE,
        _of_members(lambda host: host.statefile_age),
        ("member",),
    ),
    Metric(
        "xenwatch_ha_timeout_seconds",
        "gauge",
        "Age of heartbeats at which a host counts as dead: heartbeat on the network, statefile in "
        "the state file.",
        _SOURCE,
        _rows(lambda ha: (((kind,), seconds) for kind, seconds in ha.timeouts.items())),
        ("kind",),
    ),
    Metric(
        "xenwatch_ha_statefile_latency_seconds",
        "gauge",
        "Time the last access of this host to the state file took.",
        _SOURCE,
        _rows(lambda ha: [((), ha.statefile_latency)]),
    ),
)
"""The metrics of the probe `ha`."""
