"""netback's rings: packets waiting for netback, and packets waiting for guests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from xenwatch.parse.netback import parse_io_ring
from xenwatch.probes.base import NotApplicable, Probe, stateless
from xenwatch.probes.vifs import VIF
from xenwatch.probes.xen import list_optional, read_optional, require_dom0
from xenwatch.readings.netback_rings import NetbackRings, Ring, VifRings
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError

DEBUGFS: Final = "/sys/kernel/debug"
DIRECTORY: Final = f"{DEBUGFS}/xen-netback"
_RING = re.compile(r"io_ring_q\d{1,5}\Z")


def read(source: Source, context: Snapshot) -> NetbackRings:
    """The rings by interface. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source, context)
    names = list_optional(source, DIRECTORY)
    if names is None:
        if not list_optional(source, DEBUGFS):
            raise SourceError(DEBUGFS, "debugfs is not mounted")
        raise NotApplicable("the kernel has no xen-netback")
    found = {}
    for name in names:
        match = VIF.match(name)
        queues = [*_queues(source, name, int(match[1]))] if match else []
        if queues:
            found[name] = _total(queues)
    return NetbackRings(found)


def _queues(source: Source, vif: str, domid: int) -> Iterator[VifRings]:
    """The rings of each queue of an interface."""
    for name in list_optional(source, f"{DIRECTORY}/{vif}") or ():
        data = read_optional(source, f"{DIRECTORY}/{vif}/{name}") if _RING.match(name) else None
        if data is not None:
            fields = parse_io_ring(data)
            yield VifRings(
                domid,
                Ring(int(fields["tx_slots"]), int(fields["tx_requests"])),
                Ring(int(fields["rx_slots"]), int(fields["rx_requests"])),
                int(fields["queued_bytes"]),
                int(fields["queued_bytes_max"]),
                int(fields["gate"] == "stopped"),
            )


def _total(queues: list[VifRings]) -> VifRings:
    return VifRings(
        queues[0].domid,
        Ring(sum(queue.tx.slots for queue in queues), sum(queue.tx.requests for queue in queues)),
        Ring(sum(queue.rx.slots for queue in queues), sum(queue.rx.requests for queue in queues)),
        sum(queue.queued_bytes for queue in queues),
        sum(queue.queued_bytes_max for queue in queues),
        sum(queue.stopped for queue in queues),
    )


NETBACK_RINGS = Probe(
    name="netback_rings",
    reads=f"{DIRECTORY}/vif*/io_ring_q*",
    advice=f"run as root; mount -t debugfs debugfs {DEBUGFS}",
    read=stateless(read),
    interval=20.0,
    enabled=False,
)
