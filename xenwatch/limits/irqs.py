"""Linux interrupt descriptors of dom0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import (
    EARLY,
    NO_COST,
    Costs,
    Limit,
    Max,
    Shortage,
)
from xenwatch.limits.event_channels import CHANNELS_LATER, fewer_queues
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.release import release
from xenwatch.release.table import XAPI

IRQ_BITMAP_EXTRA: Final = 8196
"""IRQ_BITMAP_BITS is NR_IRQS plus this (kernel/irq/internals.h, up to Linux 6.4)."""
INT_MAX: Final = (1 << 31) - 1


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Interrupt descriptors allocated."""
    return {} if snapshot.irqs is None else {"": snapshot.irqs.used}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """The kernel's bitmap of interrupts, which Linux 6.5 made as large as numbers go."""
    host = snapshot.host
    if host is None:
        return {}
    found = release(snapshot)
    if found.linux.sparse_irqs:
        return {"": Max(INT_MAX, "MAX_SPARSE_IRQS of Linux 6.5 and later")}
    if host.nr_irqs is not None:
        origin = f"kernel log: NR_IRQS {host.nr_irqs}, plus {IRQ_BITMAP_EXTRA}"
        return {"": Max(host.nr_irqs + IRQ_BITMAP_EXTRA, origin)}
    if found.nr_irqs is not None:
        origin = f"NR_IRQS {found.nr_irqs} of the kernel of {found.name}, plus {IRQ_BITMAP_EXTRA}"
        return {"": Max(found.nr_irqs + IRQ_BITMAP_EXTRA, origin)}
    return {}


def remedy(shortage: Shortage) -> tuple[str, ...]:
    """Commands and advice that give more headroom, best first."""
    found = release(shortage.snapshot)
    kernel = "run a dom0 kernel that is Linux 6.5 or later, or built for more CPUs"
    if found.facts.toolstack == XAPI:
        kernel = (
            f"{found.name or 'this platform'} supports no dom0 kernel with more: report it to the "
            "vendor, or use another host"
        )
    return (*fewer_queues(shortage), kernel)


_COSTS: Final[Costs] = {
    "xenserver-6.1": NO_COST,
    "xenserver-6.2": NO_COST,
    **CHANNELS_LATER,
}
"""Every event channel that dom0's kernel or /dev/xen/evtchn binds takes an interrupt; classic
kernels have one for every channel there can be, which is no limit of its own."""


LIMIT: Final = Limit(
    name="irqs",
    title="Linux interrupt descriptors of dom0",
    probe="irqs",
    used=used,
    max=maximum,
    thresholds=EARLY,
    by_domain="xenwatch_domain_event_channels",
    source="/sys/kernel/irq",
    symptom="ENOMEM when dom0 binds an event channel, before event channels are exhausted",
    reference="Linux, kernel/irq/internals.h: IRQ_BITMAP_BITS",
    caveat="On kernels built for 64 CPUs (XCP-ng) the max is far below that of "
    "FIFO event channels.",
    costs=_COSTS,
    remedy=remedy,
    explains=("backend_errors", "backends_closed", "zombie_domain"),
    errors={
        (
            "ENOMEM when dom0 binds an event channel, with channels free"
        ): "interrupt descriptors of dom0's kernel"
    },
)
