"""Processes in the wrong cgroup."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import Selector, SeriesCondition
from xenwatch.alerts.names import WARNING

ALERT: Final = Alert(
    name="misplaced_processes",
    summary="{value} {comm} processes in the wrong cgroup, {cgroup}",
    description="{value} {comm} processes run in cgroup {cgroup}, where they take CPU time from "
    "others or get too little.",
    conditions={WARNING: SeriesCondition(Selector("xenwatch_misplaced_processes"), ">", 0)},
    seconds=600,
    labels=("comm", "cgroup"),
    probe="slices",
)
