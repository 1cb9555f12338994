"""The metrics of virtual disks: how fairly they share their storage."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from xenwatch.metrics.base import Metric, Readings, Row, Rows
from xenwatch.readings.disks import Transfers, VirtualDisk


def _of(value: Callable[[VirtualDisk], Iterable[Row]]) -> Rows:
    """Rows of every disk, with its domain and device before their own labels."""

    def rows(readings: Readings) -> Iterable[Row]:
        disks = readings.snapshot.disks
        for (domid, devid), disk in disks.by_device.items() if disks else ():
            for labels, number in value(disk):
                yield (str(domid), str(devid), *labels), number

    return rows


def _transfers(value: Callable[[Transfers], float | None]) -> Rows:
    return _of(lambda it: ((("read",), value(it.read)), (("write",), value(it.write))))


_SOURCE: Final = "statistics of blkback in sysfs, of tapdisk3 in shared memory"
_DISK: Final = ("domid", "device")

DISK_METRICS: Final = (
    Metric(
        "xenwatch_disk_info",
        "info",
        "Disks of domains, with their backend and storage.",
        "/sys/bus/xen-backend/devices, params in xenstore, /sys/dev/block",
        _of(lambda it: [((it.backend, it.storage or ""), 1)]),
        (*_DISK, "backend", "storage"),
    ),
    Metric(
        "xenwatch_disk_requests_total",
        "counter",
        "Requests to the disk.",
        _SOURCE,
        _transfers(lambda it: it.requests),
        (*_DISK, "operation"),
    ),
    Metric(
        "xenwatch_disk_bytes_total",
        "counter",
        "Bytes read from the disk or written to it.",
        _SOURCE,
        _transfers(lambda it: it.bytes),
        (*_DISK, "operation"),
    ),
    Metric(
        "xenwatch_disk_wait_seconds_total",
        "counter",
        "Total time of requests to the disk, from arrival to response.",
        "statistics of tapdisk3 in shared memory; not available from blkback",
        _transfers(lambda it: it.wait_seconds),
        (*_DISK, "operation"),
    ),
    Metric(
        "xenwatch_disk_out_of_requests_total",
        "counter",
        "Requests to the disk that had to wait because too many were in flight.",
        _SOURCE,
        _of(lambda it: [((), it.out_of_requests)]),
        _DISK,
    ),
)
"""The metrics of the probe `disks`."""
