"""The page of errors: from what a log says to the runbook, from the tables of errors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.errors.pattern import FORM
from xenwatch.explain.others import OTHERS
from xenwatch.generate.markdown import page, table

_INTRODUCTION: Final = f"""\
Error messages of exhausted dom0 limits and of other trouble in dom0, with what each means.
`xenwatch explain "MESSAGE"` finds them, also in a log on its stdin.
The daemon serves them with a search at `/runbooks/errors`.
{FORM}
A message may stand anywhere in a line; case, quotes and blanks do not matter.

Error 28 is ENOSPC, `No space left on device`; on Xen it rarely means a full disk.
Error 1 is EPERM: no limit, but a permission or XSM.
Error 7 is E2BIG: a quota of xenstored, or an answer that is too long."""


def errors_page(alerts: Iterable[Alert] = ALERTS, watches: Iterable[Watch] = WATCHES) -> str:
    """`contrib/runbooks/errors.md`."""
    every: tuple[Alert | Watch, ...] = (*alerts, *watches)
    rows = (
        (error, meaning, f"[{alert.title}]({alert.runbook})")
        for alert in every
        for error, meaning in alert.errors.items()
    )
    others = ((other.messages, other.meaning, other.look) for other in OTHERS)
    return page(
        "Errors",
        _INTRODUCTION,
        "## With a runbook",
        table(("Error message", "What it means", "Runbook"), rows),
        "## Without a runbook",
        "xenwatch has no limit and no alert for these.",
        table(("Error message", "What it means", "What to look at"), others),
    )
