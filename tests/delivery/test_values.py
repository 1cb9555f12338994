"""What xcp-rrdd is told of a pass."""

from __future__ import annotations

import dataclasses

from tests.support import full_snapshot
from xenwatch.assessment import Assessment, Rules, assess_pass
from xenwatch.delivery.values import values, wakeups
from xenwatch.messages import requests
from xenwatch.messages.requests import MOST_SHAPES
from xenwatch.planning.shapes import BUILT_IN
from xenwatch.readings.qemus import Qemu, Qemus
from xenwatch.readings.snapshot import Outcome, Snapshot, Status

LINUX = BUILT_IN["linux"]


def at(time: float, *found: tuple[int, int]) -> Assessment:
    """A pass in which these QEMUs, by PID, had woken so often."""
    qemus = Qemus(
        {
            number: Qemu("", pid, 0, (), 0.0, woken, None, ())
            for number, (pid, woken) in enumerate(found)
        }
    )
    outcomes = {"qemus": Outcome(Status.OK, "", time)}
    return assess_pass(Snapshot(time=time, outcomes=outcomes, qemus=qemus))


def test_the_values_are_those_of_the_pass() -> None:
    """Headroom is that of the plans, the fullest limit the highest ratio of all."""
    found = assess_pass(full_snapshot())
    told = values(found, None)

    assert told.vms == {shape.name: plan.batches for plan in found.plans for shape in plan.batch}
    assert told.fullest == max(state.ratio for state in found.states if state.ratio is not None)
    assert requests.loads(requests.dumps(told)) == told


def test_what_is_not_known_is_not_told() -> None:
    """Before anything was read every shape is there, and nothing has a value."""
    told = values(assess_pass(Snapshot()), None)

    assert told == requests.Values({"linux": None, "windows": None}, None, None)


def test_the_shapes_are_bounded() -> None:
    """Of many shapes the first by name are told, known or not."""
    shapes = {
        f"s{number:02}": dataclasses.replace(LINUX, name=f"s{number:02}") for number in range(40)
    }
    told = values(assess_pass(full_snapshot(), Rules(shapes=shapes)), None)

    assert list(told.vms) == sorted(shapes)[:MOST_SHAPES]


def test_wakeups_are_those_of_qemus_that_ran_all_the_time() -> None:
    """A VM that starts or stops makes no jump: only QEMUs of both readings count."""
    first = wakeups(at(100, (1, 1000), (2, 5000)), None)
    second = wakeups(at(110, (2, 5300), (3, 9000)), first)

    assert first is not None
    assert first.rate is None
    assert second is not None
    assert second.rate == 30.0


def test_the_rate_stays_until_the_next_reading() -> None:
    """Between two readings the rate of the last one holds."""
    first = wakeups(at(100, (1, 1000)), None)
    second = wakeups(at(110, (1, 1100)), first)

    assert wakeups(at(110, (1, 1100)), second) is second


def test_wakeups_that_cannot_be_read_are_unknown() -> None:
    """Where the probe has no reading there is no rate, and none afterwards of before."""
    before = wakeups(at(100, (1, 1000)), None)

    assert wakeups(assess_pass(Snapshot()), before) is None
