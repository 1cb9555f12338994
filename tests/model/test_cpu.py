"""CPU time of the synthetic dom0: what processes had is what /proc/stat, load and groups tell."""

from __future__ import annotations

import pytest

from xenwatch.model.cpu import KERNEL
from xenwatch.model.player import Player
from xenwatch.model.scenario_source import load
from xenwatch.model.source import ModelSource
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.readings.dom0_cpus import Dom0Cpus
from xenwatch.readings.snapshot import Snapshot

NEEDED = [probe for probe in PROBES if probe.name in ("dom0_cpus", "slices", "domains")]


def between(name: str, begin: float, end: float) -> tuple[Snapshot, Snapshot, Player]:
    """What is read at two times of a scenario, and its host at the second."""
    player = Player(load(name))
    source = ModelSource(player.machine)
    player.advance(begin)
    before = take(source, NEEDED).snapshot
    player.advance(end)
    return before, take(source, NEEDED).snapshot, player


def cpus(snapshot: Snapshot) -> Dom0Cpus:
    """What was read of dom0's CPUs."""
    assert snapshot.dom0_cpus is not None
    return snapshot.dom0_cpus


def idle(before: Snapshot, after: Snapshot) -> float:
    """The part of all CPU time between two passes that dom0 was idle; no counter has fallen."""
    risen = [
        (mode, seconds - cpus(before).seconds[cpu][mode])
        for cpu, modes in cpus(after).seconds.items()
        for mode, seconds in modes.items()
    ]
    assert min(seconds for _, seconds in risen) >= 0
    spare = sum(seconds for mode, seconds in risen if mode == "idle")
    return spare / sum(seconds for _, seconds in risen)


def of_guests(snapshot: Snapshot) -> float:
    """CPU seconds of the control group that QEMUs are in."""
    assert snapshot.slices is not None
    seconds = snapshot.slices.by_name["vm.slice"].cpu_seconds
    assert seconds is not None
    return seconds


def test_an_overload_leaves_nothing_idle() -> None:
    """Dom0 has time before the overload, and none once the datapath wants more than there is."""
    early, calm, _ = between("datapath-overload", 40, 60)
    begun, full, player = between("datapath-overload", 120, 600)

    vcpus = player.machine.dom0.platform.vcpus
    assert idle(early, calm) > 0.9
    assert idle(begun, full) < 0.01
    assert cpus(calm).load[0] < 1
    assert cpus(full).load[0] > 2 * vcpus
    assert (cpus(full).runnable or 0) > 2 * vcpus


def test_xen_and_linux_tell_the_same_time() -> None:
    """The CPU time Xen has of dom0 rises as that of dom0's own CPUs does."""
    before, after, player = between("datapath-overload", 120, 600)
    assert before.domains is not None
    assert after.domains is not None

    first, last = (domains.domains[0].cpu_seconds for domains in (before.domains, after.domains))
    assert first is not None
    assert last is not None

    busy = (1 - idle(before, after)) * 480 * player.machine.dom0.platform.vcpus
    assert last - first == pytest.approx(busy, rel=0.01)


def test_slices_have_what_their_qemus_had() -> None:
    """The wakeups of booting QEMUs are CPU time of their slice, and of dom0."""
    before, after, player = between("idle-windows-before-pulsar", 0, 30)
    dom0 = player.machine.dom0

    had = (
        sum(
            process.life.cpu_ns(30)
            for process in dom0.processes.values()
            if process.life is not None
        )
        / 1e9
    )

    assert had > 20
    assert of_guests(after) - of_guests(before) == pytest.approx(had, rel=0.01)
    part = had / (30 * dom0.platform.vcpus)
    assert 1 - idle(before, after) == pytest.approx(part + KERNEL, abs=0.01)


def test_what_has_ended_keeps_its_time() -> None:
    """The time of a slice and of dom0 does not fall when a VM's QEMU has ended."""
    before, after, _ = between("idle-windows-before-pulsar", 330, 332)

    assert of_guests(after) > of_guests(before)
    assert 0.5 < idle(before, after) < 1
