"""The part of the page that shows the probes: those that fail with what to do, then the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.page.html import Html, join, stranger, tag
from xenwatch.page.tables import Cell, table
from xenwatch.readings.snapshot import Status
from xenwatch.status.host_status import HostStatus, ProbeRow

HEADER: Final = ("Probe", "State", "Reads", "Took", "Why and what to do")


def section(status: HostStatus) -> Html:
    """The probes."""
    failed = {k: it for k, it in status.probes.items() if it.status == Status.FAILED.value}
    others = {k: it for k, it in status.probes.items() if k not in failed}
    return tag(
        "section",
        tag("h2", "Probes", id="probes-heading"),
        _table(f"{len(failed)} of {len(status.probes)} probes fail", failed) if failed else None,
        tag(
            "details",
            tag("summary", _counts(others)),
            _table("Probes that do not fail", others),
            id="probes-others",
        )
        if others
        else None,
        id="probes",
        aria_labelledby="probes-heading",
        data_live=True,
    )


def _counts(probes: Mapping[str, ProbeRow]) -> str:
    states = [it.status for it in probes.values()]
    return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))


def _table(caption: str, probes: Mapping[str, ProbeRow]) -> Html:
    return table(caption, HEADER, [_row(name, it) for name, it in probes.items()])


def _row(name: str, probe: ProbeRow) -> list[Cell]:
    why = [tag("div", stranger(probe.detail)) if probe.detail else None]
    why.append(tag("div", f"Do: {probe.advice}") if probe.advice else None)
    kind = "critical" if probe.status == Status.FAILED.value else "muted"
    return [
        Cell(name, heading=True),
        Cell(tag("span", probe.status, class_=f"state {kind}")),
        Cell(probe.reads, free=True),
        Cell(f"{probe.seconds * 1000:.1f} ms", number=True),
        Cell(join([it for it in why if it]), free=True),
    ]
