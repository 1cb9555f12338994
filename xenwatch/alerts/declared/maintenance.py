"""A host in maintenance, whose alerts notify nobody until it ends."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import DURATION, Watch
from xenwatch.alerts.names import INFO

_END: Final = "instance:xenwatch_maintenance_end_timestamp_seconds:last"
"""The end as last scraped: a host that reboots in maintenance is still in maintenance."""

ALERT: Final = Watch(
    name="maintenance",
    summary="{instance} is in maintenance for another {value}",
    description="The host was put into maintenance, which ends in {value}. Nobody is notified of "
    "this: it inhibits the other alerts of the host until then, also while the host is down.",
    first="xenwatch maintenance status",
    expression=f"({_END} - time()) > 0",
    seconds=0,
    severity=INFO,
    shown=DURATION,
    mutes=True,
    # What is over by the end is kept firing for a while, and is not told then.
    outlasts=True,
)
