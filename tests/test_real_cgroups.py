"""The share of a slice as computed, against what the kernel gives it with everybody busy."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from xenwatch.parse.cgroup import group_of, parse_membership
from xenwatch.parse.process import parse_stat
from xenwatch.probes.base import run
from xenwatch.probes.slices import SLICES
from xenwatch.readings_soft import Slices
from xenwatch.snapshot import Snapshot, Status
from xenwatch.sources.host import HostSource

CPU_SECONDS = 3.0
"""What all hogs together shall have used when their shares are compared."""
PATIENCE = 50.0
"""Seconds they may take for it on a machine that has other work."""
MOUNTS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Hierarchy:
    """Where this kernel divides CPU time, and how: version 1, 2 or none."""

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


def hierarchy() -> Hierarchy:
    """The one hierarchy that has the CPU controller."""
    for name in ("cpu,cpuacct", "cpu"):
        if (MOUNTS / name / "cgroup.procs").exists():
            return Hierarchy(1, MOUNTS / name)
    for mount in (MOUNTS, MOUNTS / "unified"):
        file = mount / "cgroup.subtree_control"
        if file.exists() and "cpu" in file.read_text().split():
            return Hierarchy(2, mount)
    pytest.fail(f"no hierarchy below {MOUNTS} has the CPU controller: mount cgroups")


@pytest.fixture
def root() -> Iterator[tuple[Hierarchy, Path]]:
    """A group that stands for the root, with two slices of different weight."""
    its = hierarchy()
    group = its.mount / f"xenwatch-test-{os.getpid()}"
    slices = [group / "control.slice", group / "vm.slice"]
    try:
        group.mkdir()
        (group / its.weight).write_text(str(its.most))
        if its.version == 2:
            (group / "cgroup.subtree_control").write_text("+cpu")
        for path in slices:
            path.mkdir()
        (slices[0] / its.weight).write_text(str(its.control))
        yield its, group
    except PermissionError as error:
        pytest.fail(f"{error}: run as root where control groups can be made")
    finally:
        for path in (*slices, group):
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
    """Each process's part of the CPU seconds they use together from now on."""
    begin = used(pids)
    until = time.monotonic() + PATIENCE
    while True:
        spent = [now - then for now, then in zip(used(pids), begin, strict=True)]
        if sum(spent) >= CPU_SECONDS:
            return [seconds / sum(spent) for seconds in spent]
        assert time.monotonic() < until, f"no {CPU_SECONDS} CPU seconds in {PATIENCE} s: {spent}"
        time.sleep(0.05)


def read(its: Hierarchy, group: Path, pids: list[int], rootfs: Path) -> Slices:
    """What the probe says of a dom0 whose root group is `group`."""
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
    value, outcome = run(SLICES, HostSource(str(rootfs)), Snapshot())
    assert outcome.status is Status.OK, outcome
    assert isinstance(value, Slices)
    return value


def test_the_share_of_a_slice_is_what_the_kernel_gives_it(
    root: tuple[Hierarchy, Path], tmp_path: Path
) -> None:
    """A busy control path gets the computed share beside a busy slice and busy root processes."""
    its, group = root
    # In version 2 a group that has groups may have no process of its own, save for the true root.
    beside = [group, group] if its.version == 1 else []
    with hogs(group / "control.slice", group / "vm.slice", *beside) as pids:
        found = read(its, group, pids, tmp_path)
        control, vms, *_ = shares(pids)

    assert found.contenders == len(beside)
    assert found.by_name["control.slice"].share == pytest.approx(control, rel=0.1)
    assert found.by_name["vm.slice"].share == pytest.approx(vms, rel=0.2)
    assert found.by_name["control.slice"].weight == its.control
    assert found.by_name["control.slice"].expected == its.control


def test_this_process_is_in_a_group() -> None:
    """The kernel's own words about this process name a group of the CPU controller."""
    group = group_of(parse_membership(Path("/proc/self/cgroup").read_bytes()), "cpu")

    assert group is not None
    assert group.startswith("/")
