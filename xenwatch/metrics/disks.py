"""The metrics of virtual disks: how fairly they share their storage."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from xenwatch.exposition.text_format import text
from xenwatch.metrics.base import Metric, Readings, Row, Rows
from xenwatch.metrics.host import UNKNOWN
from xenwatch.readings.disks import Transfers, VirtualDisk


def _disk_rows(value: Callable[[VirtualDisk], float | None]) -> Rows:
    def rows(readings: Readings) -> Iterable[Row]:
        disks = readings.snapshot.disks
        for (domid, devid), disk in disks.by_device.items() if disks else ():
            yield (str(domid), str(devid)), value(disk)

    return rows


def _facts(readings: Readings) -> Iterable[Row]:
    """Every disk, connected or not, with its backend and storage."""
    disks = readings.snapshot.disks
    connected = disks.by_device.items() if disks else ()
    found = {key: (disk.backend, disk.storage) for key, disk in connected}
    for (domid, devid), (backend, storage) in {
        **found, **(disks.unconnected if disks else {})
    }.items():  # fmt: skip
        yield (str(domid), str(devid), backend, storage or ""), 1


def _transfer_rows(value: Callable[[Transfers], float | None]) -> Rows:
    def rows(readings: Readings) -> Iterable[Row]:
        disks = readings.snapshot.disks
        for (domid, devid), disk in disks.by_device.items() if disks else ():
            domain, device = str(domid), str(devid)
            yield (domain, device, "read"), value(disk.read)
            yield (domain, device, "write"), value(disk.write)

    return rows


def _stalled(readings: Readings) -> Iterable[Row]:
    """The disks on each storage that hangs, with the VM of the one that waits longest."""
    snapshot = readings.snapshot
    stalled = snapshot.disks.stalled() if snapshot.disks else {}
    domains = {domain.domid: domain for domain in snapshot.identities} if stalled else {}
    for storage, disks in stalled.items():
        domid, device = disks[0]
        domain = domains.get(domid)
        name = text(snapshot.name(domain) or b"") if domain else ""
        uuid = domain.uuid if domain else ""
        yield (storage or UNKNOWN, str(domid), name, uuid, str(device)), len(disks)


_SOURCE: Final = "blkback's statistics in sysfs, tapdisk3's in shared memory"
_DISK: Final = ("domid", "device")
_PROGRESS: Final = "tapdisk3's statistics in shared memory; of blkback /sys/dev/block/*/stat"

DISK_METRICS: Final = (
    Metric(
        "xenwatch_disk_info",
        "info",
        "Disks of domains, connected or not, with their backend and storage.",
        "/sys/bus/xen-backend/devices, params in xenstore, /sys/dev/block",
        _facts,
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
        _disk_rows(lambda disk: disk.out_of_requests),
        _DISK,
    ),
    Metric(
        "xenwatch_disk_requests_in_flight",
        "gauge",
        "Requests to the disk that its storage has not answered yet.",
        _PROGRESS,
        _disk_rows(lambda disk: disk.in_flight),
        _DISK,
    ),
    Metric(
        "xenwatch_disk_stalled_seconds",
        "gauge",
        "Time since the last request to the disk completed; 0 with no request in flight.",
        f"{_PROGRESS}; /proc/uptime",
        _disk_rows(lambda disk: disk.stalled_seconds),
        _DISK,
    ),
    Metric(
        "xenwatch_storage_stalled_disks",
        "gauge",
        "Disks on a storage that hangs: with requests in flight, none completed for two minutes; "
        "the other labels are those of the disk that has waited longest.",
        f"{_PROGRESS}; /proc/uptime",
        _stalled,
        ("storage", "domid", "name", "uuid", "device"),
    ),
)
"""The metrics of the probe `disks`."""
