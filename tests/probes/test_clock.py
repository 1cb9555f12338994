"""The clock of dom0: synchronized, drifting, or not known."""

from __future__ import annotations

import pytest

from tests.probes.support import NO_XEN, FakeHost, Files, dom0, failure_of, outcome_of, value_of
from xenwatch.probes.clock import CLOCK
from xenwatch.readings.clock import Clock
from xenwatch.readings.snapshot import Status


@pytest.mark.parametrize(
    ("line", "clock"),
    [
        (b"2310 180\n", Clock(True, 0.00231, 0.00018)),
        (b"15999999 16000000\n", Clock(True, 15.999999, 16.0)),
        (b"16000000 16000000\n", Clock(False, 16.0, 16.0)),
    ],
)
def test_the_max_error_tells_whether_it_is_synchronized(line: bytes, clock: Clock) -> None:
    """At 16 seconds of error, the most the kernel counts, nothing synchronizes the clock."""
    assert value_of(CLOCK, dom0(timex=line)) == clock


def test_what_the_kernel_does_not_tell_is_not_known() -> None:
    """A denied call is a failure, never a clock that is synchronized or is not."""
    assert "adjtimex" in failure_of(CLOCK, dom0())


@pytest.mark.parametrize("files", NO_XEN.values(), ids=NO_XEN.keys())
def test_elsewhere_it_does_not_apply(files: Files) -> None:
    """The clock of a machine that is no dom0 is not dom0's."""
    found = outcome_of(CLOCK, FakeHost(files=files, timex=b"1 1\n"))

    assert found.status is Status.NOT_APPLICABLE
