"""The metrics of the ways to the storage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from xenwatch.metrics.base import Metric, Readings, Row
from xenwatch.readings.storage_paths import MultipathMap, NfsRequests


def _maps(readings: Readings) -> Iterable[tuple[str, MultipathMap]]:
    found = readings.snapshot.multipath
    return found.maps.items() if found else ()


def _down_ratio(readings: Readings) -> Iterable[Row]:
    """A map without any path has lost all."""
    for name, its in _maps(readings):
        if its.down is not None:
            yield (name,), its.down / its.paths if its.paths else 1.0


def _sessions(readings: Readings) -> Iterable[Row]:
    found = readings.snapshot.iscsi_sessions
    for number, session in found.sessions.items() if found else ():
        up = None if session.logged_in is None else int(session.logged_in)
        yield (number, session.target, session.portal), up


def _repositories(readings: Readings) -> Iterable[tuple[str, NfsRequests]]:
    found = readings.snapshot.nfs_repositories
    return found.by_uuid.items() if found else ()


_PATHS: Final = "/sys/block, multipathd"
_NFS: Final = "/proc/1/mountstats"

STORAGE_PATH_METRICS: Final = (
    Metric(
        "xenwatch_multipath_paths",
        "gauge",
        "Paths of the multipath map: those it has, or as many as have worked at once since "
        "xenwatch started, whichever is more.",
        _PATHS,
        lambda readings: (((name,), its.paths) for name, its in _maps(readings)),
        ("map",),
    ),
    Metric(
        "xenwatch_multipath_paths_down",
        "gauge",
        "Paths of the multipath map that do not work or are gone.",
        _PATHS,
        lambda readings: (((name,), its.down) for name, its in _maps(readings)),
        ("map",),
    ),
    Metric(
        "xenwatch_multipath_paths_down_ratio",
        "gauge",
        "Fraction of the multipath map's paths that do not work or are gone; 1: none is left.",
        _PATHS,
        _down_ratio,
        ("map",),
    ),
    Metric(
        "xenwatch_iscsi_session_up",
        "gauge",
        "1 if the iSCSI session is logged in, 0 if its connection is lost.",
        "/sys/class/iscsi_session",
        _sessions,
        ("session", "target", "portal"),
    ),
    Metric(
        "xenwatch_nfs_retransmissions_total",
        "counter",
        "Requests to the NFS server of the storage repository that were sent again.",
        _NFS,
        lambda readings: (((uuid,), its.retransmissions) for uuid, its in _repositories(readings)),
        ("storage",),
    ),
    Metric(
        "xenwatch_nfs_timeouts_total",
        "counter",
        "Times the NFS server of the storage repository did not answer a request until the mount's "
        "timeout; of soft mounts, as those of xapi are, each is an I/O error.",
        _NFS,
        lambda readings: (((uuid,), its.timeouts) for uuid, its in _repositories(readings)),
        ("storage",),
    ),
)
"""The metrics of the probes `multipath`, `iscsi_sessions` and `nfs_repositories`."""
