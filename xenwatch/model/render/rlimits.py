"""`/proc/PID/limits` (fs/proc/base.c, proc_pid_limits)."""

from __future__ import annotations

from collections.abc import Iterable

from xenwatch.parse.rlimits import ResourceLimit

_HEADER = f"{'Limit':<25} {'Soft Limit':<20} {'Hard Limit':<20} {'Units':<10}\n"


def render_limits(rows: Iterable[ResourceLimit]) -> bytes:
    """The file with these rows."""
    return (_HEADER + "".join(map(_line, rows))).encode("ascii")


def _line(row: ResourceLimit) -> str:
    unit = f"{row.unit:<10}" if row.unit else ""
    return f"{row.name:<25} {_bound(row.soft):<20} {_bound(row.hard):<20} {unit}\n"


def _bound(value: int | None) -> str:
    return "unlimited" if value is None else str(value)
