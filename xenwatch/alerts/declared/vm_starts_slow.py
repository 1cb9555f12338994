"""VMs that take far longer to start than usual."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import DURATION, Watch


def _p90(window: str) -> str:
    rates = f"sum by (job, instance, le) (rate(xenwatch_vm_start_seconds_bucket[{window}]))"
    return f"histogram_quantile(0.9, {rates})"


ALERT: Final = Watch(
    name="vm_starts_slow",
    summary="VMs on {instance} take {value} to start, three times as long as usual",
    description="One VM in ten started in the last hour took {value} or longer until its devices "
    "were connected, more than three times what it was in the last day.",
    expression=f"(\n  {_p90('1h')} > 3 * {_p90('1d')}\n"
    "and on (job, instance)\n  increase(xenwatch_vm_start_seconds_count[1h]) >= 5\n)",
    seconds=600,
    shown=DURATION,
)
