"""Control groups of the synthetic host, of either version: files and members."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from xenwatch.model import cpu
from xenwatch.model.render.cgroup import (
    render_flat,
    render_membership,
    render_pressure,
    render_procs,
)
from xenwatch.model.render.text import render_number
from xenwatch.model.resources import Process
from xenwatch.model.state import Dom0
from xenwatch.model.tree import FileTree
from xenwatch.parse.cgroup import Membership, Pressure

_MOUNT: Final = "/sys/fs/cgroup"
_UNITS: Final = "/etc/systemd/system"
_CPU: Final = f"{_MOUNT}/cpu,cpuacct"
_SYSTEMD: Final = f"{_MOUNT}/systemd"
_OTHERS: Final = ("blkio", "memory")
_CALM: Final = (0, 0, 0)


def build(tree: FileTree, dom0: Dom0) -> None:
    """Add the platform's slices, and the groups of its processes."""
    version = dom0.platform.cgroup_version
    if not version:
        return
    root = _MOUNT if version == 2 else _CPU
    if version == 2:
        tree.file(f"{_MOUNT}/cgroup.controllers", b"cpuset cpu io memory pids\n")
    else:
        for name in ("cpu", "cpuacct"):
            tree.link(f"{_MOUNT}/{name}", "cpu,cpuacct")
        for name in _OTHERS:
            tree.directory(f"{_MOUNT}/{name}")
    for group in sorted(set(_groups(dom0))):
        _group(tree, dom0, root, group)
        if version == 1:
            home = _SYSTEMD + group.rstrip("/")
            tree.file(f"{home}/cgroup.procs", partial(_procs, dom0, group))
    for service in dom0.platform.control_members:
        tree.file(f"{_UNITS}/{service}.d/slice.conf", b"[Service]\nSlice=control.slice\n")


def membership(dom0: Dom0, process: Process) -> bytes:
    """`/proc/PID/cgroup`."""
    if dom0.platform.cgroup_version == 2:
        return render_membership([Membership(0, (), process.group)])
    return render_membership(
        [
            Membership(4, ("memory",), "/"),
            Membership(3, ("blkio",), "/"),
            Membership(2, ("cpu", "cpuacct"), process.group),
            Membership(1, ("name=systemd",), process.group),
        ]
    )


def _groups(dom0: Dom0) -> Iterator[str]:
    yield "/"
    yield from (f"/{name}" for name in dom0.platform.slices)
    for process in dom0.processes.values():
        path = process.group
        while path != "/":
            yield path
            path = path.rpartition("/")[0] or "/"


def _group(tree: FileTree, dom0: Dom0, root: str, group: str) -> None:
    home = root + group.rstrip("/")
    tree.file(f"{home}/cgroup.procs", partial(_procs, dom0, group))
    tree.file(f"{home}/cpu.stat", partial(_stat, dom0, group))
    weight = dom0.platform.slices.get(group[1:])
    if dom0.platform.cgroup_version == 2:
        tree.file(f"{home}/cpu.pressure", partial(_pressure, dom0, group))
        if group != "/":
            # The group of a mount has no process; the host's own services are not modelled.
            populated = int(not group.endswith(".mount"))
            tree.file(f"{home}/cgroup.events", render_flat({"populated": populated, "frozen": 0}))
            tree.file(f"{home}/cpu.weight", render_number(weight or 100))
        return
    tree.file(f"{home}/cpuacct.usage", lambda: render_number(_usage(dom0, group)))
    tree.file(f"{home}/cpu.shares", render_number(weight or 1024))


def _procs(dom0: Dom0, group: str) -> bytes:
    return render_procs(
        pid for pid, process in sorted(dom0.processes.items()) if process.group == group
    )


def _stat(dom0: Dom0, group: str) -> bytes:
    if dom0.platform.cgroup_version == 1:
        return render_flat({"nr_periods": 0, "nr_throttled": 0, "throttled_time": 0})
    usage = _usage(dom0, group) // 1000
    rows = {"usage_usec": usage, "user_usec": usage // 2, "system_usec": usage - usage // 2}
    if group != "/":
        rows |= dict.fromkeys(
            ("nr_periods", "nr_throttled", "throttled_usec", "nr_bursts", "burst_usec"), 0
        )
    return render_flat(rows)


def _pressure(dom0: Dom0, group: str) -> bytes:
    waited = cpu.waited_ns(dom0, group) // 1000
    return render_pressure(Pressure(kind, _CALM, waited) for kind in ("some", "full"))


def _usage(dom0: Dom0, group: str) -> int:
    """CPU time of a group in nanoseconds; the root group has the kernel's own."""
    return cpu.busy_ns(dom0) if group == "/" else cpu.ran_ns(dom0, group)
