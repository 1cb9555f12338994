"""The page of errors: from what a log says to the runbook, from the table of alerts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.generate.markdown import page, table

_INTRODUCTION: Final = """\
Error messages of exhausted dom0 limits, with the resource and the runbook for each.
Error 28 is ENOSPC, `No space left on device`.
On Xen it rarely means a full disk."""


def errors_page(alerts: Iterable[Alert] = ALERTS, watches: Iterable[Watch] = WATCHES) -> str:
    """`contrib/runbooks/errors.md`."""
    every: tuple[Alert | Watch, ...] = (*alerts, *watches)
    rows = (
        (error, meaning, f"[{alert.title}]({alert.runbook})")
        for alert in every
        for error, meaning in alert.errors.items()
    )
    return page(
        "Errors", _INTRODUCTION, table(("Error message", "What is exhausted", "Runbook"), rows)
    )
