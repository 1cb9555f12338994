"""The metrics of messages of trouble in the logs of dom0's kernel and of Xen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from xenwatch.errors.kinds import KERNEL, XEN
from xenwatch.explain.table import BY_KIND
from xenwatch.metrics.base import Metric, Readings, Row, Rows
from xenwatch.readings.log_messages import LogMessages

_KMSG: Final = "/dev/kmsg, records of the kernel itself"
_RING: Final = "XEN_SYSCTL_readconsole"
_BOTH: Final = f"{_KMSG}; {_RING}, lines with the prefix (XEN)"


def _by_kind(value: Callable[[LogMessages], Mapping[str, float]]) -> Rows:
    def rows(readings: Readings) -> Iterable[Row]:
        return (
            ((log, kind), number)
            for log, messages in readings.snapshot.logs().items()
            for kind, number in value(messages).items()
        )

    return rows


def _recent(readings: Readings) -> Iterable[Row]:
    return (
        ((log, kind, BY_KIND[kind].title), count)
        for log, messages in readings.snapshot.logs().items()
        for kind, count in messages.recent.items()
    )


def _last(readings: Readings) -> Iterable[Row]:
    now = readings.snapshot.moment
    for log, messages in readings.snapshot.logs().items():
        for kind, last in messages.last.items():
            yield (log, kind), None if last.instant is None else now.unix(last.instant)


def _lost(log: str) -> Rows:
    def rows(readings: Readings) -> Iterable[Row]:
        found = readings.snapshot.logs().get(log)
        return [] if found is None else [((), found.lost)]

    return rows


LOG_METRICS: Final = (
    Metric(
        "xenwatch_log_messages_total",
        "counter",
        "Messages of trouble that dom0's kernel and Xen have printed since xenwatch was started, "
        "by kind.",
        _BOTH,
        _by_kind(lambda messages: messages.counted),
        ("log", "kind"),
    ),
    Metric(
        "xenwatch_log_earlier_messages",
        "gauge",
        "Messages of trouble that were in the log when xenwatch was started, by kind.",
        _BOTH,
        _by_kind(lambda messages: messages.earlier),
        ("log", "kind"),
    ),
    Metric(
        "xenwatch_log_recent_messages",
        "gauge",
        "Messages of trouble of the last 15 minutes, by kind, with the runbook that says what "
        "they mean. Without those of the boot.",
        _BOTH,
        _recent,
        ("log", "kind", "runbook"),
    ),
    Metric(
        "xenwatch_log_last_message_timestamp_seconds",
        "gauge",
        "When the last message of a kind was printed, as far as the log says it; earlier ones by "
        "the kernel's own clock.",
        _BOTH,
        _last,
        ("log", "kind"),
    ),
    Metric(
        "xenwatch_kernel_log_lost_records_total",
        "counter",
        "Records of the kernel log that were overwritten before xenwatch read them.",
        _KMSG,
        _lost(KERNEL),
    ),
    Metric(
        "xenwatch_xen_console_lost_bytes_total",
        "counter",
        "Bytes of Xen's console that were overwritten before xenwatch read them.",
        _RING,
        _lost(XEN),
    ),
)
"""The metrics of the probes `kernel_log` and `xen_console`."""
