"""The rate limit: bursts, the rate after them, and a change of both."""

from __future__ import annotations

import pytest

from xenwatch.http.rate_limit import Bucket
from xenwatch.web_config.document import Rate


def test_a_burst_is_admitted_then_one_an_interval() -> None:
    """At first as many as the burst, then one for each interval that has passed, never more."""
    bucket, rate = Bucket(), Rate(2.0, 3)

    assert [bucket.take(rate, 0.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(rate, at) for at in (1.0, 2.0, 3.9, 4.1)] == [False, True, False, True]
    assert [bucket.take(rate, 100.0) for _ in range(4)] == [True, True, True, False]


def test_without_a_burst_nobody_is_admitted() -> None:
    """A burst of 0 is a bucket for no token, as in exporter-toolkit."""
    bucket = Bucket()
    assert not any(bucket.take(Rate(1.0, 0), float(at)) for at in range(10))


def test_a_new_rate_begins_full() -> None:
    """A rate that has changed counts at once, with its whole burst."""
    bucket = Bucket()
    assert bucket.take(Rate(60.0, 1), 0.0)
    assert not bucket.take(Rate(60.0, 1), 0.0)
    assert bucket.take(Rate(60.0, 2), 0.0)


@pytest.mark.parametrize("back", [-1.0, -1e9])
def test_a_clock_that_goes_back_takes_nothing_away(back: float) -> None:
    """An earlier time neither fills nor empties the bucket."""
    bucket, rate = Bucket(), Rate(1.0, 2)
    assert bucket.take(rate, 0.0)
    assert bucket.take(rate, back)
