"""Messages of trouble in the logs, as rows of the status of a host."""

from __future__ import annotations

from xenwatch.explain.table import BY_KIND
from xenwatch.readings.snapshot import Snapshot
from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class LogRow:
    """A kind of messages of a log that has any, with the last one.

    `recent` are those of the last 15 minutes, `counted` those since xenwatch was started, `earlier`
    those before. `time` of the last one is Unix time, `None` if unknown; `text` is printable and
    of limited length.
    """

    log: str
    kind: str
    recent: int
    counted: int
    earlier: int
    time: float | None
    text: str
    runbook: str
    runbook_url: str


def log_rows(snapshot: Snapshot, runbooks: str) -> tuple[LogRow, ...]:
    """The rows, recent messages first. `runbooks` is the address below which the runbooks are."""
    rows = [
        LogRow(
            log,
            kind,
            messages.recent.get(kind, 0),
            messages.counted[kind],
            messages.earlier[kind],
            None if last.instant is None else snapshot.moment.unix(last.instant),
            last.text,
            BY_KIND[kind].title,
            f"{runbooks}{BY_KIND[kind].runbook}",
        )
        for log, messages in snapshot.logs().items()
        for kind, last in messages.last.items()
    ]
    return tuple(sorted(rows, key=lambda row: (not row.recent, -(row.time or 0.0))))
