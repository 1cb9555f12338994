"""The page that leads from an error in a log to its runbook, from the limits and the alerts."""

from __future__ import annotations

from collections.abc import Iterator

from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.near_limit import near_limit
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.generate.markdown import page, table
from xenwatch.limits import LIMITS

_INTRODUCTION = """\
Error messages of exhausted dom0 limits, with the resource and the runbook for each.
Error 28 is ENOSPC, `No space left on device`.
On Xen it rarely means a full disk."""


def _rows() -> Iterator[tuple[str, str, str]]:
    """Message, what is exhausted, and the link to the runbook: limits first, then alerts."""
    for limit in LIMITS:
        for message, exhausted in limit.errors.items():
            alert = near_limit(limit)
            yield message, exhausted, f"[{alert.title}]({alert.runbook})"
    every: tuple[Alert | Watch, ...] = (*ALERTS, *WATCHES)
    for each in every:
        for message, exhausted in each.errors.items():
            yield message, exhausted, f"[{each.title}]({each.runbook})"


def errors_page() -> str:
    """`contrib/runbooks/errors.md`."""
    header = ("Error message", "What is exhausted", "Runbook")
    return page("Errors", _INTRODUCTION, table(header, _rows()))
