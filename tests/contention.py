"""Slices of CPU time as xenwatch computes them, and as the kernel gives them with everybody busy.

Run by itself it prints the findings as JSON: it needs the package and nothing of the tests.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from xenwatch.parse.process import parse_stat
from xenwatch.probes.base import take
from xenwatch.probes.slices import SLICES
from xenwatch.readings.slices import Slices
from xenwatch.sources.host import HostSource

CPU_SECONDS: Final = 3.0
"""What all hogs together shall have used when their shares are compared."""
PATIENCE: Final = 50.0
"""Seconds they may take for it on a machine that has other work."""
MOUNTS: Final = Path("/sys/fs/cgroup")
CONTROL, VMS = "control.slice", "vm.slice"
IDLE: Final = "dev-mqueue.mount"
"""A group without a process, as systemd keeps one for each of its mounts."""


@dataclass(frozen=True)
class Hierarchy:
    """Where this kernel divides CPU time, and how: version 1 or 2."""

    version: int
    mount: Path

    @property
    def weight(self) -> str:
        """The file with a group's weight."""
        return "cpu.shares" if self.version == 1 else "cpu.weight"

    @property
    def control(self) -> int:
        """What weighs ten times as much as the default."""
        return 10240 if self.version == 1 else 1000

    @property
    def most(self) -> int:
        """The largest weight."""
        return 262144 if self.version == 1 else 10000


@dataclass(frozen=True)
class Finding:
    """A busy slice: its computed share and weight, and the share it was given."""

    share: float | None
    weight: float | None
    expected: float | None
    given: float


@dataclass(frozen=True)
class Findings:
    """The slices, how many processes beside them there were, and how many the probe counted."""

    hierarchy: int
    control: float
    beside: int
    contenders: int | None
    by_name: dict[str, Finding]


def hierarchy() -> Hierarchy:
    """The one hierarchy that has the CPU controller. Raises `LookupError`."""
    for name in ("cpu,cpuacct", "cpu"):
        if (MOUNTS / name / "cgroup.procs").exists():
            return Hierarchy(1, MOUNTS / name)
    for mount in (MOUNTS, MOUNTS / "unified"):
        file = mount / "cgroup.controllers"
        if file.exists() and "cpu" in file.read_text().split():
            return Hierarchy(2, mount)
    raise LookupError(f"no hierarchy below {MOUNTS} has the CPU controller: mount cgroups")


@contextlib.contextmanager
def slices(its: Hierarchy) -> Iterator[Path]:
    """A group that stands for the root, with two slices of different weight, and an idle group."""
    group = its.mount / f"xenwatch-test-{os.getpid()}"
    names = [group / CONTROL, group / VMS, group / IDLE]
    try:
        if its.version == 2:
            (its.mount / "cgroup.subtree_control").write_text("+cpu")
        group.mkdir()
        (group / its.weight).write_text(str(its.most))
        if its.version == 2:
            (group / "cgroup.subtree_control").write_text("+cpu")
        for path in names:
            path.mkdir()
        (names[0] / its.weight).write_text(str(its.control))
        (names[2] / its.weight).write_text(str(its.control))
        yield group
    finally:
        for path in (*names, group):
            with contextlib.suppress(FileNotFoundError):
                path.rmdir()


@contextlib.contextmanager
def hogs(*groups: Path) -> Iterator[list[int]]:
    """A process that never rests in each of the groups, all of them on one CPU."""
    cpu = min(os.sched_getaffinity(0))
    argv = [sys.executable, "-S", "-c", "while True: pass"]
    running = [subprocess.Popen(argv) for _ in groups]
    try:
        for process, group in zip(running, groups, strict=True):
            os.sched_setaffinity(process.pid, {cpu})
            (group / "cgroup.procs").write_text(str(process.pid))
        yield [process.pid for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()


def used(pids: list[int]) -> list[float]:
    """CPU seconds of each process."""
    return [parse_stat(Path(f"/proc/{pid}/stat").read_bytes()).cpu_seconds for pid in pids]


def shares(pids: list[int]) -> list[float]:
    """Each process's part of the CPU seconds they use together. Raises `TimeoutError`."""
    begin = used(pids)
    until = time.monotonic() + PATIENCE
    while True:
        spent = [now - then for now, then in zip(used(pids), begin, strict=True)]
        if sum(spent) >= CPU_SECONDS:
            return [seconds / sum(spent) for seconds in spent]
        if time.monotonic() > until:
            raise TimeoutError(f"no {CPU_SECONDS} CPU seconds in {PATIENCE} s: {spent}")
        time.sleep(0.05)


def read(its: Hierarchy, group: Path, pids: list[int], rootfs: Path) -> Slices:
    """What the probe says of a dom0 whose root group is `group`. Raises `ValueError`."""
    (rootfs / "proc/xen").mkdir(parents=True)
    (rootfs / "proc/xen/capabilities").write_bytes(b"control_d\n")
    (rootfs / "sys/fs").mkdir(parents=True)
    for pid in pids:
        (rootfs / f"proc/{pid}").symlink_to(f"/proc/{pid}")
    cgroup = rootfs / "sys/fs/cgroup"
    if its.version == 2:
        cgroup.symlink_to(group)
    else:
        cgroup.mkdir()
        (cgroup / "cpu").symlink_to(group)
    found = take(HostSource(str(rootfs)), [SLICES]).snapshot
    if found.slices is None:
        raise ValueError(found.outcomes)
    return found.slices


def measure(rootfs: Path) -> Findings:
    """The shares with a busy process in each slice and, where the kernel lets it, beside them."""
    its = hierarchy()
    with slices(its) as group:
        # In version 2 a group that has groups may have no process of its own, save for the true
        # root.
        beside = [group, group] if its.version == 1 else []
        with hogs(group / CONTROL, group / VMS, *beside) as pids:
            found = read(its, group, pids, rootfs)
            given = shares(pids)
    return Findings(
        its.version,
        its.control,
        len(beside),
        found.contenders,
        {
            name: Finding(finding.share, finding.weight, finding.expected, given[number])
            for number, name in enumerate((CONTROL, VMS))
            for finding in (found.by_name[name],)
        },
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        print(json.dumps(dataclasses.asdict(measure(Path(directory)))))
