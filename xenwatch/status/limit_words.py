"""A limit in words, for the commands that print a line about it."""

from __future__ import annotations

from xenwatch.display.quantities import quantity
from xenwatch.limits import LIMITS
from xenwatch.status.host_status import HostStatus, LimitRow


def name(row: LimitRow) -> str:
    """The name of a limit with its instance, if it has several: `grant_frames domid=13`."""
    return f"{row.limit} {row.label}={row.instance}" if row.instance else row.limit


def use(row: LimitRow) -> str:
    """How much of an instance is used: `ptys 0.2% (10 of 4096)`."""
    if row.used is None:
        return f"{name(row)} could not be read"
    used = quantity(row.used, row.unit)
    if row.ratio is None:
        return f"{name(row)} {used}, max unknown"
    return f"{name(row)} {row.ratio:.1%} ({used} of {quantity(row.max, row.unit)})"


def absent(limit: str, status: HostStatus) -> str:
    """Why a status has no reading of a limit."""
    probe = status.probes.get(next(each.probe for each in LIMITS if each.name == limit))
    reason = f"{probe.status}: {probe.detail}" if probe and probe.detail else "not read"
    return f"{limit} has no reading ({reason})"


def headroom(limit: str, status: HostStatus) -> str:
    """The headroom of a limit's fullest instance, or why it is unknown."""
    rows = [row for row in status.limits if row.limit == limit]
    if not rows:
        return absent(limit, status)
    row = max(rows, key=lambda row: row.ratio or 0)
    mark = f"{status.source.mark}: " if status.source.mark else ""
    if row.headroom is None:
        return f"{mark}unknown: {use(row)}"
    fullest = "fullest: " if len(rows) > 1 else ""
    return f"{mark}{quantity(row.headroom, row.unit)} left; {fullest}{use(row)}"
