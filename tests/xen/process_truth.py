"""What is true of the processes of dom0: daemons, QEMUs, and what waits for the end of guests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.xen.fact import Fact

HZ: Final = 100
"""USER_HZ: ticks of /proc/PID/stat a second."""
NANO: Final = 1e9
_XL_SLACK: Final = 256 * 1024
"""Bytes an xl may have more or less a moment later."""


def processes(directory: Path) -> Iterator[Fact]:
    """What processes have had of dom0's CPUs and memory, and had to wait for."""
    for daemon in ("xenstored", "xenconsoled"):
        ticks, _, _, waited = map(int, (directory / f"{daemon}-times").read_text().split())
        role, cpu = (("role", daemon),), ticks / HZ
        name = "xenwatch_daemon_cpu_seconds_total"
        yield Fact(name, cpu, "awk /proc/PID/stat", role, 0.1)
        name = "xenwatch_daemon_wait_seconds_total"
        yield Fact(name, waited / NANO, "awk /proc/PID/task/*/schedstat", role, 0.1)
    yield from _qemus(directory)
    yield from _xls(directory)


def _qemus(directory: Path) -> Iterator[Fact]:
    road = "awk /proc/PID/task/*/schedstat"
    for path in sorted(directory.glob("qemu-[0-9]*")):
        ticks, threads, switches, waited = map(int, path.read_text().split())
        its = (("domid", path.name[5:]),)
        yield Fact("xenwatch_qemu_cpu_seconds_total", ticks / HZ, "awk /proc/PID/stat", its, 0.1)
        yield Fact("xenwatch_qemu_wait_seconds_total", waited / NANO, road, its, 0.1)
        # QEMU's worker threads come and go; those that went are only known to who saw them.
        status = "awk /proc/PID/task/*/status"
        yield Fact("xenwatch_qemu_wakeups_total", switches, status, its, 100)
        yield Fact("xenwatch_qemu_threads", threads, "awk /proc/PID/stat", its, 4)
    for path in sorted(directory.glob("qemu-fds-[0-9]*")):
        domid = path.name.removeprefix("qemu-fds-")
        its = (("domid", domid),)
        most = int((directory / f"qemu-fds-max-{domid}").read_text())
        used = int(path.read_text())
        yield Fact("xenwatch_qemu_fds_used", used, "ls /proc/PID/fd", its, 2)
        yield Fact("xenwatch_qemu_fds_max", most, "grep /proc/PID/limits", its)


def _xls(directory: Path) -> Iterator[Fact]:
    """The `xl create` of each guest; of captures made before that, nothing."""
    for path in sorted(directory.glob("xl-[0-9]*")):
        ticks, kib = map(int, path.read_text().split())
        its, road = (("domid", path.name[3:]), ("program", "xl")), "the log of xl, awk /proc/PID"
        yield Fact("xenwatch_vm_helper_cpu_seconds_total", ticks / HZ, road, its, 0.1)
        yield Fact("xenwatch_vm_process_memory_bytes", kib * 1024, road, its, _XL_SLACK)
