"""Times as people type them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.record import times

NOW = datetime(2026, 1, 31, 14, 0, 7, tzinfo=UTC).timestamp()


@pytest.fixture(params=["UTC", "EST5EDT", "Asia/Tokyo"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The seconds by which the host's time is ahead of UTC."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield {"UTC": 0, "EST5EDT": -5 * 3600, "Asia/Tokyo": 9 * 3600}[request.param]
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "day", "clock"),
    [
        ("2026-01-30T03:12", 30, (3, 12, 0)),
        ("2026-01-30 03:12:09", 30, (3, 12, 9)),
        ("2026-01-30", 30, (0, 0, 0)),
    ],
)
def test_a_date_is_in_the_time_zone_of_the_host(
    text: str, day: int, clock: tuple[int, int, int], zone: int
) -> None:
    """As in its logs."""
    local = datetime(2026, 1, day, *clock, tzinfo=UTC).timestamp()
    assert times.parse(text, NOW) == local - zone


def test_a_clock_is_the_latest_such_time(zone: int) -> None:
    """Today's if that is past, else yesterday's."""
    here = datetime.fromtimestamp(NOW)  # noqa: DTZ006 - the host's
    for text in ("03:12", "3:12", "23:59:59", f"{here:%H:%M:%S}"):
        found = times.parse(text, NOW)
        assert NOW - 86400 < found <= NOW
        assert f"{datetime.fromtimestamp(found):%H:%M:%S}".startswith(text.rjust(5, "0"))  # noqa: DTZ006


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("-15m", NOW - 900),
        ("-90s", NOW - 90),
        ("-2h", NOW - 7200),
        ("-7d", NOW - 7 * 86400),
        ("1769824207", 1769824207.0),
        ("1769824207.5", 1769824207.5),
        ("2026-01-31T14:00:00Z", NOW - 7),
        ("2026-01-31T15:00:00+01:00", NOW - 7),
        ("2026-01-31 14:00:00 UTC", NOW - 7),
        ("14:00Z", NOW - 7),
        ("14:00:07Z", NOW),
        ("14:00:07 UTC", NOW),
        ("14:01Z", NOW + 53 - 86400),
        ("3:12Z", NOW - 7 - 10 * 3600 - 48 * 60),
    ],
)
def test_other_forms_need_no_zone(text: str, found: float, zone: int) -> None:
    """Ago, as Unix time, with the zone, or as xenwatch prints it."""
    assert times.parse(text, NOW) == found


@pytest.mark.parametrize(
    "text", ["", "noon", "25:00", "3:1", "-15", "-m", "12:60", "2026-13-01", "UTC", "Z", "03:12 Z"]
)
def test_what_is_no_time_is_named(text: str) -> None:
    """With forms that are."""
    with pytest.raises(ValueError, match="is not a time such as 03:12"):
        times.parse(text, NOW)


@pytest.mark.parametrize(
    "text", ["999999999d", "0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00", "1969-12-31T00:00Z"]
)
def test_what_has_no_date_is_rejected(text: str) -> None:
    """Before anything tries to write it as one, and with the years that are possible."""
    with pytest.raises(ValueError, match="is not between the years 1970 and 9999"):
        times.parse(text, NOW)


@settings(deadline=None)
@given(st.text(max_size=12))
def test_any_text_is_a_time_or_an_error(text: str) -> None:
    """A `ValueError` alone."""
    with contextlib.suppress(ValueError):
        times.parse(text, NOW)
