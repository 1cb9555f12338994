"""The views of `xenwatch top`: each makes a table of what is shown at one time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

from xenwatch.alerts.names import CRITICAL as CRITICAL_ALERT
from xenwatch.display.text import printable
from xenwatch.fence import BROKEN, Fence, Part
from xenwatch.readings.domains import STOPPED
from xenwatch.status import limit_words
from xenwatch.status.domain_row import DomainRow
from xenwatch.status.host_status import FIRING, AlertRow, LimitRow, foremost
from xenwatch.status.order import fullest, relevance
from xenwatch.terminal import device_views
from xenwatch.terminal.device_views import DOMAIN
from xenwatch.terminal.figures import (
    BAR,
    CRITICAL,
    OK,
    UNKNOWN_STATE,
    WARNING,
    bar,
    count,
    percent,
    size,
    span,
    word,
)
from xenwatch.terminal.looks import Look, dom0_rates, rates
from xenwatch.terminal.table import Cell, Column, Row, Table
from xenwatch.values import dataclass

LIMIT: Final = "limit"
ALERT: Final = "alert"


@dataclass(frozen=True, slots=True)
class View:
    """A table that can be chosen: the name of its option, its title, and how it is made.

    `make` takes whether it is to keep to ASCII.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    make: Callable[[Look, bool], Table]

    def table(self, look: Look, *, plain: bool = False, fence: Fence) -> Table:
        """The table; in place of one that raises within `fence` there is none, and the reason."""
        broken = Table((), (), "", why=f"{self.title} unknown: {BROKEN}")
        return fence(Part.DISPLAY, self.name, partial(self.make, look, plain), broken)


LIMITS: Final = (
    Column("limit", "LIMIT", keep=9, most=24, number=False, low=True),
    Column("bar", "", keep=4, most=10, number=False, bar=True),
    Column("used_percent", "USED%", keep=8),
    Column("used", "USED", keep=7),
    Column("max", "MAX", keep=7),
    Column("headroom", "LEFT", keep=3),
    Column("state", "STATE", keep=9, number=False),
    Column("seconds_to_full", "FULL IN", keep=3, low=True),
    Column("title", "MEANING", keep=2, most=40, number=False, low=True),
    Column("max_origin", "MAX FROM", keep=1, most=30, number=False, low=True),
)
DOMAINS: Final = (
    Column("domid", "DOMID", keep=9, low=True),
    Column("name", "NAME", keep=9, number=False, low=True),
    Column("state", "STATE", keep=8, number=False, low=True),
    Column("type", "TYPE", keep=4, number=False, low=True),
    Column("cpu_percent", "CPU%", keep=8),
    Column("vcpus", "VCPUS", keep=5),
    Column("memory_bytes", "MEM", keep=7),
    Column("dom0_cpu_percent", "DOM0%", keep=7),
    Column("dom0_memory_bytes", "DOM0 MEM", keep=5),
    Column("dom0_tasks", "TASKS", keep=3),
    Column("disks", "DISKS", keep=4),
    Column("vifs", "VIFS", keep=4),
    Column("event_channels", "EVTCHN", keep=6),
    Column("broken", "BROKEN DEVICES", keep=6, most=30, number=False),
    Column("uuid", "UUID", keep=1, most=36, number=False, low=True),
)
ALERTS: Final = (
    Column("state", "STATE", keep=9, number=False, low=True),
    Column("severity", "SEVERITY", keep=9, number=False, low=True),
    Column("seconds", "FOR", keep=8),
    Column("alert", "ALERT", keep=7, most=32, number=False, low=True),
    Column("summary", "SUMMARY", keep=9, most=60, number=False, low=True),
)


def _limits(look: Look, plain: bool) -> Table:
    groups = fullest(look.status.limits)
    foremost_rows = [row for rows, _ in groups for row in rows]
    seen = {(row.limit, row.instance) for row in foremost_rows}
    others = [row for row in look.status.limits if (row.limit, row.instance) not in seen]
    to_full = look.status.seconds_to_full
    return Table(
        LIMITS,
        (
            *(_limit(row, to_full, plain, folded=False) for row in foremost_rows),
            *(_limit(row, to_full, plain, folded=True) for row in others),
        ),
        "urgency",
        above=(f"and {len(others)} less full ones, shown when sorted or filtered",)
        if others
        else (),
        why="no limits were read",
    )


def _limit(row: LimitRow, to_full: Mapping[str, float], plain: bool, *, folded: bool) -> Row:
    return Row(
        (LIMIT, row.limit),
        f"{row.limit} {row.instance}",
        (
            word(limit_words.name(row)),
            Cell(bar(row.ratio, BAR, plain=plain), row.ratio, row.state),
            percent(row.ratio, row.state),
            size(row.used, row.unit),
            size(row.max, row.unit),
            size(row.headroom, row.unit),
            word(row.state, row.state),
            span(to_full.get(row.limit)),
            word(row.title),
            word(row.max_origin),
        ),
        folded,
    )


def _domains(look: Look, _plain: bool) -> Table:
    found = look.status.domains
    uses = (
        {(row.domid, row.uuid): row for row in look.activity.domains or ()} if look.activity else {}
    )
    busy = rates(look, "domains", "domains", ("domid", "uuid"), ("cpu_seconds",))
    dom0 = dom0_rates(look)

    def trouble(row: DomainRow) -> tuple[object, ...]:
        cpus = busy.get((row.domid, row.uuid), {}).get("cpu_seconds", 0.0)
        broken, unwell, *others = relevance(row)
        return broken, unwell, -cpus, *others

    rows = []
    for row in sorted(found or (), key=trouble):
        key = (row.domid, row.uuid)
        use, workers = uses.get(key), dom0.get(row.domid)
        rows.append(
            Row(
                (DOMAIN, str(row.domid)),
                str(row.domid),
                (
                    count(row.domid),
                    word(row.name),
                    word(row.state, _state_style(row)),
                    word(row.type),
                    percent(busy.get(key, {}).get("cpu_seconds")),
                    count(row.vcpus_online),
                    size(row.memory_bytes),
                    percent(sum(workers.values()) if workers else None),
                    size(use.dom0_memory_bytes if use else None),
                    count(use.dom0_tasks if use else None),
                    count(row.disks),
                    count(row.vifs),
                    count(row.event_channels),
                    _broken(row),
                    word(row.uuid),
                ),
            )
        )
    why = device_views.why_not(look, "domains")
    return Table(DOMAINS, tuple(rows), "trouble, then CPU", why=why, known=found is not None)


def _state_style(row: DomainRow) -> str:
    return CRITICAL if row.state in STOPPED and row.state != "shutdown" else ""


def _broken(row: DomainRow) -> Cell:
    if row.broken is None:
        return word(None)
    return word(", ".join(row.broken), CRITICAL if row.broken else "")


def _alerts(look: Look, _plain: bool) -> Table:
    status = look.status
    above = (
        (printable(f"alert state unknown: {', '.join(status.alerts_unknown)}"),)
        if status.alerts_unknown
        else ()
    )
    if status.alerts is None:
        why = "alerts are not evaluated here, or not yet"
        return Table(ALERTS, (), "urgency", above, why, known=False)
    rows = tuple(_alert(row, status.time) for row in foremost(status.alerts))
    return Table(ALERTS, rows, "urgency", above, "no alerts firing")


def alert_key(row: AlertRow) -> str:
    """What distinguishes an alert: its name, severity and labels."""
    return " ".join((row.alert, row.severity, *(f"{k}={v}" for k, v in sorted(row.labels.items()))))


def _alert(row: AlertRow, now: float) -> Row:
    style = alert_style(row)
    return Row(
        (ALERT, alert_key(row)),
        alert_key(row),
        (
            word(row.state, style),
            word(row.severity, style),
            span(now - row.entered),
            word(row.alert),
            word(row.summary),
        ),
    )


def alert_style(row: AlertRow) -> str:
    """The style of an alert: of one that is pending nobody knows yet."""
    if row.state != FIRING:
        return UNKNOWN_STATE
    return CRITICAL if row.severity == CRITICAL_ALERT else WARNING


VIEWS: Final = (
    View("limits", "limits", LIMITS, _limits),
    View("domains", "domains", DOMAINS, _domains),
    View("qemus", "QEMUs", device_views.QEMUS, device_views.qemus),
    View("disks", "disks", device_views.DISKS, device_views.disks),
    View("networks", "networks", device_views.NETWORKS, device_views.networks),
    View("control-path", "control path", device_views.CONTROL_PATH, device_views.control_path),
    View("alerts", "alerts", ALERTS, _alerts),
)
"""The views in the order of their keys, 1 to 7."""
BY_NAME: Final = {view.name: view for view in VIEWS}


def counts(look: Look) -> Iterable[tuple[str, str]]:
    """How many limits are in each state, the worst first: text and style."""
    states = [row.state for row in look.status.limits]
    for state in (CRITICAL, WARNING, UNKNOWN_STATE, OK):
        if state in states:
            yield f"{states.count(state)} {state}", state
