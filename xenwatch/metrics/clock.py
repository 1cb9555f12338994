"""The metrics of dom0's clock."""

from __future__ import annotations

from typing import Final

from xenwatch.metrics.base import Metric, number_of

_rows = number_of(lambda snapshot: snapshot.clock)


_SOURCE: Final = "adjtimex(2)"

CLOCK_METRICS: Final = (
    Metric(
        "xenwatch_dom0_clock_synchronized",
        "gauge",
        "1 if the clock of dom0 is synchronized: its max error is below 16 seconds, the most the "
        "kernel counts.",
        _SOURCE,
        _rows(lambda clock: int(clock.synchronized)),
    ),
    Metric(
        "xenwatch_dom0_clock_max_error_seconds",
        "gauge",
        "The most the clock of dom0 may be wrong by: it rises by 0.0005 a second until a time "
        "daemon sets it, to 16.",
        _SOURCE,
        _rows(lambda clock: clock.max_error),
    ),
    Metric(
        "xenwatch_dom0_clock_estimated_error_seconds",
        "gauge",
        "What the time daemon estimates the clock of dom0 to be wrong by.",
        _SOURCE,
        _rows(lambda clock: clock.estimated_error),
    ),
)
"""The metrics of the probe `clock`."""
