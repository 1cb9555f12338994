"""What a moment says, whoever has written it."""

from __future__ import annotations

import dataclasses
import pickle
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.delivery.test_notifier import FIRES
from tests.support import full_snapshot
from xenwatch import __version__
from xenwatch.alerts.states import Alerts
from xenwatch.assessment import assess_pass
from xenwatch.probes import PROBES
from xenwatch.readings.snapshot import Status
from xenwatch.record import codec
from xenwatch.record.codec import CodecError
from xenwatch.record.frames import Moment
from xenwatch.record.past import Encoder, header, past
from xenwatch.status.host_status import dumps, host_status

ASSESSED = assess_pass(full_snapshot())
HEADER = header(ASSESSED.snapshot.origin)
MOMENT = Encoder().moment(dataclasses.replace(ASSESSED, alerts=FIRES), marked=True)


def with_value(name: str, raw: bytes) -> Moment:
    """The moment with another value."""
    return Moment(MOMENT.time, MOMENT.instant, MOMENT.marked, {**MOMENT.values, name: raw})


def test_what_has_not_changed_is_not_encoded_again() -> None:
    """The values of the next moment are those of the one before, unless they are others."""
    encoder = Encoder()
    first, second = (encoder.moment(ASSESSED, marked=False) for _ in range(2))
    assert all(value is first.values[name] for name, value in second.values.items())


def test_an_alert_that_is_no_more_is_left_out() -> None:
    """As after an upgrade that has renamed one."""
    gone = ("gone", "warning", (), 0.0, 1.0, None, None, "")
    found = past(HEADER, with_value("alerts", codec.encode(([gone], [("gone", "w", "ok")]))), "r")
    assert found.alerts == Alerts()
    assert past(HEADER, MOMENT, "r").alerts == dataclasses.replace(FIRES, changes=())


@pytest.mark.parametrize("raw", [codec.encode(None), codec.encode(7), b"damaged"])
def test_alerts_that_nobody_knows_are_unknown(raw: bytes) -> None:
    """Not that there are none."""
    assert past(HEADER, with_value("alerts", raw), "r").alerts is None


def test_a_reading_of_another_kind_failed() -> None:
    """It is none of the probe's."""
    found = past(HEADER, with_value("aio", MOMENT.values["irqs"]), "r")
    assert found.snapshot.aio is None
    assert found.snapshot.outcomes["aio"].status is Status.FAILED
    assert found.snapshot.outcomes["aio"].detail.endswith(": a Irqs")
    assert found.snapshot.irqs == full_snapshot().irqs


def test_a_probe_that_was_not_recorded_did_not_apply() -> None:
    """As one that came with a later version; `doctor` says so."""
    values = {name: value for name, value in MOMENT.values.items() if name != "aio"}
    outcomes = pickle.loads(zlib.decompress(values["outcomes"]))
    del outcomes["aio"]
    values["outcomes"] = codec.encode(outcomes)
    snapshot = past(HEADER, Moment(1.0, 1.0, False, values), "r").snapshot
    assert snapshot.aio is None
    assert snapshot.outcomes["aio"].status is Status.NOT_APPLICABLE
    assert snapshot.outcomes["aio"].detail == f"not recorded by xenwatch {__version__}"


SIMPLE = st.none() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=3)


@pytest.mark.parametrize(
    "name", ["alerts", "outcomes", "seconds_to_full", "full_between", "maintenance"]
)
@settings(deadline=None)
@given(st.data())
def test_whatever_a_stranger_writes_is_a_moment_or_an_error(name: str, data: st.DataObject) -> None:
    """`CodecError` alone is raised, and what is made of it can be assessed and written down."""
    lists = st.recursive(SIMPLE, lambda inner: st.lists(inner, max_size=6), max_leaves=9)
    value = data.draw(lists | st.dictionaries(st.text(max_size=3), lists, max_size=3))
    try:
        found = past(HEADER, with_value(name, codec.encode(value)), "r")
    except CodecError:
        return
    assessed = dataclasses.replace(
        assess_pass(found.snapshot),
        alerts=found.alerts,
        seconds_to_full=found.seconds_to_full,
        full_between=found.full_between,
    )
    assert dumps(host_status(assessed, PROBES))
    assert str(found.maintenance)
