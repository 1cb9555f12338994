"""Thousands of domains through the real parsers: what a pass costs grows as they do."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

from xenwatch.model.devices import vm
from xenwatch.model.fill import fill
from xenwatch.model.host import Machine
from xenwatch.model.platforms.experiment import EXPERIMENT
from xenwatch.model.player import on_host
from xenwatch.model.scenario import Host
from xenwatch.model.source import ModelSource
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.snapshot import Snapshot, Status

ROOMY = on_host(
    EXPERIMENT,
    Host(vcpus=4, memory_gib=64, bridges=10, settings={"/proc/sys/kernel/pty/max": "65536"}),
)
"""A dom0 with bridges, terminals and memory for 10,000 guests."""


def crowded(domains: int) -> ModelSource:
    """A host with so many Linux guests of three event channels each."""
    machine = Machine(ROOMY)
    assert fill(machine, vm(ROOMY, "pv", disks=0), domains).vms == domains
    return ModelSource(machine)


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage collection, which takes longer the more guests the synthetic host has."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def cost(source: ModelSource) -> float:
    """CPU seconds of this thread for a pass, the best of three."""
    spent = []
    for _ in range(3):
        with uncollected():
            before = time.thread_time()
            take(source, PROBES)
            spent.append(time.thread_time() - before)
    return min(spent)


def test_a_pass_costs_as_much_more_as_there_are_more_domains() -> None:
    """A pass over 3,000 domains takes no more than twice ten times what one over 300 takes."""
    assert cost(crowded(3000)) < 20 * cost(crowded(300))


def all_read(snapshot: Snapshot) -> bool:
    """Whether every probe succeeded, does not apply or is off."""
    return all(it.status is not Status.FAILED for it in snapshot.outcomes.values())


def test_ten_thousand_domains_are_read() -> None:
    """A pass over 10,000 domains reads them all, their channels and their ports."""
    snapshot = take(crowded(10000), PROBES)

    assert all_read(snapshot)
    assert snapshot.domains is not None
    assert len(snapshot.domains.domains) == 10001
    assert snapshot.event_channels is not None
    by_domain = snapshot.event_channels.by_domain
    assert sum(count for domid, count in by_domain.items() if domid) == 30000
    assert snapshot.bridges is not None
    assert sum(snapshot.bridges.ports.values()) == 10000
