"""Connections tracked by dom0."""

from __future__ import annotations

from typing import Final

from xenwatch.errors import kinds
from xenwatch.limits.base import EARLY, Limit
from xenwatch.limits.kernel_tables import table_max, table_used

LIMIT: Final = Limit(
    name="conntrack",
    title="connections tracked by dom0",
    probe="kernel_tables",
    used=table_used(lambda tables: tables.conntrack),
    max=table_max(lambda tables: tables.conntrack, "net.netfilter.nf_conntrack_max"),
    thresholds=EARLY,
    source="/proc/sys/net/netfilter/nf_conntrack_count",
    symptom="packets of new connections to and through dom0 are dropped",
    reference="Linux, Documentation/networking/nf_conntrack-sysctl.rst: nf_conntrack_max",
    errors={
        kinds.CONNTRACK_FULL.messages: (
            "connections the firewall of dom0 tracks: packets of new ones are dropped, those of "
            "VMs too where bridges pass iptables"
        )
    },
)
