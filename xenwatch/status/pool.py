"""The hosts of a pool side by side, the worst first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from xenwatch.limits.states import Severity
from xenwatch.status.check import OLD
from xenwatch.status.host_status import FIRING, HostStatus, ShapeRow, foremost
from xenwatch.status.notices import NO_XEN
from xenwatch.status.order import ORDER, urgency

NEVER: Final = len(ORDER)


@dataclass(frozen=True, slots=True)
class Member:
    """The answer of a daemon: a status, or why there is none. `url` is empty for this host."""

    url: str
    status: HostStatus | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host of a pool; without an answer its state is unknown and `reason` says why.

    `fullest` is the title of the most urgent limit with its used ratio, `critical` and `warning`
    count alerts that fire, `broken` the domains with a broken device.
    """

    url: str
    name: str
    state: str
    reason: str
    mark: str = ""
    host: str = ""
    version: str = ""
    time: float | None = None
    fullest: str = ""
    ratio: float | None = None
    headroom: tuple[ShapeRow, ...] = ()
    critical: int | None = None
    warning: int | None = None
    domains: int | None = None
    broken: int = 0


def worst_state(status: HostStatus) -> str:
    """The state of a host in one word: of its most urgent limit, or of a firing alert."""
    states = {row.state for row in status.limits}
    states |= {alert.severity for alert in status.alerts or () if alert.state == FIRING}
    if not states or NO_XEN in status.notices:
        return Severity.UNKNOWN.value
    return next((state for state in ORDER if state in states), Severity.OK.value)


def host_rows(members: Iterable[Member], now: float) -> list[HostRow]:
    """The rows at a Unix time, the worst first: critical, warning, unknown, then the fullest."""
    rows = [_row(member, now) for member in members]
    return sorted(rows, key=_rank)


def _rank(row: HostRow) -> tuple[int, int, float, str]:
    order = ORDER.index(row.state) if row.state in ORDER else NEVER
    return order, -(row.critical or 0), -(row.ratio or 0.0), row.name


def _row(member: Member, now: float) -> HostRow:
    status = member.status
    if status is None:
        return HostRow(member.url, member.url, Severity.UNKNOWN.value, member.reason)
    age = now - status.time
    stale = f"readings are stale: the newest is {age:.0f} s old" if age > OLD else ""
    stale = stale if status.time else "no readings yet"
    first = min(status.limits, key=urgency, default=None)
    firing = [row for row in foremost(status.alerts or ()) if row.state == FIRING]
    severities = [row.severity for row in firing] if status.alerts is not None else None
    domains = status.domains
    return HostRow(
        url=member.url,
        name=status.hostname or member.url or "this host",
        state=Severity.UNKNOWN.value if stale else worst_state(status),
        reason=stale,
        mark=status.source.mark,
        host=status.host,
        version=status.version,
        time=status.time,
        fullest=first.title if first is not None else "",
        ratio=first.ratio if first is not None else None,
        headroom=status.headroom,
        critical=severities.count(Severity.CRITICAL.value) if severities is not None else None,
        warning=severities.count(Severity.WARNING.value) if severities is not None else None,
        domains=len(domains) if domains is not None else None,
        broken=sum(bool(row.broken) for row in domains or ()),
    )
