"""What a moment says, whoever has written it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.delivery.test_notifier import FIRES
from tests.support import full_snapshot
from xenwatch.assessment import assess_pass
from xenwatch.readings.snapshot import Status
from xenwatch.record import codec
from xenwatch.record.codec import CodecError
from xenwatch.record.frames import Moment
from xenwatch.record.past import Encoder, header, past

ASSESSED = assess_pass(full_snapshot())
HEADER = header(ASSESSED.snapshot.origin)
MOMENT = Encoder().moment(ASSESSED, FIRES.changes, marked=True)


def with_value(name: str, raw: bytes) -> Moment:
    """The moment with another value."""
    return Moment(MOMENT.time, MOMENT.instant, MOMENT.marked, {**MOMENT.values, name: raw})


def test_what_has_not_changed_is_not_encoded_again() -> None:
    """The values of the next moment are those of the one before, unless they are others."""
    encoder = Encoder()
    first, second = (encoder.moment(ASSESSED, (), marked=False) for _ in range(2))
    assert all(value is first.values[name] for name, value in second.values.items())


def test_an_alert_that_is_no_more_is_left_out() -> None:
    """As after an upgrade that has renamed one."""
    gone = (("gone", "warning", (), 0.0, 1.0, None, None, ""), "ok", "firing", 0.0)
    found = past(HEADER, with_value("changes", codec.encode([gone])), "r")
    assert found.changes == ()
    assert past(HEADER, MOMENT, "r").changes == FIRES.changes


def test_a_reading_of_another_kind_failed() -> None:
    """It is none of the probe's."""
    found = past(HEADER, with_value("aio", MOMENT.values["irqs"]), "r")
    assert found.snapshot.aio is None
    assert found.snapshot.outcomes["aio"].status is Status.FAILED
    assert found.snapshot.outcomes["aio"].detail.endswith(": a Irqs")
    assert found.snapshot.irqs == full_snapshot().irqs


def test_a_reading_that_was_not_recorded_is_absent() -> None:
    """As that of a probe that came with a later version."""
    values = {name: value for name, value in MOMENT.values.items() if name != "aio"}
    found = past(HEADER, Moment(1.0, 1.0, False, values), "r")
    assert found.snapshot.aio is None


@pytest.mark.parametrize(
    "name", ["alerts", "changes", "outcomes", "seconds_to_full", "maintenance"]
)
@settings(deadline=None)
@given(st.data())
def test_whatever_a_stranger_writes_is_a_moment_or_an_error(name: str, data: st.DataObject) -> None:
    """`CodecError` alone is raised."""
    simple = st.none() | st.integers() | st.text(max_size=3)
    value = data.draw(st.recursive(simple, lambda inner: st.lists(inner, max_size=3), max_leaves=9))
    try:
        past(HEADER, with_value(name, codec.encode(value)), "r")
    except CodecError:
        return
