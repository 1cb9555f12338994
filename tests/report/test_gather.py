"""What a report is made of, gathered from moment to moment."""

from __future__ import annotations

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.test_events import BEGAN, DB, WEB, every, past
from xenwatch.alerts.states import Active, Alerts
from xenwatch.alerts.table import ALERTS
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Max, Thresholds
from xenwatch.limits.states import LimitState
from xenwatch.readings.control_path import ControlPath, RoundTrips
from xenwatch.readings.log_messages import LastMessage, LogMessages
from xenwatch.readings.qemus import Qemu, Qemus
from xenwatch.record.past import Past
from xenwatch.report.events import Vm
from xenwatch.report.gather import Course, Gathered, moved_by


def gathered(*moments: Past) -> Gathered:
    """All of them."""
    found = Gathered()
    for one in every(moments):
        found.add(one)
    return found


def test_an_alert_has_a_begin_and_an_end() -> None:
    """One that fired before has its own begin, one that still fires has no end."""
    alert = next(alert for alert in ALERTS if alert.name == "clock_unsynchronized")
    key = (alert.name, "warning", ())
    fires = Alerts({key: Active(alert, "warning", (), since=900.0, value=1.0, fired=940.0)})
    found = gathered(past(0, alerts=fires), past(10), past(20, alerts=fires)).alerts
    assert [(one.begin, one.end) for one in found] == [(BEGAN - 60, BEGAN + 10), (BEGAN - 60, None)]


def test_an_alert_is_said_as_long_as_its_condition_held() -> None:
    """A report has what was expected last, not that it is expected no more."""
    alert = next(alert for alert in ALERTS if alert.name == "limit_full_soon")
    ptys = (("limit", "ptys"),)
    key = (alert.name, "warning", ptys)
    fired = Active(alert, "warning", ptys, since=900.0, value=7200.0, fired=940.0)
    last = dataclasses.replace(fired, value=30.0)
    kept = dataclasses.replace(last, ended=960.0)
    (found,) = gathered(
        *(past(10 * n, alerts=Alerts({key: each})) for n, each in enumerate((fired, last, kept)))
    ).alerts
    assert found.summary == "pseudo-terminals will be exhausted within a minute, if not already"


def course(values: list[float]) -> Course:
    """The course of a limit that was so full."""
    found = Course(LIMITS[0])
    for number, ratio in enumerate(values):
        state = LimitState(
            LIMITS[0], "", round(1000 * ratio), Max(1000, ""), Thresholds(None, None)
        )
        found.add(float(number), state, ratio)
    return found


def test_the_farthest_move_is_found() -> None:
    """From where it began to where it ended, upwards or downwards."""
    move = course([0.5, 0.2, 0.3, 0.9, 0.4, 0.45]).move
    assert (round(move.size, 3), move.begin, move.end) == (0.7, 1.0, 3.0)
    move = course([0.9, 0.95, 0.1, 0.3]).move
    assert (round(move.size, 3), move.begin, move.end) == (0.85, 1.0, 2.0)


@settings(deadline=None)
@given(st.lists(st.floats(0, 2), min_size=1, max_size=30))
def test_no_two_values_are_farther_apart(values: list[float]) -> None:
    """The move is as far as any later value is from an earlier one."""
    farthest = max(abs(b - a) for n, a in enumerate(values) for b in values[n:])
    assert course(values).move.size == farthest


def trips(answers: int, failures: int, *recent: float | None) -> ControlPath:
    """The control path after so many requests to xenstored."""
    return ControlPath({"xenstored": RoundTrips((answers,), 0.0, failures, recent)}, {})


def test_requests_are_those_of_the_time() -> None:
    """Not those before; a daemon that is restarted counts anew."""
    found = gathered(
        past(0, control_path=trips(100, 5, 0.001)),
        past(10, control_path=trips(110, 6, 0.002, None)),
        past(20, control_path=trips(3, 1, 0.5)),
    ).targets["xenstored"]
    assert (found.answered, found.failed, found.slowest) == (13, 2, 0.5)
    assert [value for _, value in found.points] == [0.001, 0.002, 0.5]


def qemus(wakeups: int, start: int = 7) -> Qemus:
    """The QEMU of web."""
    return Qemus({3: Qemu(WEB.uuid, 99, start, (), 1.0, wakeups, None, ())})


def test_wakeups_are_counted_by_vm() -> None:
    """A process that is new counts from its second moment on."""
    found = gathered(
        past(0, WEB, qemus=qemus(1000)),
        past(10, WEB, qemus=qemus(1500)),
        past(20, WEB, qemus=qemus(20, start=8)),
        past(30, WEB, qemus=qemus(120, start=8)),
    ).wakeups
    assert found.by_vm == {Vm("web", WEB.uuid): 600}
    assert [value for _, value in found.points] == [50.0, 0.0, 10.0]


def log(count: int) -> LogMessages:
    """Xen's console after so many messages."""
    return LogMessages({"oom": count}, {}, {}, {"oom": LastMessage("Out of memory", None)}, 0)


def test_messages_are_those_of_the_time() -> None:
    """Of kinds of which there were new ones."""
    assert gathered(past(0, xen_console=log(3)), past(10, xen_console=log(3))).logs == {}
    found = gathered(past(0, xen_console=log(3)), past(10, xen_console=log(5))).logs
    assert [(one.count, one.text) for one in found.values()] == [(2, "Out of memory")]


def test_who_moved_a_limit_comes_by_size() -> None:
    """A VM that came is counted whole, one that went too, one that stayed the same is none."""
    web, db, new = Vm("web", "1"), Vm("db", "2"), Vm("new", "3")
    before, now = {web: 5.0, db: 9.0}, {web: 5.0, new: 4.0}
    assert moved_by(before, now) == [(db, -9.0), (new, 4.0)]


def test_vms_are_counted_without_dom0() -> None:
    """At each moment in which they were read."""
    found = gathered(past(0, WEB), past(10, domains=None), past(20, WEB, DB)).vms
    assert found == [(BEGAN, 1.0), (BEGAN + 20, 2.0)]


def test_nothing_of_an_unread_moment_is_zero() -> None:
    """What was not read has no point."""
    found = gathered(past(0, domains=None), past(10, domains=None))
    assert (found.vms, found.targets, found.wakeups.points, found.limits) == ([], {}, [], {})
    assert dataclasses.asdict(found.wakeups)["seconds"] == 0.0
