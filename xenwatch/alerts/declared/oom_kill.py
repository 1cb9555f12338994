"""A process of dom0 that the OOM killer has killed."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import Selector, SeriesCondition
from xenwatch.alerts.names import CRITICAL, WARNING
from xenwatch.errors import kinds
from xenwatch.probes.processes import ROLES

_KILLS: Final = "xenwatch_dom0_recent_oom_kills"

ALERT: Final = Alert(
    name="oom_kill",
    summary="dom0 ran out of memory and killed {victim} ({value} in the last hour)",
    description="The OOM killer of dom0 has killed {value} processes of {victim} in the last hour. "
    "A daemon of the toolstack that was killed no longer serves any VM.",
    first="dmesg | grep -E 'invoked oom-killer|Out of memory|Killed process' | tail -n 20",
    conditions={
        WARNING: SeriesCondition(Selector(_KILLS), ">", 0),
        CRITICAL: SeriesCondition(Selector(_KILLS, {"victim": tuple(ROLES)}), ">", 0),
    },
    seconds=0,
    labels=("victim",),
    probe="memory_pressure",
    errors={
        kinds.OOM_KILL.messages: "memory of dom0, which the OOM killer has freed by force",
        "`Out of memory`, `invoked oom-killer` in dom0's kernel log": (
            "memory of dom0, which the OOM killer has freed by force"
        ),
    },
)
