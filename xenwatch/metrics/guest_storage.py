"""The metrics of storage repositories and thin pools that are not limits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from xenwatch.metrics.base import Metric, Readings, Row
from xenwatch.readings.guest_storage import StorageRepository


def _repositories(readings: Readings) -> Iterable[tuple[str, StorageRepository]]:
    found = readings.snapshot.storage_repositories
    return found.by_uuid.items() if found else ()


def _facts(readings: Readings) -> Iterable[Row]:
    for uuid, repository in _repositories(readings):
        yield (uuid, repository.mount_point, repository.fstype), 1


def _success(readings: Readings) -> Iterable[Row]:
    for uuid, repository in _repositories(readings):
        yield (uuid, repository.mount_point), int(repository.size is not None)


def _modes(readings: Readings) -> Iterable[Row]:
    pools = readings.snapshot.thin_pools
    for name, pool in pools.by_name.items() if pools else ():
        yield (name, pool.mode), 1


GUEST_STORAGE_METRICS: Final = (
    Metric(
        "xenwatch_storage_repository_info",
        "info",
        "Mounted storage repositories, with the type of the file system.",
        "/proc/1/mounts",
        _facts,
        ("storage", "mountpoint", "fstype"),
    ),
    Metric(
        "xenwatch_storage_repository_success",
        "gauge",
        "Whether the file system of the storage repository answers: 1, or 0 if it hangs or fails.",
        "statvfs",
        _success,
        ("storage", "mountpoint"),
    ),
    Metric(
        "xenwatch_thin_pool_mode",
        "gauge",
        "Mode of the thin pool, as a label; rw is the usual one.",
        "dmsetup status --noflush --target thin-pool",
        _modes,
        ("thin_pool", "mode"),
    ),
)
"""The metrics of the probes `storage_repositories` and `thin_pools`."""
