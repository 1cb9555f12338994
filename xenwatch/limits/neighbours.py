"""Neighbours of dom0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.errors import kinds
from xenwatch.limits.base import EARLY, Limit, Max
from xenwatch.readings.kernel_tables import Table
from xenwatch.readings.snapshot import Snapshot


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Entries in use."""
    return {family: table.used for family, table in _tables(snapshot).items()}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """Entries there can be; none where the table has no limit."""
    return {
        family: Max(table.max, f"net.{family}.neigh.default.gc_thresh3")
        for family, table in _tables(snapshot).items()
        if table.max
    }


def _tables(snapshot: Snapshot) -> Mapping[str, Table]:
    return {} if snapshot.kernel_tables is None else snapshot.kernel_tables.neighbours


LIMIT: Final = Limit(
    name="neighbours",
    title="neighbours of dom0",
    probe="kernel_tables",
    used=used,
    max=maximum,
    thresholds=EARLY,
    source="/proc/net/stat/arp_cache and ndisc_cache: entries",
    symptom="dom0 cannot reach hosts it has no entry for: No buffer space available",
    reference="arp(7): gc_thresh3",
    caveat="Permanent entries are counted too, of which Linux 5.0 and later can have more. A "
    "bridge needs no neighbours for the VMs behind it.",
    label="family",
    errors={
        kinds.NEIGHBOUR_TABLE_FULL.messages: (
            "the kernel's ARP and neighbour table: dom0 cannot reach more hosts"
        )
    },
)
