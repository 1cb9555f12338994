"""The metrics of the physical interfaces by which VMs reach the network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from xenwatch.metrics.base import Metric, Row, rows_of
from xenwatch.readings.uplinks import Uplinks

_rows = rows_of(lambda snapshot: snapshot.uplinks)


def _errors(uplinks: Uplinks) -> Iterable[Row]:
    for name, nic in uplinks.nics.items():
        yield (name, "rx"), nic.rx_errors
        yield (name, "tx"), nic.tx_errors


_LINKS: Final = "rtnetlink, the database of Open vSwitch"

UPLINK_METRICS: Final = (
    Metric(
        "xenwatch_uplink_up",
        "gauge",
        "1 if the physical interface behind a bridge with VMs works: it is up and has a signal. "
        "bond is the bond it is a member of.",
        _LINKS,
        _rows(
            lambda uplinks: (
                ((name, nic.bond), int(nic.working)) for name, nic in uplinks.nics.items()
            )
        ),
        ("device", "bond"),
    ),
    Metric(
        "xenwatch_uplink_lost",
        "gauge",
        "1 if a physical interface outside bonds, or a bond with all its members, worked since "
        "boot and does not now.",
        _LINKS,
        _rows(lambda uplinks: (((name,), int(lost)) for name, lost in uplinks.lost().items())),
        ("device",),
    ),
    Metric(
        "xenwatch_uplink_speed_bytes",
        "gauge",
        "Speed of the physical interface behind a bridge with VMs, in bytes per second.",
        "/sys/class/net/*/speed",
        _rows(lambda uplinks: (((name,), nic.speed_bytes) for name, nic in uplinks.nics.items())),
        ("device",),
    ),
    Metric(
        "xenwatch_uplink_errors_total",
        "counter",
        "Errors of the physical interface behind a bridge with VMs, by direction.",
        "/proc/net/dev",
        _rows(_errors),
        ("device", "direction"),
    ),
    Metric(
        "xenwatch_bond_members",
        "gauge",
        "Members of the bond behind a bridge with VMs.",
        _LINKS,
        _rows(lambda uplinks: (((name,), len(nics)) for name, nics in uplinks.bonds().items())),
        ("bond",),
    ),
    Metric(
        "xenwatch_bond_members_down",
        "gauge",
        "Members of the bond that do not work.",
        _LINKS,
        _rows(
            lambda uplinks: (
                ((name,), sum(not nic.working for nic in nics))
                for name, nics in uplinks.bonds().items()
            )
        ),
        ("bond",),
    ),
)
"""The metrics of the probe `uplinks`."""
