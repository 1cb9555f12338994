"""A limit that will be exhausted within a day by the trend of six hours."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import PERCENT, Watch

ALERT: Final = Watch(
    name="limit_filling_up",
    summary="{limit} on {instance} will be exhausted within a day",
    description="The limit {limit} is more than half used, and the linear trend of the last six "
    "hours reaches {value} in a day.",
    expression="(\n  predict_linear(xenwatch_limit_used_ratio[6h], 86400) >= 1\n"
    "and\n  xenwatch_limit_used_ratio > 0.5\n)",
    seconds=3600,
    labels=("job", "instance", "limit"),
    shown=PERCENT,
    causes=("limit_full_soon",),
)
