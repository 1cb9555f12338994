"""What was learnt as a file: written, read, and refused where it is damaged."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.planning.learnt_support import KIND, MIB, WINDOWS, simulated
from xenwatch.planning.estimates import learnt
from xenwatch.planning.learning import MOST_VMS, SAMPLES, Kind, Learning, Period, Rest
from xenwatch.planning.learnt_file import FILE_LIMIT, LearntError, dumps, loads
from xenwatch.readings.vm_processes import Use

SMALL = st.integers(0, 1 << 20)
KINDS = st.builds(Kind, st.sampled_from(["pv", "pvh", "hvm", ""]), SMALL, SMALL, SMALL)
USES = st.builds(Use, st.integers(0, 1 << 50), SMALL)
NUMBERS = st.integers(-(1 << 50), 1 << 50)


@st.composite
def rests(draw: st.DrawFn) -> Rest:
    """The first and latest readings of a period."""
    rest = Rest()
    for value in draw(st.lists(NUMBERS, max_size=2 * SAMPLES)):
        rest = rest.with_reading(value)
    return rest


TIMES = st.floats(0, 1e10)
PERIODS = st.builds(
    Period,
    SMALL,
    TIMES,
    TIMES,
    st.dictionaries(KINDS, SMALL, max_size=4),
    rests(),
    rests(),
)
VMS = st.dictionaries(st.text(max_size=40), USES, min_size=1, max_size=4)
LEARNINGS = st.builds(
    Learning,
    st.none() | st.sampled_from(["xl", "xcp-ng-8.3"]),
    st.dictionaries(KINDS, VMS, max_size=4),
    st.lists(PERIODS, max_size=5).map(tuple),
)


@given(LEARNINGS)
@settings(deadline=None)
def test_what_was_learnt_survives_its_file(learning: Learning) -> None:
    """Everything is the same after writing and reading, for a run of its own."""
    again = loads(dumps(learning))

    assert again == dataclasses.replace(learning, run=again.run)
    assert all(again.run > period.run for period in learning.periods)


def test_a_carried_file_says_the_same() -> None:
    """An estimate from the file is the one of the host that has written it."""
    learning = simulated(range(9), 5 * MIB, 2 * MIB, MIB)

    assert learnt(WINDOWS, loads(dumps(learning))) == learnt(WINDOWS, learning)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_other_bytes_are_refused(data: bytes | str) -> None:
    """What is no such file raises `LearntError` and nothing else."""
    with pytest.raises(LearntError):
        loads(data)


def document() -> dict[str, Any]:
    """A good document."""
    found: dict[str, Any] = json.loads(dumps(simulated([0, 4], 5 * MIB, MIB)))
    return found


DAMAGES: dict[str, Any] = {
    "no version": lambda it: it.pop("version"),
    "another version": lambda it: it.update(version=2),
    "regime": lambda it: it.update(regime=5),
    "no periods": lambda it: it.pop("periods"),
    "periods": lambda it: it.update(periods={}),
    "many periods": lambda it: it.update(periods=it["periods"] * 100),
    "time": lambda it: it["periods"][0].update(start=-1),
    "time of truth": lambda it: it["periods"][0].update(start=True),
    "readings": lambda it: it["periods"][0].update(memory=[[1], []]),
    "many readings": lambda it: it["periods"][0].update(memory=[[1] * 9, [1] * 9]),
    "no whole readings": lambda it: it["periods"][0].update(memory=[[1.5], [1.5]]),
    "large readings": lambda it: it["periods"][0].update(memory=[[1 << 60], [1 << 60]]),
    "index": lambda it: it["periods"][1].update(vms=[[7, 1]]),
    "negative index": lambda it: it["periods"][1].update(vms=[[-1, 1]]),
    "negative vcpus": lambda it: it["vms"][0].update(vcpus=-1),
    "bytes of a VM": lambda it: it["vms"][0].update(seen=[["a", "b", 1]]),
    "name of a VM": lambda it: it["vms"][0].update(seen=[["a" * 65, 1, 1]]),
    "many VMs": lambda it: it["vms"][0].update(seen=[[str(n), 1, 1] for n in range(MOST_VMS + 1)]),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_refused(damage: Any) -> None:
    """Whatever is missing, of another type, or out of its bounds is refused."""
    found = document()
    loads(json.dumps(found))
    damage(found)

    with pytest.raises(LearntError):
        loads(json.dumps(found))


def test_the_largest_file_is_read() -> None:
    """With as many kinds, VMs and periods as are kept the file is within its limit."""
    uses = {f"00000000-0000-4000-8000-{n:012}": Use(1 << 40, 1 << 16) for n in range(MOST_VMS)}
    vms = {Kind("hvm", 1 << 9, 1 << 9, n): uses for n in range(32)}
    rest = Rest((1 << 40,) * SAMPLES, (1 << 40,) * SAMPLES)
    counts = dict.fromkeys(vms, 1 << 15)
    period = Period(1 << 20, 1e10 + 0.125, 1e10 + 0.125, counts, rest, rest)
    learning = Learning("xenserver-6.2", vms, (period,) * 64)

    assert len(dumps(learning)) < FILE_LIMIT / 4
    assert KIND not in loads(dumps(learning)).vms
