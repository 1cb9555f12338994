"""The part of the page that shows the probes: those that failed first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.page.html import Html, join, tag, untrusted
from xenwatch.page.tables import Cell, table
from xenwatch.readings.snapshot import Status
from xenwatch.status.host_status import HostStatus, ProbeRow

HEADER: Final = ("Probe", "Status", "Reads", "Duration", "Reason and next step")


def section(status: HostStatus) -> Html:
    """The probes."""
    failed = {name: row for name, row in status.probes.items() if row.status == Status.FAILED.value}
    ordered = {**failed, **status.probes}
    return tag(
        "section",
        tag("h2", "Probes", id="probes-heading"),
        tag(
            "details",
            tag("summary", _counts(ordered)),
            _table(f"{len(failed)} of {len(ordered)} probes failed", ordered),
            id="probes-all",
        )
        if ordered
        else None,
        id="probes",
        aria_labelledby="probes-heading",
        data_live=True,
    )


def _counts(probes: Mapping[str, ProbeRow]) -> str:
    states = [row.status for row in probes.values()]
    return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))


def _table(caption: str, probes: Mapping[str, ProbeRow]) -> Html:
    return table(caption, HEADER, [_row(name, row) for name, row in probes.items()])


def _row(name: str, probe: ProbeRow) -> list[Cell]:
    reasons = [tag("div", untrusted(probe.detail))] if probe.detail else []
    if probe.advice:
        reasons.append(tag("div", f"Next step: {probe.advice}"))
    kind = "critical" if probe.status == Status.FAILED.value else "muted"
    return [
        Cell(name, heading=True),
        Cell(tag("span", probe.status, class_=f"state {kind}")),
        Cell(probe.reads, free=True),
        Cell(f"{probe.seconds * 1000:.1f} ms", number=True),
        Cell(join(reasons), free=True),
    ]
