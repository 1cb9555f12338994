"""The metrics of the control path: round trips and the daemons' times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from xenwatch.exposition.text_format import Histogram
from xenwatch.metrics.base import Metric, Rows, rows_of
from xenwatch.readings.control_path import BOUNDS, RECENT, RoundTrips

_control_path_rows = rows_of(lambda snapshot: snapshot.control_path)


def _histogram(round_trips: RoundTrips) -> Histogram:
    return Histogram(BOUNDS, round_trips.counts, round_trips.seconds)


def _per_target(value: Callable[[RoundTrips], float | Histogram | None]) -> Rows:
    """A row for each daemon that is asked."""
    return _control_path_rows(
        lambda control_path: (
            ((target,), value(found)) for target, found in control_path.round_trips.items()
        )
    )


_ASKED: Final = "one xenstore read, one HTTP request to xapi's local socket"

CONTROL_PATH_METRICS: Final = (
    Metric(
        "xenwatch_control_path_round_trip_seconds",
        "histogram",
        "Round-trip time of a cheap request to a daemon of the control path.",
        _ASKED,
        _per_target(_histogram),
        ("target",),
    ),
    Metric(
        "xenwatch_control_path_failures_total",
        "counter",
        "Requests to a daemon of the control path that failed or timed out.",
        _ASKED,
        _per_target(lambda found: found.failures),
        ("target",),
    ),
    Metric(
        "xenwatch_control_path_failed_ratio",
        "gauge",
        f"Part of the last {RECENT} requests to a daemon of the control path that failed or timed "
        f"out after {BOUNDS[-1]:g} s.",
        _ASKED,
        _per_target(lambda found: found.failed_ratio),
        ("target",),
    ),
    Metric(
        "xenwatch_control_path_median_round_trip_seconds",
        "gauge",
        f"Median round-trip time of the last {RECENT} requests to a daemon of the control path, "
        "without those that failed or timed out.",
        _ASKED,
        _per_target(lambda found: found.median_seconds),
        ("target",),
    ),
    Metric(
        "xenwatch_daemon_cpu_seconds_total",
        "counter",
        "CPU time of a daemon of the control path.",
        "/proc/PID/stat",
        _control_path_rows(
            lambda control_path: (
                ((role,), found.cpu_seconds) for role, found in control_path.daemons.items()
            )
        ),
        ("role",),
    ),
    Metric(
        "xenwatch_daemon_wait_seconds_total",
        "counter",
        "Time the threads of a daemon of the control path waited for a CPU.",
        "taskstats or /proc/PID/task/TID/schedstat",
        _control_path_rows(
            lambda control_path: (
                ((role,), found.wait_seconds) for role, found in control_path.daemons.items()
            )
        ),
        ("role",),
    ),
    Metric(
        "xenwatch_daemon_waiting_ratio",
        "gauge",
        "Seconds per second that the threads of a daemon of the control path waited for a CPU, "
        "over the last five minutes; above 1 if several wait at once.",
        "taskstats or /proc/PID/task/TID/schedstat, /proc/uptime",
        _control_path_rows(
            lambda control_path: (
                ((role,), found.waiting) for role, found in control_path.daemons.items()
            )
        ),
        ("role",),
    ),
)
"""The metrics of the probe `control_path`."""
