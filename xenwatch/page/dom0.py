"""The parts of the page about dom0 itself: CPU time by role, the control path, wakeups."""

from __future__ import annotations

from typing import Final

from xenwatch.display.text import counted
from xenwatch.page import vms
from xenwatch.page.charts import percent
from xenwatch.page.html import Html, join, tag
from xenwatch.page.tables import Cell, table
from xenwatch.status.dom0 import Answers, Dom0, Role, Waker
from xenwatch.status.host_status import HostStatus

MOST: Final = 8
"""Roles shown, the largest; the others are folded."""
NONE: Final = "No role has used CPU time recently."
NOT_YET: Final = "Rates are known after two readings of the daemon."


def cpu(found: Dom0) -> Html:
    """dom0's CPU time by role."""
    facts = [
        counted(found.cpus, "vCPU") if found.cpus is not None else "vCPUs unknown",
        "use not known yet" if found.busy is None else f"{found.busy:.2f} of them in use",
        "steal not known yet" if found.stolen is None else f"{percent(found.stolen)} stolen by Xen",
    ]
    known = [role for role in found.roles if role.cpus is not None]
    first, others = known[:MOST], known[MOST:]
    return _section(
        "dom0-cpu",
        "CPU time of dom0",
        tag("p", ", ".join(facts), class_="muted"),
        _roles("By role", first) if first else _nothing(found),
        tag(
            "details",
            tag("summary", counted(len(others), "more role")),
            _roles("Other roles", others),
            id="roles-others",
        )
        if others
        else None,
    )


def _nothing(found: Dom0) -> Html:
    """In the place of roles: those that are not known yet are told from those that used nothing."""
    return tag("p", NOT_YET, class_="unknown") if found.roles else tag("p", NONE)


def _roles(caption: str, roles: list[Role]) -> Html:
    rows = [
        [
            Cell(role.name, heading=True),
            Cell(role.what, extra=True),
            Cell(f"{role.cpus or 0:.3f}", number=True),
        ]
        for role in roles
    ]
    return table(caption, ("Role", "Of", "CPUs in use"), rows, dense=True)


def control_path(found: Dom0) -> Html:
    """How fast the daemons of the control path answer."""
    if found.answers is None:
        body = tag("p", "The control path could not be read.", class_="unknown")
    elif not found.answers:
        body = tag("p", "No daemon of the control path is queried on this host.")
    else:
        rows = [_answer(each) for each in found.answers]
        body = table("Recent requests", ("Daemon", "Median answer", "Failed"), rows, dense=True)
    return _section("control-path", "Control path", body)


def _answer(answers: Answers) -> list[Cell]:
    failed, median = answers.failed_ratio, answers.median_seconds
    return [
        Cell(answers.target, heading=True),
        Cell(_unknown() if median is None else f"{median * 1000:.1f} ms", number=True),
        Cell(
            _unknown()
            if failed is None
            else tag("span", f"{failed:.0%}", class_="trouble" if failed else None),
            number=True,
        ),
    ]


def wakeups(found: Dom0, status: HostStatus) -> Html:
    """Which VMs wake up dom0, and what causes it."""
    if found.qemus is None:
        body = tag("p", "QEMUs could not be read.", class_="unknown")
    elif not found.qemus:
        body = tag("p", "No VM on this host has a QEMU.")
    elif found.wakeups is None:
        body = tag("p", NOT_YET, class_="unknown")
    else:
        known = vms.of(status)
        rows = [_waker(each, known) for each in found.wakers if each.rate]
        body = join(
            tag("p", f"{found.wakeups:,.0f} a second by {counted(found.qemus, 'QEMU')}"),
            table(
                "Most wakeups a second",
                ("VM", "Wakeups", "Timers", "Descriptors"),
                rows,
                dense=True,
            )
            if rows
            else None,
        )
    return _section("wakeups", "Wakeups of QEMUs", body)


def _waker(waker: Waker, known: vms.Vms) -> list[Cell]:
    return [
        Cell(tag("span", known.domain(str(waker.domid))), heading=True),
        *(
            Cell(_unknown() if each is None else f"{each:.1f}", number=True, extra=place > 0)
            for place, each in enumerate((waker.rate, waker.timer, waker.io))
        ),
    ]


def _unknown() -> Html:
    return tag("span", "unknown", class_="unknown")


def _section(name: str, title: str, *body: Html | None) -> Html:
    return tag(
        "section",
        tag("h2", title, id=f"{name}-heading"),
        *body,
        id=name,
        aria_labelledby=f"{name}-heading",
        data_live=True,
    )
