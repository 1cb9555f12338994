"""What is true of dom0's place in Xen's scheduler, by xl."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.xen.fact import Fact


def scheduling(directory: Path, info: Mapping[str, str]) -> Iterator[Fact]:
    """Facts from the answers in a directory and `xl info`; hosts captured earlier have none."""
    if not (directory / "scheduler").exists():
        return
    weight, cap = (directory / "scheduler").read_text().split()[-2:]
    road, its = "xl sched-credit2, or sched-credit", (("scheduler", info["xen_scheduler"]),)
    yield Fact("xenwatch_dom0_scheduler_info", 1, "xl info", its)
    yield Fact("xenwatch_dom0_scheduler_weight", int(weight), road)
    yield Fact("xenwatch_dom0_scheduler_cap_cpus", int(cap) / 100, road)
    rows = (directory / "vcpu-list").read_text().splitlines()[1:]
    pinned = sum(row.split()[-3] != "all" for row in rows)
    yield Fact("xenwatch_dom0_vcpus_pinned", pinned, "xl vcpu-list")
    yield Fact("xenwatch_host_cpus", int(info["nr_cpus"]), "xl info")
    yield Fact("xenwatch_host_numa_nodes", int(info["nr_nodes"]), "xl info")
