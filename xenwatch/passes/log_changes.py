"""What the log says of limits and alerts that have changed."""

from __future__ import annotations

import structlog

from xenwatch.alerts import messages
from xenwatch.alerts.messages import Sender
from xenwatch.alerts.runbooks import DIRECTORY
from xenwatch.alerts.states import Change, State
from xenwatch.limits.changes import SeverityChange
from xenwatch.limits.states import Severity

_log = structlog.get_logger()


def log_change(change: SeverityChange) -> None:
    """Log the new severity of a limit."""
    state = change.state
    fields: dict[str, object] = {
        "limit": state.limit.name,
        "instance": state.instance,
        "severity": change.now.value,
    }
    if state.used is not None and state.max is not None:
        fields |= {"used": state.used, "max": state.max.value, "ratio": state.ratio}
    bad = change.now in (Severity.WARNING, Severity.CRITICAL)
    (_log.warning if bad else _log.info)("limit severity changed", was=change.was.value, **fields)


def log_alert(change: Change, runbooks: str) -> None:
    """Log an alert that is pending, firing or resolved; if firing, with the next step."""
    active = change.active
    message = messages.of_active(active, Sender("", runbooks or f"{DIRECTORY}/"))
    fields = {
        "alert": active.alert.title,
        "severity": active.severity,
        "labels": dict(active.labels),
        "was": change.was.value,
        "state": change.now.value,
        "summary": message.annotations["summary"],
    }
    if change.now is State.FIRING:
        _log.warning(
            "alert state changed", **fields, next=f"see {message.annotations['runbook_url']}"
        )
    elif change.was is State.FIRING:
        _log.info("alert state changed", **fields)
    else:
        _log.debug("alert state changed", **fields)
