"""One run of a probe: how it ends, what a pass makes of it."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.probes.support import FakeHost
from xenwatch.parse.errors import ParseError
from xenwatch.probes import PROBES
from xenwatch.probes.base import (
    DISABLED,
    NotApplicable,
    Pass,
    Probe,
    Result,
    merge,
    run,
    stateless,
    take,
)
from xenwatch.readings.event_channels import Irqs
from xenwatch.readings.moment import Moment
from xenwatch.readings.origin import LIVE
from xenwatch.readings.processes import Ptys
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.readings.storage import Aio
from xenwatch.sources import commands
from xenwatch.sources.base import Source, SourceError

Read = Callable[[Source, Snapshot], object]

BURN = (
    "import time\nwhile time.process_time() < 0.3: pass\nprint(time.process_time(), flush=True)\n"
)
"""A program that takes CPU time, and says how much."""


def probe(read: Read, name: str = "irqs", enabled: bool = True) -> Probe:
    """A probe that does as it is told."""
    return Probe(name, "a file", "mount it", stateless(read), enabled=enabled)


def failing(error: BaseException) -> Read:
    """A read that raises."""

    def read(source: Source, context: Snapshot) -> object:
        raise error

    return read


def giving(value: object) -> Read:
    """A read that succeeds."""
    return lambda source, context: value


def burning(deadline: float, then: str) -> Read:
    """A read that runs a program, which takes CPU time of its own and prints how much."""

    def read(source: Source, context: Snapshot) -> float:
        return float(commands.run((sys.executable, "-c", BURN + then), deadline).stdout)

    return read


def ticks() -> Callable[[], float]:
    """A clock that tells 1, 2, 3 and so on."""
    numbers: Iterator[float] = map(float, range(1, 1000))
    return lambda: next(numbers)


def test_a_reading_is_the_value() -> None:
    """A probe that reads something is OK, with the time it began at."""
    result = run(probe(giving(Irqs(3))), FakeHost(), Pass(), ticks())
    value, outcome = result.reading, result.outcome

    assert value == Irqs(3)
    assert (outcome.status, outcome.detail, outcome.instant) == (Status.OK, "", 1.0)
    assert outcome.seconds >= 0
    assert outcome.cpu_seconds >= 0


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (NotApplicable("no blktap"), Status.NOT_APPLICABLE, "no blktap"),
        (SourceError("/proc/x", "Permission denied"), Status.FAILED, "/proc/x: Permission denied"),
        (ParseError("/proc/x", "not a number", b"?"), Status.FAILED, '/proc/x: not a number: "?"'),
    ],
)
def test_a_run_without_a_reading_says_why(error: Exception, status: Status, detail: str) -> None:
    """The three ways a probe may end have their status and their reason."""
    result = run(probe(failing(error)), FakeHost(), Pass())
    value, outcome = result.reading, result.outcome

    assert (value, outcome.status, outcome.detail) == (None, status, detail)


@pytest.mark.parametrize(
    "error",
    [
        ZeroDivisionError("division by zero"),
        KeyError("x"),
        UnicodeDecodeError("ascii", b"\xff", 0, 1, "no"),
        RecursionError("too deep"),
        MemoryError(),
        OSError(5, "I/O error"),
        AssertionError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_defect_is_a_failure(error: Exception) -> None:
    """An exception no probe should raise fails that probe and says that it is our fault."""
    result = run(probe(failing(error)), FakeHost(), Pass())
    value, outcome = result.reading, result.outcome

    assert (value, outcome.status) == (None, Status.FAILED)
    assert outcome.detail.startswith(f"bug in xenwatch: {type(error).__name__}")


def test_a_programs_cpu_time_is_its_probes() -> None:
    """What a program took, and not only waiting for it, is the CPU time of the run."""
    result = run(probe(burning(60.0, "")), FakeHost(), Pass())
    took, outcome = result.reading, result.outcome

    assert outcome.cpu_seconds >= took


def test_a_late_programs_cpu_time_is_its_probes() -> None:
    """A program that is killed at the deadline has taken its CPU time all the same."""
    result = run(probe(burning(1.0, "while True: pass")), FakeHost(), Pass())
    value, outcome = result.reading, result.outcome

    assert (value, outcome.status) == (None, Status.FAILED)
    assert outcome.cpu_seconds > outcome.seconds / 20


def test_an_order_to_stop_is_obeyed() -> None:
    """What is meant for the whole process is not taken for a failure of the probe."""
    with pytest.raises(KeyboardInterrupt):
        run(probe(failing(KeyboardInterrupt())), FakeHost(), Pass())


def test_merging_changes_one_reading() -> None:
    """One probe's result takes the place of its last one and leaves the others as they are."""
    well = Outcome(Status.OK)
    last = Snapshot(1.0, {"ptys": well, "irqs": well}, ptys=Ptys(1, 2), irqs=Irqs(7))
    before = Pass(last, {"ptys": 1, "irqs": 2})
    bad = Outcome(Status.FAILED, "because")

    lost = merge(before, {"irqs": Result(bad)}, Moment(5.0, 2.0), LIVE)
    again = merge(lost, {"irqs": Result(well, Irqs(8), 3)}, Moment(6.0, 3.0), LIVE)

    outcomes = {"ptys": well, "irqs": bad}
    assert lost.snapshot == Snapshot(5.0, outcomes, ptys=Ptys(1, 2), instant=2.0)
    assert lost.memories == {"ptys": 1, "irqs": 2}
    assert (again.snapshot.irqs, again.memories) == (Irqs(8), {"ptys": 1, "irqs": 3})
    assert (before.snapshot, before.memories["irqs"]) == (last, 2)
    assert (last.irqs, last.outcomes["irqs"]) == (Irqs(7), well)


def counting(source: Source, context: Snapshot, memory: int) -> tuple[Irqs, int]:
    """A read that counts its runs, and fails in the third."""
    if memory == 2:
        raise SourceError("/proc/x", "Permission denied")
    return Irqs(memory + 1), memory + 1


def test_a_memory_is_its_probes_alone() -> None:
    """The first run has the probe's own, a later one what the last that succeeded has left."""
    first = Probe("irqs", "a file", "mount it", counting, 0)
    passes = [take(FakeHost(), [first, probe(giving(Aio(1, 2)), "aio")])]
    for _ in range(3):
        passes.append(take(FakeHost(), [first], before=passes[-1]))
    off = dataclasses.replace(first, enabled=False)
    passes.append(take(FakeHost(), [off], before=passes[-1]))

    assert [known.memories for known in passes] == [{"irqs": 1}] + [{"irqs": 2}] * 4
    assert [known.snapshot.irqs for known in passes] == [Irqs(1), Irqs(2), None, None, None]
    assert {known.snapshot.aio for known in passes} == {Aio(1, 2)}
    assert passes[-1].snapshot.outcomes["irqs"] is DISABLED.outcome


def test_a_pass_goes_through_all_probes() -> None:
    """One that fails, one that does not apply and one that is off cost the others nothing."""
    snapshot = take(
        FakeHost(),
        [
            probe(failing(ValueError("?")), "host"),
            probe(giving(Irqs(3))),
            probe(failing(NotApplicable("no")), "blktap"),
            probe(giving(Ptys(1, 2)), "ptys", enabled=False),
            probe(giving(Aio(1, 2)), "aio"),
        ],
    ).snapshot

    assert {name: outcome.status for name, outcome in snapshot.outcomes.items()} == {
        "host": Status.FAILED,
        "irqs": Status.OK,
        "blktap": Status.NOT_APPLICABLE,
        "ptys": Status.DISABLED,
        "aio": Status.OK,
    }
    assert (snapshot.irqs, snapshot.aio) == (Irqs(3), Aio(1, 2))
    assert (snapshot.host, snapshot.blktap, snapshot.ptys) == (None, None, None)


def test_a_probe_sees_what_was_read_before_it() -> None:
    """Within a pass a probe is given the readings of those before it."""
    seen: list[Snapshot] = []

    def read(source: Source, context: Snapshot) -> Ptys:
        seen.append(context)
        return Ptys(1, 2)

    take(FakeHost(), [probe(giving(Irqs(3))), probe(read, "ptys")])

    assert (seen[0].irqs, seen[0].ptys) == (Irqs(3), None)


def test_a_machine_with_nothing_readable_fails_without_a_defect() -> None:
    """A pass over an empty machine ends, every probe with a reason that is not a defect."""
    snapshot = take(FakeHost(store=None), PROBES).snapshot

    assert set(snapshot.outcomes) == {one.name for one in PROBES}
    for name, outcome in snapshot.outcomes.items():
        assert outcome.status is Status.OK or outcome.detail
        assert "defect" not in outcome.detail, name
        assert (getattr(snapshot, name) is None) == (outcome.status is not Status.OK)


def test_a_reading_equal_to_the_one_before_is_the_same_value() -> None:
    """What was made of a reading need not be made again of one that says the same."""
    first = take(FakeHost(), [probe(lambda *_: Irqs(5))]).snapshot
    again = take(FakeHost(), [probe(lambda *_: Irqs(5))], before=Pass(first)).snapshot
    other = take(FakeHost(), [probe(lambda *_: Irqs(6))], before=Pass(first)).snapshot

    assert again.irqs is first.irqs
    assert other.irqs == Irqs(6)
