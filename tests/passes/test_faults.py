"""What the daemon does with a part that raises: counted, and told in the log without filling it."""

from __future__ import annotations

import dataclasses
from typing import NoReturn

import pytest
from structlog.testing import capture_logs

from tests.fake_clock import FakeClock, running
from tests.passes.support import assessed, publisher
from tests.support import full_snapshot, labelled
from xenwatch.fence import OPEN, Part
from xenwatch.limits import LIMITS, states
from xenwatch.passes.bodies import PLAIN
from xenwatch.passes.faults import REPEAT, Faults


def broken(*_: object) -> NoReturn:
    """A part that raises."""
    raise ValueError("negative shift count")


async def test_a_limit_that_raises_is_counted_and_the_rest_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The page has every other limit, and the next one how many parts have raised, by kind."""
    bad = tuple(dataclasses.replace(e, max=broken) if e.name == "ptys" else e for e in LIMITS)
    monkeypatch.setattr(states.assess_limits, "__defaults__", (None, bad, OPEN, None))
    clock = FakeClock()
    scheduler, published = publisher(full_snapshot(), clock)
    scheduler.ready.set()
    with capture_logs() as logs:
        async with running(published.run()):
            page = None
            for _ in range(2):
                scheduler.changed.set()
                page = await assessed(clock, published, page)
            body = await published.body(PLAIN) or b""

    counted = labelled("xenwatch_internal_errors_total", body)
    assert counted == {(part.value,): float(part is Part.LIMIT) for part in Part}
    assert b"xenwatch_ptys_used" in body
    assert b"xenwatch_ptys_max" not in body
    assert b"xenwatch_aio_requests_max" in body
    assert [line["part"] for line in logs if "part" in line] == ["limit ptys"]


def test_a_part_that_goes_on_raising_is_logged_once_an_hour() -> None:
    """The first line has a traceback, the later ones have none, and each part has its own."""
    clock = FakeClock()
    faults = Faults(clock)
    with capture_logs() as logs:
        for name, seconds in (("a", 0.0), ("a", REPEAT - 1), ("b", 0.0), ("a", 1.0), ("a", 1.0)):
            clock.now += seconds
            assert faults.fence(Part.LIMIT, name, broken, "unknown") == "unknown"

    assert [(line["part"], "exc_info" in line) for line in logs] == [
        ("limit a", True),
        ("limit b", True),
        ("limit a", False),
    ]
    assert logs[0]["reason"] == "bug in xenwatch: ValueError: negative shift count"
    assert faults.counts["limit"] == 5
