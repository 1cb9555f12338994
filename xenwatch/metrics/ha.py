"""The metrics of the heartbeats of a pool with high availability."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from xenwatch.metrics.base import Metric, Readings, Row, Rows
from xenwatch.parse.liveset import WARNINGS
from xenwatch.readings.ha import Ha, PoolHost


def _rows(value: Callable[[Ha], Iterable[Row]]) -> Rows:
    def rows(readings: Readings) -> Iterable[Row]:
        ha = readings.snapshot.ha
        return value(ha) if ha else ()

    return rows


def _of_hosts(value: Callable[[PoolHost], float | None]) -> Rows:
    return _rows(
        lambda ha: (((uuid,), value(host)) for uuid, host in ha.hosts.items() if not host.excluded)
    )


_SOURCE: Final = "calldaemon query_liveset of xhad"
_HOSTS: Final = "Hosts that were shut down cleanly have no series."

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
        "xenwatch_ha_host_alive",
        "gauge",
        f"1 if this host has that host of the pool in its liveset. {_HOSTS}",
        _SOURCE,
        _of_hosts(lambda host: int(host.alive)),
        ("host",),
    ),
    Metric(
        "xenwatch_ha_heartbeat_age_seconds",
        "gauge",
        f"Time since that host's last heartbeat on the network. {_HOSTS}",
        _SOURCE,
        _of_hosts(lambda host: host.heartbeat_age),
        ("host",),
    ),
    Metric(
        "xenwatch_ha_statefile_age_seconds",
        "gauge",
        f"Time since that host's last update of the state file. {_HOSTS}",
        _SOURCE,
        _of_hosts(lambda host: host.statefile_age),
        ("host",),
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
