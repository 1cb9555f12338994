"""The hosts of a pool side by side, the worst first."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final

from xenwatch.limits.states import Severity
from xenwatch.status.check import OLD
from xenwatch.status.host_status import FIRING, HostStatus, ShapeRow, foremost
from xenwatch.status.notices import NO_XEN
from xenwatch.status.order import ORDER, urgency
from xenwatch.values import dataclass

NEVER: Final = len(ORDER)
MOST_TEXT: Final = 200
"""Characters of a text that are kept: another host may say as many as it likes."""
MOST_SHAPES: Final = 16
"""Shapes of a host that are kept."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many VMs of a shape fit, `None` if unknown; `exact` if nothing else can stop one."""

    shape: str
    at_most: int | None
    exact: bool


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host of a pool; without an answer its state is unknown and `reason` says why.

    `url` is empty for this host, `None` if unknown. `fullest` is the title of the most urgent limit
    with its used ratio, `critical` and `warning` count alerts that fire, `broken` the domains with
    a broken device. `time` is Unix time of the readings, 0 without any. `left_out` counts the
    shapes that are not among `headroom`. Texts are of limited length.
    """

    url: str | None
    name: str
    state: str
    reason: str = ""
    mark: str = ""
    host: str = ""
    version: str = ""
    time: float | None = None
    fullest: str = ""
    ratio: float | None = None
    headroom: tuple[Room, ...] = ()
    left_out: int = 0
    critical: int | None = None
    warning: int | None = None
    domains: int | None = None
    broken: int | None = 0


@dataclass(frozen=True, slots=True)
class Hosts:
    """The other hosts of a pool, and how many more there are that are not shown."""

    rows: tuple[HostRow, ...] = ()
    left_out: int = 0


def worst_state(status: HostStatus) -> str:
    """The state of a host in one word: of its most urgent limit, or of a firing alert."""
    states = {row.state for row in status.limits}
    states |= {alert.severity for alert in status.alerts or () if alert.state == FIRING}
    if not states or NO_XEN in status.notices:
        return Severity.UNKNOWN.value
    return next((state for state in ORDER if state in states), Severity.OK.value)


def host_rows(rows: Iterable[HostRow], now: float) -> list[HostRow]:
    """The rows at a Unix time, the worst first: critical, warning, unknown, then the fullest.

    A host whose readings are old by then is unknown.
    """
    return sorted((_at(row, now) for row in rows), key=_rank)


def _at(row: HostRow, now: float) -> HostRow:
    if row.reason or row.time is None or (row.time and now - row.time <= OLD):
        return row
    stale = f"readings are stale: the newest is {now - row.time:.0f} s old"
    return dataclasses.replace(
        row, state=Severity.UNKNOWN.value, reason=stale if row.time else "no readings yet"
    )


def _rank(row: HostRow) -> tuple[int, int, float, str]:
    order = ORDER.index(row.state) if row.state in ORDER else NEVER
    return order, -(row.critical or 0), -(row.ratio or 0.0), row.name


def without_answer(url: str, reason: str) -> HostRow:
    """A host that did not answer, and why."""
    return HostRow(url, url, Severity.UNKNOWN.value, cut(reason))


def host_row(url: str, status: HostStatus) -> HostRow:
    """What the page shows of a status, which may be much larger."""
    first = min(status.limits, key=urgency, default=None)
    firing = [row for row in foremost(status.alerts or ()) if row.state == FIRING]
    severities = [row.severity for row in firing] if status.alerts is not None else None
    domains = status.domains
    return HostRow(
        url=url,
        name=cut(status.hostname) or url or "this host",
        state=worst_state(status),
        mark=cut(status.source.mark),
        host=cut(status.host),
        version=cut(status.version),
        time=status.time,
        fullest=cut(first.title) if first is not None else "",
        ratio=first.ratio if first is not None else None,
        headroom=tuple(map(_room, status.headroom[:MOST_SHAPES])),
        left_out=len(status.headroom[MOST_SHAPES:]),
        critical=severities.count(Severity.CRITICAL.value) if severities is not None else None,
        warning=severities.count(Severity.WARNING.value) if severities is not None else None,
        domains=len(domains) if domains is not None else None,
        broken=sum(bool(row.broken) for row in domains or ()),
    )


def _room(shape: ShapeRow) -> Room:
    exact = shape.headroom is not None and not shape.not_counted
    return Room(cut(shape.shape), shape.at_most, exact)


def cut(text: str) -> str:
    """A text of limited length."""
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"
