"""Processes in the wrong cgroup."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import Selector, SeriesCondition
from xenwatch.alerts.names import WARNING
from xenwatch.alerts.waiting import WAITING, daemons_wait

_NAME: Final = "misplaced_processes"

ALERT: Final = Alert(
    name=_NAME,
    summary="Daemons of the toolstack wait for a CPU: {value} {comm} processes in cgroup {cgroup}",
    description="Daemons of the toolstack have waited for a CPU for minutes, and {value} {comm} "
    "processes run in cgroup {cgroup}, where they do not belong: there they take CPU time from "
    "others or get too little.",
    first="xenwatch once --format prometheus | grep -E "
    "'^xenwatch_(misplaced_processes|root_cgroup_contenders|daemon_wait)'",
    conditions={
        WARNING: SeriesCondition(
            Selector("xenwatch_misplaced_processes"), ">", 0, measured=daemons_wait(_NAME)
        )
    },
    seconds=600,
    labels=("comm", "cgroup"),
    probe="slices",
    bounds=(WAITING,),
)
