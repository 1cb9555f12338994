"""A part of xenwatch that raises because of a bug, so that what it says is unknown."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Watch

ALERT: Final = Watch(
    name="internal_errors",
    summary="A bug of xenwatch on {instance} leaves something unknown: {part} failed {value} times",
    description="In the last half hour something of the kind {part} raised {value} times on "
    "{instance}, and was unknown each time; the rest is served. The daemon's log names it, with a "
    "traceback.",
    first="xenwatch doctor",
    # One that raises on every page is hundreds in half an hour, one odd value a few.
    expression="round(increase(xenwatch_internal_errors_total[30m])) > 0",
    seconds=600,
    labels=("job", "instance", "part"),
)
