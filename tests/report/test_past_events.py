"""What happened in a range of the record: the same as in a list of it, piece by piece."""

from __future__ import annotations

import pytest

from tests.night import BEGAN, LENGTH, made
from tests.record.disk import without_a_disk
from xenwatch.record.past import Decoder
from xenwatch.record.record import Record
from xenwatch.report import past_events
from xenwatch.report.events import Event, Kind
from xenwatch.report.moments import seen
from xenwatch.report.past_events import PastEvents

__all__ = ["without_a_disk"]

END = BEGAN + LENGTH
TODAY = END + 10 * 86400
RANGE = (BEGAN, END, 60.0)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The record of a night."""
    path = tmp_path_factory.mktemp("night") / "record"
    made(path)
    return str(path)


def listed(night: str) -> list[Event]:
    """What a list of the record has, but for limits."""
    decoder = Decoder(night)
    moments = (decoder.past(*one) for one in Record(night).between(BEGAN, END))
    every = [event for one in seen(moments, {}, TODAY) for event in one.events]
    return [event for event in every if event.kind is not Kind.LIMIT]


def test_the_events_of_a_range_are_those_of_a_list(night: str) -> None:
    """Also those between two pieces, each once; asked again, nothing is read."""
    events = PastEvents(night)
    found = events.events(RANGE, 1e9, TODAY)

    assert list(found.events) == listed(night)
    assert found.unread == 0
    assert events.events(RANGE, -1.0, TODAY) == found


def test_what_takes_too_long_is_left_to_the_next_request(night: str) -> None:
    """The newest are read first, and each request reads more, until nothing is left."""
    ticks = iter(range(10**6))
    events, before, requests = PastEvents(night, lambda: next(ticks)), -1, 0
    every, found = listed(night), events.events(RANGE, 3, TODAY)
    assert found.unread > 0
    while found.unread:
        assert list(found.events) == every[len(every) - len(found.events) :]
        assert len(found.events) >= before
        before, requests = len(found.events), requests + 1
        found = events.events(RANGE, 3, TODAY)
    assert requests > 1
    assert list(found.events) == every


def test_of_a_wide_range_few_moments_are_read_and_every_alert(night: str) -> None:
    """Of each step one, and those at which an alert changed: its time is exact."""
    found = PastEvents(night).events((BEGAN, END, 3600.0), 1e9, TODAY)
    alerts = [event for event in listed(night) if event.kind is Kind.ALERT]

    assert [event for event in found.events if event.kind is Kind.ALERT] == alerts
    assert len([event for event in found.events if event.kind is Kind.VM]) == 2


def test_what_is_kept_is_bounded(night: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By pieces and by events."""
    events = PastEvents(night)
    monkeypatch.setattr(past_events, "EVENTS", 3)
    events.events(RANGE, 1e9, TODAY)
    assert sum(map(len, events._pieces.values())) <= 3
    monkeypatch.setattr(past_events, "PIECES", 2)
    events.events(RANGE, 1e9, TODAY)
    assert len(events._pieces) <= 2
