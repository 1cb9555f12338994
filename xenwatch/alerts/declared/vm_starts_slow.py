"""VMs that take far longer to start than usual."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import DURATION, NUMBER, Watch
from xenwatch.alerts.bounds import Bound


def _p90(window: str) -> str:
    rates = f"sum by (job, instance, le) (rate(xenwatch_vm_start_seconds_bucket[{window}]))"
    return f"histogram_quantile(0.9, {rates})"


ALERT: Final = Watch(
    name="vm_starts_slow",
    summary="VMs on {instance} take {value} to start, much longer than usual",
    description="One VM in ten started in the last hour took {value} or longer until its devices "
    "were connected, much longer than in the last day.",
    first="xenwatch once --format prometheus | grep xenwatch_vm_start",
    expression=f"(\n  {_p90('1h')} > $factor * {_p90('1d')}\n"
    "and on (job, instance)\n  increase(xenwatch_vm_start_seconds_count[1h]) >= $starts\n)",
    seconds=600,
    shown=DURATION,
    slow=True,
    bounds=(
        Bound(
            "factor",
            3.0,
            "starts take more than this many times as long as in the last day",
            NUMBER,
        ),
        Bound("starts", 5.0, "only with this many starts in the last hour or more", NUMBER),
    ),
)
