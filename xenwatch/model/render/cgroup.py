"""Files of control groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xenwatch.parse.cgroup import Membership, Pressure


def render_flat(values: Mapping[str, int]) -> bytes:
    """Lines of a name and a number, such as `cpu.stat`."""
    return "".join(f"{name} {value}\n" for name, value in values.items()).encode("ascii")


def render_pressure(rows: Iterable[Pressure]) -> bytes:
    """A `*.pressure` file (kernel/sched/psi.c: psi_show)."""
    return "".join(map(_pressure, rows)).encode("ascii")


def render_procs(pids: Iterable[int]) -> bytes:
    """`cgroup.procs`: a process id a line."""
    return b"".join(b"%d\n" % pid for pid in pids)


def render_membership(memberships: Iterable[Membership]) -> bytes:
    """`/proc/PID/cgroup` (kernel/cgroup/cgroup.c: proc_cgroup_show)."""
    lines = (
        f"{membership.hierarchy}:{','.join(membership.controllers)}:{membership.path}\n"
        for membership in memberships
    )
    return "".join(lines).encode("utf-8", "surrogateescape")


def _pressure(row: Pressure) -> str:
    averages = " ".join(
        f"avg{seconds}={average // 100}.{average % 100:02}"
        for seconds, average in zip((10, 60, 300), row.averages, strict=True)
    )
    return f"{row.kind} {averages} total={row.total_us}\n"
