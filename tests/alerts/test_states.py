"""The states of alerts from page to page."""

from __future__ import annotations

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.alerts.support import POLICY, after, leak, snapshot, walk
from xenwatch.alerts.states import Alerts, State
from xenwatch.readings.snapshot import Status

SERIES = ("leak", "warning")


def states(found: list[Alerts]) -> list[str]:
    """The state of the alert after each page."""
    return [each.states[SERIES].value if SERIES in each.states else "" for each in found]


def test_an_alert_is_pending_first_and_fires_when_its_time_is_up() -> None:
    """A condition must hold for the alert's time, counted from the first page that shows it."""
    found = walk((0, leak(79)), (10, leak(80)), (69, leak(81)), (70, leak(82)))

    assert states(found) == ["ok", "pending", "pending", "firing"]
    assert [alert.fired for alert in found[3].firing] == [70]


def test_a_condition_that_ends_in_time_is_forgotten() -> None:
    """A pending alert whose condition ends begins anew the next time."""
    found = walk((0, leak(90)), (50, leak(10)), (55, leak(90)), (100, leak(90)), (115, leak(90)))

    assert states(found) == ["pending", "ok", "pending", "pending", "firing"]


def test_without_a_time_it_fires_at_once() -> None:
    """A time of zero leaves out pending."""
    policy = dataclasses.replace(POLICY, seconds={"leak": 0})

    assert states(walk((0, leak(90)), policy=policy)) == ["firing"]


def test_what_fires_is_kept_for_a_while() -> None:
    """An alert whose condition wavers fires all along and ends when it held no more for long."""
    found = walk(
        (0, leak(90)), (60, leak(90)), (70, leak(79)), (300, leak(80)), (301, leak(79)),
        (600, leak(79)), (601, leak(79)),
    )  # fmt: skip

    assert states(found) == ["pending", *["firing"] * 5, "ok"]
    assert [(change.was, change.now) for change in found[-1].changes] == [(State.FIRING, State.OK)]


def test_each_series_is_kept_by_itself() -> None:
    """An instance that no longer holds is kept, whatever an instance before it does."""
    [a] = leak(90)
    b = dataclasses.replace(a, instance="b")
    found = walk((0, [a, b]), (60, [a, b]), (70, [a, dataclasses.replace(b, used=10)]))

    assert [alert.labels for alert in found[-1].firing] == [(("what", "a"),), (("what", "b"),)]
    assert [alert.ended for alert in found[-1].firing] == [None, 70]


def test_what_cannot_be_read_is_unknown() -> None:
    """With its probe failed an alert is unknown, and so it is without a max."""
    failed = after(Alerts(), leak(), snapshot(0, Status.FAILED))
    no_max = after(Alerts(), leak(90, None), snapshot(0))

    assert states([failed, no_max]) == ["unknown", "unknown"]


def test_what_is_not_there_has_no_state() -> None:
    """A probe that does not apply or is off, a limit without readings or threshold: no state."""
    found = [
        after(Alerts(), leak(), snapshot(0, status))
        for status in (Status.NOT_APPLICABLE, Status.DISABLED)
    ]
    found += walk((0, leak()), (0, leak(90, threshold=None)))

    assert states(found) == ["", "", "", ""]


def test_an_alert_that_fires_outlives_a_failing_probe_for_a_while() -> None:
    """What fired is kept, then unknown, and the change says that it was not seen to end."""
    firing = walk((0, leak(90)), (60, leak(90)))[-1]
    kept = after(firing, leak(), snapshot(70, Status.FAILED))
    lost = after(kept, leak(), snapshot(370, Status.FAILED))

    assert states([kept, lost]) == ["firing", "unknown"]
    assert [change.now for change in lost.changes] == [State.UNKNOWN]


def test_a_change_is_reported_once() -> None:
    """Each change of state is in the changes of the page that made it, and of no other."""
    found = walk((0, leak(90)), (10, leak(90)), (60, leak(90)), (70, leak(90)))

    assert [[(change.was.value, change.now.value) for change in at.changes] for at in found] == [
        [("ok", "pending")], [], [("pending", "firing")], [],
    ]  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 200), st.sampled_from([None, 0, 79, 80, 100]))))
def test_changes_lead_from_state_to_state(steps: list[tuple[int, int | None]]) -> None:
    """Following the changes from the start gives what is active, whatever happens."""
    before, time, known = Alerts(), 0, {}
    for seconds, used in steps:
        time += seconds
        status = Status.FAILED if used is None else Status.OK
        before = after(before, leak(used), snapshot(time, status))
        for change in before.changes:
            known[change.active.labels] = change.now
        active = {alert.labels: alert.state for alert in before.active.values()}
        done = (State.OK, State.UNKNOWN)
        assert {labels: state for labels, state in known.items() if state not in done} == active
