"""The metrics of netback's rings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from xenwatch.metrics.base import Metric, Readings, Row, Rows
from xenwatch.readings.netback_rings import Ring, VifRings


def _vif_rows(value: Callable[[VifRings], Iterable[Row]]) -> Rows:
    """Rows of every interface, with its domain and device before their own labels."""

    def rows(readings: Readings) -> Iterable[Row]:
        rings = readings.snapshot.netback_rings
        for name, vif in rings.by_vif.items() if rings else ():
            for labels, number in value(vif):
                yield (str(vif.domid), name, *labels), number

    return rows


def _ring_rows(value: Callable[[Ring], int]) -> Rows:
    return _vif_rows(lambda vif: ((("rx",), value(vif.tx)), (("tx",), value(vif.rx))))


_SOURCE: Final = "/sys/kernel/debug/xen-netback/vif*/io_ring_q*"
_VIF: Final = ("domid", "device")

NETBACK_METRICS: Final = (
    Metric(
        "xenwatch_vif_ring_slots",
        "gauge",
        "Slots of the rings of the network interface: rx from the guest, tx to it.",
        _SOURCE,
        _ring_rows(lambda ring: ring.slots),
        (*_VIF, "direction"),
    ),
    Metric(
        "xenwatch_vif_ring_requests",
        "gauge",
        "Unanswered requests: rx packets waiting for netback, tx buffers posted by the guest.",
        _SOURCE,
        _ring_rows(lambda ring: ring.requests),
        (*_VIF, "direction"),
    ),
    Metric(
        "xenwatch_vif_queued_bytes",
        "gauge",
        "Bytes queued in netback that the guest has not accepted.",
        _SOURCE,
        _vif_rows(lambda vif: [((), vif.queued_bytes)]),
        _VIF,
    ),
    Metric(
        "xenwatch_vif_queued_max_bytes",
        "gauge",
        "Queued bytes at which netback stops accepting more for the guest.",
        _SOURCE,
        _vif_rows(lambda vif: [((), vif.queued_bytes_max)]),
        _VIF,
    ),
    Metric(
        "xenwatch_vif_stopped_queues",
        "gauge",
        "Queues to the guest that are full and stopped.",
        _SOURCE,
        _vif_rows(lambda vif: [((), vif.stopped)]),
        _VIF,
    ),
)
"""The metrics of the probe `netback_rings`."""
