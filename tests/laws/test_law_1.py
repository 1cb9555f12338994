"""Law 1: the synthetic host and its capture on disk give the same snapshot."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.model.devices import XVDA, Disk, Nic, Shape
from xenwatch.model.host import Machine
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.platforms.xapi import XENSERVER_8
from xenwatch.model.presets import PRESETS
from xenwatch.model.source import ModelSource
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.sources.base import Source
from xenwatch.sources.recording import RecordingSource
from xenwatch.sources.tree import TreeSource

SHAPES = st.builds(
    Shape,
    type=st.sampled_from(["pv", "pvh", "hvm"]),
    vcpus=st.integers(1, 8),
    memory_kib=st.integers(4, 1 << 24),
    disks=st.lists(st.builds(Disk, rings=st.integers(1, 3)), max_size=3).map(tuple),
    nics=st.lists(st.builds(Nic, st.integers(1, 3), st.booleans()), max_size=2).map(tuple),
)
ALL = [*PLATFORMS.values(), dataclasses.replace(XENSERVER_8, blktap_ids=True)]
NAMES = st.binary(min_size=1, max_size=20)


@st.composite
def machines(draw: st.DrawFn) -> Machine:
    """A host of any platform on which VMs were started, stopped, failed and left dying."""
    machine = Machine(draw(st.sampled_from(ALL)))
    cls = "vbd3" if machine.dom0.platform.blktap else "vbd"
    for _ in range(draw(st.integers(0, 6))):
        shape = draw(SHAPES)
        domid = machine.start(draw(NAMES), shape)
        fate = draw(st.sampled_from(["runs", "runs", "destroyed", "dying", "failed"]))
        if fate == "destroyed":
            machine.destroy(domid)
        elif fate == "dying":
            machine.leave_zombie(domid)
        elif fate == "failed" and shape.disks:
            machine.fail(domid, cls, XVDA, "28 mapping ring-ref port 8")
    return machine


def passed(source: Source) -> Snapshot:
    """A pass of all probes, opt-in ones too, with a clock that stands still."""
    probes = (dataclasses.replace(probe, enabled=True) for probe in PROBES)
    snapshot = take(source, probes, clock=lambda: 1.0).snapshot
    outcomes = {
        name: Outcome(outcome.status, outcome.detail, outcome.instant)
        for name, outcome in snapshot.outcomes.items()
    }
    return dataclasses.replace(snapshot, outcomes=outcomes)


def captured(machine: Machine, directory: Path) -> tuple[Snapshot, TreeSource]:
    """A pass over the machine that is recorded, and the capture on disk."""
    recorder = RecordingSource(ModelSource(machine), directory)
    snapshot = passed(recorder)
    recorder.close()
    return snapshot, TreeSource(directory)


@settings(deadline=None, max_examples=40)
@given(machine=machines())
def test_a_capture_says_what_the_host_said(machine: Machine) -> None:
    """A pass over a random synthetic host and one over its capture give the same snapshot."""
    with tempfile.TemporaryDirectory() as directory:
        snapshot, tree = captured(machine, Path(directory) / "capture")

        assert passed(tree) == snapshot


def test_every_preset_is_read_without_failure() -> None:
    """Every probe succeeds on every preset, or does not apply there; none fails."""
    for make in PRESETS.values():
        outcomes = passed(ModelSource(make())).outcomes

        assert {
            name for name, outcome in outcomes.items() if outcome.status is Status.FAILED
        } == set()
