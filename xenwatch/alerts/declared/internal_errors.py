"""A part of xenwatch that fails because of a bug, so that what it says is unknown."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Watch

ALERT: Final = Watch(
    name="internal_errors",
    summary="Bug in xenwatch on {instance}: {part} unknown, failures: {value}",
    description="In the last 30 minutes a part of xenwatch ({part}) failed {value} times on "
    "{instance} because of a bug. What it says was unknown each time; everything else is served. "
    "The daemon's log names it, with a traceback.",
    first="xenwatch doctor",
    # One that fails on every page is hundreds in half an hour, one odd value a few.
    expression="round(increase(xenwatch_internal_errors_total[30m])) > 0",
    seconds=600,
    labels=("job", "instance", "part"),
)
