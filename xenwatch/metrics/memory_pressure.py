"""The metrics of dom0's memory when it runs out."""

from __future__ import annotations

from typing import Final

from xenwatch.metrics.base import Metric, number_of, rows_of

_rows = rows_of(lambda snapshot: snapshot.memory_pressure)
_single = number_of(lambda snapshot: snapshot.memory_pressure)


_VMSTAT: Final = "/proc/vmstat"
_PSI: Final = "/proc/pressure/memory"
_BUDDY: Final = "/proc/buddyinfo"

MEMORY_PRESSURE_METRICS: Final = (
    Metric(
        "xenwatch_dom0_oom_kills_total",
        "counter",
        "Processes that dom0's OOM killer has killed.",
        f"{_VMSTAT}, oom_kill",
        _single(lambda pressure: pressure.oom_kills),
    ),
    Metric(
        "xenwatch_dom0_recent_oom_kills",
        "gauge",
        "Processes killed by dom0's OOM killer in the last hour, by role of the victim, else "
        "by its program.",
        f"{_VMSTAT}, oom_kill; the victim: /dev/kmsg",
        _rows(lambda pressure: (((who,), n) for who, n in pressure.recent_kills.items())),
        ("victim",),
    ),
    Metric(
        "xenwatch_dom0_allocation_stalls_total",
        "counter",
        "Allocations of memory in dom0 that had to reclaim memory themselves.",
        f"{_VMSTAT}, allocstall and allocstall_ZONE",
        _single(lambda pressure: pressure.stalls),
    ),
    Metric(
        "xenwatch_dom0_swap_in_pages_total",
        "counter",
        "Pages dom0 has read back from swap.",
        f"{_VMSTAT}, pswpin",
        _single(lambda pressure: pressure.swap_ins),
    ),
    Metric(
        "xenwatch_dom0_swap_out_pages_total",
        "counter",
        "Pages dom0 has written to swap.",
        f"{_VMSTAT}, pswpout",
        _single(lambda pressure: pressure.swap_outs),
    ),
    Metric(
        "xenwatch_dom0_swap_in_pages_per_second",
        "gauge",
        "Pages dom0 reads back from swap a second, over the last five minutes.",
        f"{_VMSTAT}, pswpin; /proc/uptime",
        _single(lambda pressure: pressure.swap_in_rate),
    ),
    Metric(
        "xenwatch_dom0_memory_pressure_ratio",
        "gauge",
        "Part of the last five minutes in which some tasks of dom0, or all, waited for memory.",
        f"{_PSI}, avg300",
        _rows(
            lambda pressure: (
                ((kind,), stalled.ratio) for kind, stalled in pressure.stalled.items()
            )
        ),
        ("kind",),
    ),
    Metric(
        "xenwatch_dom0_memory_pressure_seconds_total",
        "counter",
        "Time in which some tasks of dom0, or all, waited for memory.",
        f"{_PSI}, total",
        _rows(
            lambda pressure: (
                ((kind,), stalled.seconds) for kind, stalled in pressure.stalled.items()
            )
        ),
        ("kind",),
    ),
    Metric(
        "xenwatch_dom0_free_blocks",
        "gauge",
        "Free blocks of dom0's memory of 2^order pages.",
        _BUDDY,
        _rows(
            lambda pressure: (
                ((str(node), zone, str(order)), count)
                for (node, zone, order), count in pressure.free_blocks.items()
            )
        ),
        ("node", "zone", "order"),
    ),
    Metric(
        "xenwatch_dom0_largest_free_order",
        "gauge",
        "Order of the largest free block of memory that dom0's kernel can have; -1: none.",
        f"{_BUDDY}, zones DMA32 and Normal",
        _single(lambda pressure: pressure.largest_free_order),
    ),
)
"""The metrics of the probe `memory_pressure`."""
