"""The metrics of virtual disks: how fairly they share their storage."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from xenwatch.metrics.base import Metric, Readings, Row, Rows
from xenwatch.readings.disks import Transfers, VirtualDisk


def _disk_rows(value: Callable[[VirtualDisk], Iterable[Row]]) -> Rows:
    """Rows of every disk, with its domain and device before their own labels."""

    def rows(readings: Readings) -> Iterable[Row]:
        disks = readings.snapshot.disks
        for (domid, devid), disk in disks.by_device.items() if disks else ():
            for labels, number in value(disk):
                yield (str(domid), str(devid), *labels), number

    return rows


def _transfer_rows(value: Callable[[Transfers], float | None]) -> Rows:
    return _disk_rows(lambda disk: ((("read",), value(disk.read)), (("write",), value(disk.write))))


_SOURCE: Final = "blkback's statistics in sysfs, tapdisk3's in shared memory"
_DISK: Final = ("domid", "device")

DISK_METRICS: Final = (
    Metric(
        "xenwatch_disk_info",
        "info",
        "Disks of domains, with their backend and storage.",
        "/sys/bus/xen-backend/devices, params in xenstore, /sys/dev/block",
        _disk_rows(lambda disk: [((disk.backend, disk.storage or ""), 1)]),
        (*_DISK, "backend", "storage"),
    ),
    Metric(
        "xenwatch_disk_requests_total",
        "counter",
        "Requests to the disk.",
        _SOURCE,
        _transfer_rows(lambda transfers: transfers.requests),
        (*_DISK, "operation"),
    ),
    Metric(
        "xenwatch_disk_bytes_total",
        "counter",
        "Bytes read from the disk or written to it.",
        _SOURCE,
        _transfer_rows(lambda transfers: transfers.bytes),
        (*_DISK, "operation"),
    ),
    Metric(
        "xenwatch_disk_wait_seconds_total",
        "counter",
        "Total time of requests to the disk, from arrival to response.",
        "tapdisk3's statistics in shared memory; not available from blkback",
        _transfer_rows(lambda transfers: transfers.wait_seconds),
        (*_DISK, "operation"),
    ),
    Metric(
        "xenwatch_disk_out_of_requests_total",
        "counter",
        "Requests to the disk that had to wait because too many were in flight.",
        _SOURCE,
        _disk_rows(lambda disk: [((), disk.out_of_requests)]),
        _DISK,
    ),
)
"""The metrics of the probe `disks`."""
