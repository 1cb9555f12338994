"""The metrics of limits in general, of the probes, and of xenwatch itself."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable
from typing import Final

from xenwatch import __version__
from xenwatch.limits.base import Limit
from xenwatch.limits.states import LimitState
from xenwatch.metrics.base import Configured, Metric, Readings, Row, Rows
from xenwatch.readings.moment import Moment
from xenwatch.readings.snapshot import Outcome, Status


def limit_metrics(limit: Limit) -> tuple[Metric, Metric]:
    """The two metrics of a limit: used and max."""
    labels = (limit.label,) if limit.label else ()

    def rows(value: Callable[[LimitState], int | None]) -> Rows:
        return lambda readings: (
            ((state.instance,) if labels else (), value(state))
            for state in readings.states.get(limit.name, ())
        )

    used = rows(lambda state: state.used)
    maximum = rows(lambda state: state.max.value if state.max else None)
    return (
        Metric(limit.used_metric, "gauge", f"{limit.title}: used.", limit.source, used, labels),
        Metric(limit.max_metric, "gauge", f"{limit.title}: max.", limit.source, maximum, labels),
    )


def _used_ratios(readings: Readings) -> Iterable[Row]:
    for name, states in readings.states.items():
        yield (name,), max((s.ratio for s in states if s.ratio is not None), default=None)


def _threshold_ratios(readings: Readings) -> Iterable[Row]:
    for name, states in readings.states.items():
        yield (name, "warning"), states[0].thresholds.warning
        yield (name, "critical"), states[0].thresholds.critical


def _maxima(readings: Readings) -> Iterable[Row]:
    for name, states in readings.states.items():
        for origin in dict.fromkeys(state.max.origin for state in states if state.max):
            yield (name, origin), 1


def _probe_rows(value: Callable[[Outcome], float | None]) -> Rows:
    return lambda readings: (
        ((name,), value(outcome))
        for name, outcome in readings.snapshot.outcomes.items()
        if outcome.status is not Status.DISABLED
    )


def _times(readings: Readings) -> Iterable[Row]:
    now = readings.snapshot.moment
    for name, outcome in readings.snapshot.outcomes.items():
        yield (name,), now.unix(outcome.instant) if outcome.status is Status.OK else None


def _success(outcome: Outcome) -> float | None:
    return None if outcome.status is Status.NOT_APPLICABLE else outcome.status is Status.OK


_ASSESSED: Final = "limits and readings"

_LIMITS: Final = (
    Metric(
        "xenwatch_limit_used_ratio",
        "gauge",
        "Ratio of used to max of the limit's fullest instance; above 1 if used exceeds max.",
        _ASSESSED,
        _used_ratios,
        ("limit",),
    ),
    Metric(
        "xenwatch_limit_threshold_ratio",
        "gauge",
        "Used ratio at which the limit reaches this severity.",
        "limit defaults and the configuration",
        _threshold_ratios,
        ("limit", "severity"),
    ),
    Metric(
        "xenwatch_limit_ceiling_info",
        "info",
        "Origin of the limit's max.",
        _ASSESSED,
        _maxima,
        ("limit", "origin"),
    ),
)

_OUTCOME: Final = "the probe's last run"

_PROBES: Final = (
    Metric(
        "xenwatch_probe_success",
        "gauge",
        "Whether the probe's last run succeeded; absent if the probe is not applicable.",
        _OUTCOME,
        _probe_rows(_success),
        ("probe",),
    ),
    Metric(
        "xenwatch_probe_applicable",
        "gauge",
        "Whether this host has the resource the probe reads.",
        _OUTCOME,
        _probe_rows(lambda outcome: outcome.status is not Status.NOT_APPLICABLE),
        ("probe",),
    ),
    Metric(
        "xenwatch_probe_duration_seconds",
        "gauge",
        "Wall-clock time of the probe's last run.",
        _OUTCOME,
        _probe_rows(lambda outcome: outcome.seconds),
        ("probe",),
    ),
    Metric(
        "xenwatch_probe_cpu_seconds",
        "gauge",
        "CPU time of the probe's last run.",
        _OUTCOME,
        _probe_rows(lambda outcome: outcome.cpu_seconds),
        ("probe",),
    ),
    Metric(
        "xenwatch_probe_reading_timestamp_seconds",
        "gauge",
        "Unix time of the reading behind the probe's metrics.",
        _OUTCOME,
        _times,
        ("probe",),
    ),
    Metric(
        "xenwatch_probe_starved",
        "gauge",
        "Whether the probe's run is, or came, later than its deadline although it made progress.",
        _OUTCOME,
        _probe_rows(lambda outcome: outcome.starved),
        ("probe",),
    ),
    Metric(
        "xenwatch_probe_overruns_total",
        "counter",
        "Runs of the probe skipped because the previous one had not finished.",
        "the scheduler",
        lambda readings: (((name,), n) for name, n in readings.counts.overruns.items()),
        ("probe",),
    ),
    Metric(
        "xenwatch_probe_lost_events_total",
        "counter",
        "Readings that had changed without an event; the probe then runs at its interval.",
        "the scheduler",
        lambda readings: (((name,), n) for name, n in readings.counts.lost.items()),
        ("probe",),
    ),
)


def _configured(value: Callable[[Configured, Moment], float]) -> Rows:
    def rows(readings: Readings) -> Iterable[Row]:
        its = readings.counts.configured
        return [((), None if its is None else value(its, readings.snapshot.moment))]

    return rows


def _newest_moment(readings: Readings) -> Iterable[Row]:
    kept = readings.counts.recorded
    instant = kept.instant if kept else None
    return [((), None if instant is None else readings.snapshot.moment.unix(instant))]


_SELF: Final = (
    Metric(
        "xenwatch_snapshot_timestamp_seconds",
        "gauge",
        "Unix time of the latest reading.",
        "the clock",
        lambda readings: [((), readings.snapshot.time or None)],
    ),
    Metric(
        "xenwatch_textfile_failures_total",
        "counter",
        "Failed writes of the file for node_exporter; absent without textfile.directory.",
        "the writes",
        lambda readings: [((), readings.counts.textfile_failures)],
    ),
    Metric(
        "xenwatch_render_failures_total",
        "counter",
        "Passes that could not be assessed or rendered; the metrics of an earlier one were served "
        "instead.",
        "the daemon's own passes",
        lambda readings: [((), readings.counts.render_failures)],
    ),
    Metric(
        "xenwatch_internal_errors_total",
        "counter",
        "Limits, plans, metrics, alerts and others that raised because of a bug, by kind; each was "
        "unknown in that pass, and the log names it.",
        "the daemon's own passes",
        lambda readings: (((part,), n) for part, n in readings.counts.faults.items()),
        ("part",),
    ),
    Metric(
        "xenwatch_web_refused_total",
        "counter",
        "Requests and connections not served: malformed, abandoned by the client, busy (too many "
        "at the same time), idle (the longest-idle connection, closed for a new one), descriptors "
        "(none was left for a new connection).",
        "the web server",
        lambda readings: [((why,), n) for why, n in readings.counts.refused.items()],
        ("reason",),
    ),
    Metric(
        "xenwatch_record_failures_total",
        "counter",
        "Failed writes of the record; after each, nothing is recorded for a minute. Absent if "
        "recording is off.",
        "the writes",
        lambda readings: [((), kept.failures if (kept := readings.counts.recorded) else None)],
    ),
    Metric(
        "xenwatch_record_last_write_successful",
        "gauge",
        "Whether the last write of the record succeeded; 0 while one hangs. Absent if recording is "
        "off.",
        "the writes",
        lambda readings: [((), kept.successful if (kept := readings.counts.recorded) else None)],
    ),
    Metric(
        "xenwatch_record_last_write_success_timestamp_seconds",
        "gauge",
        "Unix time of the newest moment written to the record.",
        "the writes",
        _newest_moment,
    ),
    Metric(
        "xenwatch_record_bytes",
        "gauge",
        "Size of the record on disk, updated every ten minutes; limited by record.max_megabytes.",
        "the files",
        lambda readings: [((), kept.size if (kept := readings.counts.recorded) else None)],
    ),
    Metric(
        "xenwatch_config_last_reload_successful",
        "gauge",
        "Whether xenwatch.toml was accepted when it was last read.",
        "the configuration",
        _configured(lambda its, _: its.accepted),
    ),
    Metric(
        "xenwatch_config_last_reload_success_timestamp_seconds",
        "gauge",
        "Unix time at which the xenwatch.toml in use was read.",
        "the clock",
        _configured(lambda its, now: now.unix(its.instant)),
    ),
    Metric(
        "xenwatch_source_info",
        "info",
        "Source of all readings. The label mark is empty for a live host, else SYNTHETIC, or "
        "CAPTURE or RECORD with its date.",
        "the configuration, and the capture",
        lambda readings: [((readings.snapshot.origin.kind, readings.snapshot.origin.mark), 1)],
        ("kind", "mark"),
    ),
    Metric(
        "xenwatch_build_info",
        "info",
        "Version of xenwatch and of Python.",
        "the package",
        lambda _: [((__version__, platform.python_version()), 1)],
        ("version", "pythonversion"),
    ),
)

OWN_METRICS: Final = (*_LIMITS, *_PROBES, *_SELF)
"""The metrics of limits in general, of the probes and of xenwatch."""
