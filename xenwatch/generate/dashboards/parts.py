"""A table of the parts of a host that are in order or not: paths, links, clock, certificates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from grafana_foundation_sdk.builders import table

from xenwatch.alerts.declared.certificate_expiring import ALERT as EXPIRING
from xenwatch.generate.dashboards.panels import (
    GREEN,
    ORANGE,
    RED,
    STATUS,
    Style,
    Subject,
    less_is_worse,
    words,
)
from xenwatch.generate.dashboards.queries import HOST, INSTANCE, select
from xenwatch.generate.dashboards.tables import Column, Label, Rows, draw
from xenwatch.values import dataclass

MOST: Final = 40
"""Rows of the table, the worst."""
DAY: Final = 86400
STATES: Final = (("not ok", RED), ("degraded", ORANGE), ("reboot pending", ORANGE), ("ok", GREEN))
"""The states of a part by their number, the worst first."""
OK: Final = len(STATES) - 1
CERTIFICATE: Final = "certificate"


@dataclass(frozen=True, slots=True)
class Part:
    """Parts of one kind: what they are called, a metric, its labels, and its values as a state.

    `state` is an expression in which `{}` stands for the value.
    """

    title: str
    metric: str
    labels: Sequence[str]
    state: str

    def expression(self, state: str) -> str:
        """The value of each part, with the labels `part` and `of`."""
        by = ", ".join((HOST, *self.labels))
        value = state.format(f"max by ({by}) ({select(self.metric, INSTANCE)})")
        joined = ", ".join(f'"{label}"' for label in self.labels)
        of = f'label_join({value}, "of", " ", {joined})' if joined else value
        return f'label_replace({of}, "part", "{self.title}", "", "")'


GOOD: Final = f"{OK} * {{}}"
BAD: Final = f"{OK} * (1 - {{}})"
ENDS: Final = Part(
    CERTIFICATE,
    "xenwatch_certificate_not_after_timestamp_seconds",
    ("certificate", "path"),
    f"{OK} * ({{}} > bool time())",
)
PARTS: Final = (
    Part(
        "multipath map",
        "xenwatch_multipath_paths_down_ratio",
        ("map",),
        f"({{0}} < bool 1) + {OK - 1} * ({{0}} == bool 0)",
    ),
    Part("iSCSI session", "xenwatch_iscsi_session_up", ("target", "portal"), GOOD),
    Part("storage repository", "xenwatch_storage_repository_success", ("storage",), GOOD),
    Part("uplink", "xenwatch_uplink_lost", ("device",), BAD),
    Part("bond", "xenwatch_bond_members_down", ("bond",), f"1 + {OK - 1} * ({{}} == bool 0)"),
    Part("clock of dom0", "xenwatch_dom0_clock_synchronized", (), GOOD),
    ENDS,
    Part("reboot", "xenwatch_reboot_pending", ("component",), f"{OK} - {{}}"),
    Part("high availability", "xenwatch_ha_online", (), GOOD),
    Part("high availability", "xenwatch_ha_warning", ("warning",), BAD),
    Part("member of the pool", "xenwatch_ha_member_alive", ("member",), GOOD),
)


def parts(style: Style) -> table.Panel:
    """Whether the parts of the host are in order."""
    by = f"{HOST}, part, of"
    states = " or ".join(part.expression(part.state) for part in PARTS)
    left = ENDS.expression("({} - time())")
    subject = Subject(
        "Parts of the host, the worst first",
        "Ways to the storage, uplinks, dom0's clock, xapi's certificates, high availability, and "
        "whether a reboot is pending for another kernel or Xen. Degraded: some paths of a map or "
        "members of a bond are down.",
        [STATUS],
    )
    found = words((str(number), text, color) for number, (text, color) in enumerate(STATES))
    rows = Rows(
        {
            "part": Label("Part", width=150),
            "of": Label("Which"),
            "instance": Label("Host", hidden=True),
        },
        (
            Column("State", f"bottomk({MOST}, max by ({by}) ({states}))", words=found, width=120),
            Column(
                "Expires in",
                f"max by ({by}) ({left})",
                unit="s",
                decimals=0,
                colors=less_is_worse(style.policy.thresholds[EXPIRING.name], DAY),
                width=110,
            ),
        ),
        sort=(("State", False), ("Part", False)),
        first=("State", "Part", "Which", "Expires in"),
    )
    return draw(style, subject, rows)
