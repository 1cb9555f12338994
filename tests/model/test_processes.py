"""Counters of the synthetic host's processes: those of its files, and what probes make of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.sources.fakes import Question, TappedSource
from xenwatch.model.player import Player
from xenwatch.model.presets import PRESETS
from xenwatch.model.scenario_source import load
from xenwatch.model.source import ModelSource
from xenwatch.parse.process import parse_schedstat, parse_stat
from xenwatch.parse.taskstats import Counters, parse_taskstats
from xenwatch.parse.text import voluntary_switches
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, take
from xenwatch.probes.qemu import SETTLED
from xenwatch.sources.base import Source, SourceError

THESE = tuple(
    probe
    for probe in PROBES
    if probe.name in {"domains", "daemons", "qemus", "datapath", "control_path"}
)
NONE = 1 << 21


def played(name: str, *, counts: bool) -> Pass:
    """What is known after passes over a scenario, with taskstats or without."""
    player = Player(load(name))
    source = ModelSource(player.machine)
    known = Pass()
    for number in range(2 * SETTLED + 4):
        player.advance(30.0 + 15 * number)
        known = take(
            source if counts else without(source),
            THESE,
            clock=lambda: player.seconds,
            before=known,
        )
    return known


def without(source: Source) -> Source:
    """The host without taskstats."""

    def tap(asked: Question) -> None:
        if asked[0] == "taskstats":
            raise SourceError("taskstats", "made to fail")

    return TappedSource(source, tap)


def numbers(known: Pass) -> Mapping[str, Any]:
    """What processes have done by the readings of a pass."""
    snapshot = known.snapshot
    assert snapshot.qemus is not None
    assert snapshot.datapath is not None
    assert snapshot.control_path is not None
    qemus = snapshot.qemus.by_domid
    daemons = snapshot.control_path.daemons
    return {
        "wakeups": {domid: qemu.wakeups for domid, qemu in qemus.items()},
        "waited": {domid: qemu.wait_seconds for domid, qemu in qemus.items()},
        "ran": {domid: qemu.cpu_seconds for domid, qemu in qemus.items()},
        "workers": snapshot.datapath.cpu_seconds,
        "daemons": {role: times.wait_seconds for role, times in daemons.items()},
    }


@pytest.mark.parametrize("name", ["datapath-overload", "idle-windows-before-pulsar"])
def test_a_synthetic_host_is_the_same_both_ways(name: str) -> None:
    """Probes that are told the counters read what they read without, to a tick of each worker."""
    counted, by_hand = played(name, counts=True), played(name, counts=False)
    its, others = numbers(counted), numbers(by_hand)
    memories: Any = counted.memories

    assert its["wakeups"] == others["wakeups"]
    assert its["waited"] == pytest.approx(others["waited"])
    assert its["ran"] == pytest.approx(others["ran"], abs=0.011)
    # A domain's workers are several, and each one's ticks are cut.
    assert its["workers"] == pytest.approx(others["workers"], abs=0.2)
    assert its["daemons"] == pytest.approx(others["daemons"])
    assert memories["qemus"].whole


@pytest.mark.parametrize("name", PRESETS)
def test_the_counters_are_those_of_the_files(name: str) -> None:
    """Sums of processes are those of their threads' files; one that is not there is missing."""
    machine = PRESETS[name]()
    machine.advance(100.0)
    source = ModelSource(machine)
    processes = machine.dom0.processes

    table = parse_taskstats(source.taskstats((*processes, NONE)))
    found = {pid: Counters(*numbers) for pid, *numbers in zip(*table, strict=True)}

    assert found.keys() == processes.keys()
    for pid, counters in found.items():
        tids = source.listdir(f"/proc/{pid}/task")
        stats = [parse_schedstat(source.read(f"/proc/{pid}/task/{tid}/schedstat")) for tid in tids]
        ticks = parse_stat(source.read(f"/proc/{pid}/stat")).cpu_seconds
        assert counters.wait_ns == sum(stat.wait_ns for stat in stats)
        assert counters.cpu_ns / 1e9 == pytest.approx(ticks, abs=0.03)
        if processes[pid].life is not None:
            statuses = [source.read(f"/proc/{pid}/task/{tid}/status") for tid in tids]
            assert counters.switches == sum(map(voluntary_switches, statuses))
