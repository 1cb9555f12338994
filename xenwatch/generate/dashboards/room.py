"""Tables about room for VMs in a pool: how much, what binds, where it is least, what is next."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import table

from xenwatch.generate.dashboards import limits
from xenwatch.generate.dashboards.panels import Link, Style, Subject, limit_titles, to_host
from xenwatch.generate.dashboards.queries import HOST, INSTANCES, select
from xenwatch.generate.dashboards.tables import Column, Label, Rows, draw

HOSTS: Final = Link("A host", to_host("").url.replace("var-instance=&", ""))
ONE: Final = to_host("${__value.raw:percentencode}")
NOBODY: Final = "No host has a reading in the time shown"


def left(style: Style) -> table.Panel:
    """Room for VMs in the whole pool, by shape."""
    left = f"max by ({HOST}, shape) ({select(limits.LEFT, INSTANCES)})"
    living = f'{INSTANCES},state!="dying"'
    vms = f"sum by ({HOST}) ({select('xenwatch_domains', living)}) - 1"
    subject = Subject(
        "Room for VMs",
        f"{limits.MORE_FIT}: on all hosts, on the host with the most room, and on "
        "how many hosts not one more fits. After a loss: on the others if the worst host to "
        "lose is lost and each of its VMs counts as one of the shape; below zero, that many do "
        "not fit, and the pool does not survive the loss of a host.",
        [HOSTS],
        NOBODY,
    )
    rows = Rows(
        {"shape": Label("Shape")},
        (
            Column("All hosts", f"sum by (shape) ({left})", colors=limits.ROOM, width=90),
            Column(
                "After a loss",
                f"sum by (shape) ({left}) - max by (shape) ({left} + on ({HOST}) group_left () "
                f"({vms}))",
                colors=limits.SPARE,
                width=110,
            ),
            Column("Best host", f"max by (shape) ({left})", colors=limits.ROOM, width=90),
            Column(
                "Full hosts",
                f"count by (shape) ({left} < 1) or 0 * count by (shape) ({left})",
                width=100,
            ),
        ),
        sort=(("All hosts", False),),
    )
    return draw(style, subject, rows)


def binding(style: Style) -> table.Panel:
    """What stops the next VM, by the number of hosts on which it does."""
    each = f"max by ({HOST}, shape, limit) ({select(limits.BY_LIMIT, INSTANCES)})"
    binds = f"bottomk by ({HOST}, shape) (1, {each})"
    top = f"topk(20, count by (shape, limit) ({binds}))"
    subject = Subject(
        "What stops the next VM",
        "The limit with the least room for a VM of the shape, and on how many hosts it is that "
        "one: the twenty most frequent.",
        [HOSTS],
        NOBODY,
    )
    rows = Rows(
        {"limit": Label("Limit", limit_titles()), "shape": Label("Shape", width=110)},
        (
            Column("Hosts", top, width=80),
            Column(
                "Fewest left",
                f"min by (shape, limit) ({binds}) and on (shape, limit) {top}",
                colors=limits.ROOM,
                width=100,
            ),
        ),
        sort=(("Hosts", True),),
    )
    return draw(style, subject, rows)


def least(style: Style) -> table.Panel:
    """The hosts with the least room, and what stops the next VM there."""
    by = f"{HOST}, shape"
    least = f"bottomk(20, max by ({by}) ({select(limits.LEFT, INSTANCES)}))"
    each = f"max by ({by}, limit) ({select(limits.BY_LIMIT, INSTANCES)})"
    subject = Subject(
        "Least room",
        "The twenty hosts and shapes with the fewest VMs left, and the limit that stops the next "
        "one. A host whose room is unknown is not in the list.",
        [HOSTS],
        "Unknown on every host: a counted limit could not be read, or xenstored or xapi does not "
        "answer",
    )
    rows = Rows(
        {
            "instance": Label("Host", link=ONE),
            "shape": Label("Shape", width=110),
            "limit": Label("Stopped by", limit_titles()),
        },
        (
            Column("VMs left", least, colors=limits.ROOM, width=90),
            Column("By limit", f"bottomk by ({by}) (1, {each}) and on ({by}) {least}", hidden=True),
        ),
        sort=(("VMs left", False), ("Host", False), ("Shape", False)),
        first=("Host", "Shape", "VMs left", "Stopped by"),
    )
    return draw(style, subject, rows)


def next_full(style: Style) -> table.Panel:
    """Which limit of which host is exhausted next."""
    series = f"max by ({HOST}, limit) ({select(limits.FULL_IN, INSTANCES)})"
    subject = Subject(
        "Limits full next",
        "Limits that are exhausted soonest if use continues as in the last hours. The colours are "
        "the thresholds of the alert XenwatchLimitFullSoon.",
        [HOSTS],
        "No limit is filling up",
    )
    rows = Rows(
        {"instance": Label("Host", link=ONE), "limit": Label("Limit", limit_titles())},
        (limits.full_in(style, f"bottomk(20, {series})", width=120),),
        sort=(("Full in", False), ("Host", False)),
    )
    return draw(style, subject, rows)
