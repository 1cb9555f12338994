"""The datapath of the synthetic host: times of CPUs, interfaces, disks as their drivers count."""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from xenwatch.model.render.cpustat import render_cpu_stat, render_net_dev
from xenwatch.model.state import Dom0
from xenwatch.model.tree import FileTree
from xenwatch.parse.process import TICKS

_VIF = re.compile(r"vif\d+\.\d+\Z")
_COUNTERS: Final = (0,) * 16


def build(tree: FileTree, dom0: Dom0) -> None:
    """Add the files."""
    tree.file("/proc/stat", partial(_stat, dom0))
    tree.file("/proc/net/dev", partial(_net_dev, dom0))
    for link in dom0.links.values():
        if _VIF.match(link.name):
            for queue in range(_queues(dom0, link.name)):
                for direction in ("rx", "tx"):
                    tree.directory(f"/sys/class/net/{link.name}/queues/{direction}-{queue}")


def _stat(dom0: Dom0) -> bytes:
    """An eighth of the time busy in user and system, the rest idle."""
    ticks = int(dom0.seconds * TICKS)
    busy = ticks // 16
    row = (busy, 0, busy, ticks - 2 * busy, 0, 0, 0, 0, 0, 0)
    vcpus = range(dom0.platform.vcpus)
    rows = {"cpu": tuple(it * len(vcpus) for it in row)} | {f"cpu{number}": row for number in vcpus}
    softirqs = (ticks, 0, ticks, *(0,) * 8)
    rest = {"ctxt": (ticks,), "procs_running": (1,), "procs_blocked": (0,), "softirq": softirqs}
    return render_cpu_stat(rows | rest)


def _net_dev(dom0: Dom0) -> bytes:
    return render_net_dev({link.name: _COUNTERS for link in dom0.links.values()})


def _queues(dom0: Dom0, name: str) -> int:
    """As many as netback has threads for; where it has none, one."""
    prefix = f"{name}-q"
    threads = (it.comm for it in dom0.processes.values() if it.comm.startswith(prefix))
    return len({comm[len(prefix) :].partition("-")[0] for comm in threads}) or 1
