"""Alerts and what is told of them while the clock of dom0 is set back and forward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.alerts.support import POLICY, after, leak
from tests.fake_clock import at
from xenwatch.alerts.messages import Sender, rfc3339
from xenwatch.alerts.states import Alerts
from xenwatch.delivery.outbox import Outbox
from xenwatch.readings.moment import Moment
from xenwatch.readings.snapshot import Outcome, Snapshot, Status

EXPIRY = 240.0
BACK, FORWARD = -7200.0, 3600.0
LIFE = [(0, 10), (10, 90), (40, 90), (70, 90), (100, 10), (200, 10), (401, 10), (500, 10)]
"""Seconds and what is used then: an alert that is pending, fires, is kept and is over."""


@dataclass(frozen=True)
class Page:
    """What is known after a pass, and told at that moment."""

    now: Moment
    states: list[str]
    sent: list[dict[str, Any]]
    events: list[dict[str, Any]]


def played(steps: Sequence[tuple[float, int]], jumps: dict[int, float]) -> list[Page]:
    """The passes; the clock was set ahead by so much from the pass of that number on."""
    alerts, box, ahead, pages = Alerts(), Outbox(Sender("host1", "r/"), ["webhook"]), 0.0, []
    for number, (seconds, used) in enumerate(steps):
        ahead = jumps.get(number, ahead)
        now = at(seconds, ahead)
        snapshot = Snapshot(now.time, {"aio": Outcome(Status.OK)}, instant=now.instant)
        alerts = after(alerts, leak(used), snapshot)
        box.enqueue(alerts, now.instant)
        events = [message.document(now) for message in box.queues["webhook"]]
        found = sorted(one.state.value for one in alerts.active.values())
        pages.append(Page(now, found, box.current(now, EXPIRY), events))
    return pages


def passed(pages: Sequence[Page]) -> list[tuple[list[str], int, int]]:
    """Of each pass the states, and how many alerts are told to whom."""
    return [(page.states, len(page.sent), len(page.events)) for page in pages]


@pytest.mark.parametrize("ahead", [BACK, FORWARD])
@pytest.mark.parametrize("number", range(1, len(LIFE)))
def test_an_alert_lives_as_long_however_the_clock_is_set(number: int, ahead: float) -> None:
    """Set while it is pending, fires, is kept or is over, the clock changes no state."""
    pages = played(LIFE, {number: ahead})

    assert passed(pages) == passed(played(LIFE, {}))
    assert [page.states for page in pages] == [
        [], ["pending"], ["pending"], *[["firing"]] * 3, [], []
    ]  # fmt: skip


@pytest.mark.parametrize("ahead", [BACK, FORWARD])
def test_what_is_over_is_told_as_over_by_the_clock_of_now(ahead: float) -> None:
    """Set after the end, the clock moves start and end, and for how long they are resent stays."""
    [*_, over] = played(LIFE, {7: ahead})

    [sent] = over.sent
    assert sent["startsAt"] == rfc3339(at(70, ahead).time)
    assert sent["endsAt"] == rfc3339(at(401, ahead).time)
    assert [event["startsAt"] for event in over.events] == [sent["startsAt"]] * 2
    assert over.events[1]["endsAt"] == sent["endsAt"]


def test_an_alert_kept_in_its_time_ends_in_its_time() -> None:
    """An hour forward ends nothing that is kept, and fires nothing that is pending."""
    [*_, kept] = played([(0, 90), (60, 90), (70, 10), (300, 10)], {3: FORWARD})
    [*_, pending] = played([(0, 90), (22, 90)], {1: FORWARD})

    assert (kept.states, pending.states) == (["firing"], ["pending"])
    assert POLICY.keep == 300


jumps = st.dictionaries(st.integers(0, 30), st.sampled_from([0.0, BACK, FORWARD, -1e9]), max_size=4)
walks = st.lists(st.tuples(st.integers(1, 200), st.sampled_from([10, 80])), max_size=30)


@settings(deadline=None)
@given(walks, jumps)
def test_no_time_is_told_that_is_ahead(
    steps: list[tuple[int, int]], ahead: dict[int, float]
) -> None:
    """Only the end of what fires is, by its expiry; no alert ends before it starts."""
    seconds, walk = 0, []
    for pause, used in steps:
        seconds += pause
        walk.append((seconds, used))
    pages = played(walk, ahead)

    assert passed(pages) == passed(played(walk, {}))
    for page in pages:
        now, expiry = rfc3339(page.now.time), rfc3339(page.now.time + EXPIRY)
        for alert in page.sent:
            assert alert["startsAt"] <= now
            assert alert["startsAt"] <= alert["endsAt"]
            assert alert["endsAt"] <= now or alert["endsAt"] == expiry
        for event in page.events:
            assert event["startsAt"] <= (event["endsAt"] or now) <= now
