"""Connections tracked by dom0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import EARLY, Limit, Max
from xenwatch.readings.kernel_tables import Table
from xenwatch.readings.snapshot import Snapshot


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Entries in use."""
    table = _table(snapshot)
    return {} if table is None else {"": table.used}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """Entries there can be; none where the table has no limit."""
    table = _table(snapshot)
    return (
        {}
        if table is None or not table.max
        else {"": Max(table.max, "net.netfilter.nf_conntrack_max")}
    )


def _table(snapshot: Snapshot) -> Table | None:
    return None if snapshot.kernel_tables is None else snapshot.kernel_tables.conntrack


LIMIT: Final = Limit(
    name="conntrack",
    title="connections tracked by dom0",
    probe="kernel_tables",
    used=used,
    max=maximum,
    thresholds=EARLY,
    source="/proc/sys/net/netfilter/nf_conntrack_count",
    symptom="packets of new connections to and through dom0 are dropped",
    reference="Linux, Documentation/networking/nf_conntrack-sysctl.rst: nf_conntrack_max",
    errors={
        "`nf_conntrack: table full`, `ip_conntrack: table full`": (
            "connections the firewall of dom0 tracks: packets of new ones are dropped, those of "
            "VMs too where bridges pass iptables"
        )
    },
)
