"""Plans that count what was learnt of dom0's memory and tasks."""

from __future__ import annotations

import dataclasses
import math

import pytest

from tests.planning.learnt_support import MIB, WINDOWS, simulated
from tests.planning.support import LINUX, full_xl
from xenwatch.assessment import Assessment, Rules, assess_pass
from xenwatch.limits.states import assess
from xenwatch.metrics import families
from xenwatch.planning.answer import document, learnt_lines
from xenwatch.planning.capacity import Plan, fit
from xenwatch.planning.estimates import Learnt, learnt
from xenwatch.planning.learning import Learning
from xenwatch.planning.shapes import Shape
from xenwatch.status.host_status import host_status

CERTAIN = simulated(range(9), 30 * MIB, 2 * MIB)
"""Of eight VMs that take 32 MiB and 14 tasks each, one eighth of a MiB and of a task about."""
VAGUE = simulated([4], 30 * MIB, 2 * MIB)
TAKES = 32 * MIB + MIB // 8


def known(learning: Learning) -> dict[Shape, Learnt]:
    """What is learnt of the shape windows."""
    found = learnt(WINDOWS, learning)
    assert found is not None
    return {WINDOWS: found}


def plan(learning: Learning, shape: Shape = WINDOWS, wanted: int | None = None) -> Plan:
    """The plan for one VM of the shape on the full host."""
    found = {shape: next(iter(known(learning).values()))}
    return fit(assess(full_xl()), full_xl(), {shape: 1}, wanted, learnt=found)


def takes(found: Plan) -> dict[str, object]:
    """What a batch takes by limit."""
    return {headroom.limit: headroom.takes for headroom in found.headrooms}


def test_the_cautious_end_is_counted() -> None:
    """Memory and tasks are counted at the 95 % end, and the plan no longer leaves them out."""
    found = plan(CERTAIN)

    assert takes(found)["dom0_memory"] == TAKES
    assert takes(found)["tasks"] == 15
    assert {"dom0_memory", "tasks"} & set(found.uncounted) == set()


def test_what_a_shape_states_goes_before() -> None:
    """A stated figure is counted, what was learnt is told beside it."""
    stated = dataclasses.replace(WINDOWS, dom0_memory_bytes=50 * MIB)
    found = plan(CERTAIN, stated)

    assert takes(found)["dom0_memory"] == 50 * MIB
    assert takes(found)["tasks"] == 15
    memory, tasks = learnt_lines(found)
    assert memory == (
        "dom0_memory of windows: learnt from 8 VMs: 32.0 MiB each, 95 % below 32.1 MiB; counted: "
        "50.0 MiB, as the shape states"
    )
    assert tasks == "tasks of windows: learnt from 8 VMs: 14 each, 95 % below 15"


def test_what_is_too_vague_is_not_counted() -> None:
    """What one look at few VMs says is told, and the limit stays among those not counted."""
    found = plan(VAGUE)

    assert "dom0_memory" in found.uncounted
    assert "dom0_memory" not in takes(found)
    assert next(learnt_lines(found)) == (
        "dom0_memory of windows: learnt from 4 VMs: between 30.0 MiB and 257.0 MiB "
        "each; too uncertain to count: narrows down as such VMs start and stop"
    )


def test_without_either_all_is_as_before() -> None:
    """A shape that states nothing and of which nothing is learnt leaves both limits out."""
    found = fit(assess(full_xl()), full_xl(), {LINUX: 1}, learnt=known(CERTAIN))

    assert {"dom0_memory", "tasks"} <= set(found.uncounted)
    assert list(learnt_lines(found)) == []


def test_a_mix_takes_what_each_was_learnt_to_take() -> None:
    """Of a mix each shape is counted by its own figures; one without any leaves the limit out."""
    other = dataclasses.replace(LINUX, dom0_memory_bytes=4 * MIB, tasks=5)
    whole = fit(assess(full_xl()), full_xl(), {WINDOWS: 2, other: 3}, learnt=known(CERTAIN))
    part = fit(assess(full_xl()), full_xl(), {WINDOWS: 2, LINUX: 3}, learnt=known(CERTAIN))

    assert takes(whole)["dom0_memory"] == 2 * TAKES + 12 * MIB
    assert "dom0_memory" not in whole.uncounted
    assert "dom0_memory" in part.uncounted


def test_programs_find_what_was_learnt() -> None:
    """The document has a row for each shape and limit, with number of VMs and interval."""
    rows = document(full_xl(), [plan(CERTAIN)])["plans"][0]["learnt"]

    assert rows[0] == {
        "shape": "windows",
        "limit": "dom0_memory",
        "vms": 8,
        "carried": False,
        "complete": True,
        "counted": True,
        "low": 32 * MIB - MIB / 8,
        "median": 32 * MIB,
        "high": 32 * MIB + MIB / 8,
    }
    assert [row["limit"] for row in rows] == ["dom0_memory", "tasks"]


def assessed(learning: Learning | None = None, carried: Learning | None = None) -> Assessment:
    """A pass over the full host with what was learnt."""
    return assess_pass(full_xl(), Rules(carried=carried), learning=learning)


def values(assessment: Assessment, name: str) -> dict[tuple[str, ...], float]:
    """The samples of a metric by the values of its labels."""
    found = [family for family in families(assessment) if family.name == name]
    return dict(found[0].samples) if found else {}


@pytest.mark.parametrize("carried", [False, True], ids=["here", "carried"])
def test_what_was_learnt_is_shown_everywhere(carried: bool) -> None:
    """Metrics, status and plans of other shapes have what was learnt here or elsewhere."""
    assessment = assessed(carried=CERTAIN) if carried else assessed(CERTAIN)
    row = host_status(assessment, []).headroom[0]

    assert values(assessment, "xenwatch_vm_learnt_vms") == {("windows",): 8}
    memory = values(assessment, "xenwatch_vm_dom0_memory_bytes")
    assert memory["windows", "0.95"] == 32 * MIB + MIB / 8
    assert values(assessment, "xenwatch_vm_dom0_tasks")["windows", "0.5"] == 14
    assert row.learnt[0].endswith("32.0 MiB each, 95 % below 32.1 MiB")
    assert ("on another host" in row.learnt[0]) is carried
    other = dataclasses.replace(WINDOWS, name="", memory_bytes=8 << 30)
    assert takes(assessment.plan({other: 1}, 3))["tasks"] == math.ceil(14 + 1 / 8)


def test_what_is_vague_is_no_metric() -> None:
    """A figure that no plan counts is not exported, the number of VMs is."""
    assessment = assessed(VAGUE)

    assert values(assessment, "xenwatch_vm_learnt_vms") == {("windows",): 4}
    assert values(assessment, "xenwatch_vm_dom0_memory_bytes") == {}


def test_an_estimate_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passes in which nothing new was learnt use the estimates of the pass before."""
    rules = Rules()
    first = assess_pass(full_xl(), rules, learning=CERTAIN)
    monkeypatch.setattr("xenwatch.assessment.learnt", lambda *_: None)
    second = assess_pass(full_xl(), rules, first)

    assert second.learnt is first.learnt
    assert assess_pass(full_xl(), Rules(), first).learnt == {}
