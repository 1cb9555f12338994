"""A limit that will be exhausted within a day by the trend of six hours."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import DURATION, PERCENT, TIME_LEFT, Watch
from xenwatch.alerts.bounds import Bound
from xenwatch.alerts.details import Room
from xenwatch.alerts.near_limit import users
from xenwatch.limits import LIMITS

_RATIO: Final = "xenwatch_limit_used_ratio"


def _rise(begin: str, end: str = "") -> str:
    """How much the ratio has risen from one time ago to another, or to now."""
    return f"({_RATIO}{f' offset {end}' if end else ''} - {_RATIO} offset {begin})"


# A trend is a rise throughout: in each third of the six hours, and in the last one, at least half
# of its part. A step is in one of them alone, and what has come to rest is not in the last hour.
_THROUGHOUT: Final = "\n".join(
    f"and\n  {rise} > {_rise('6h')} / {part}"
    for rise, part in (
        (_rise("1h"), 12),
        (_rise("2h"), 6),
        (_rise("4h", "2h"), 6),
        (_rise("6h", "4h"), 6),
    )
)

ALERT: Final = Watch(
    name="limit_filling_up",
    summary="{title} on {instance} will be exhausted {value}",
    description="The use of the limit {limit} has risen throughout the last six hours; at this "
    "rate it is exhausted {value}.",
    first="xenwatch plan",
    expression=f"(\n  clamp_min((1 - {_RATIO}) / (deriv({_RATIO}[6h]) > 0), 0) < $horizon\n"
    f"and\n  {_RATIO} > $used\n{_THROUGHOUT}\n)",
    seconds=3600,
    labels=("job", "instance", "limit"),
    details=(users(*LIMITS), Room()),
    shown=TIME_LEFT,
    bounds=(
        Bound("horizon", 86400.0, "the limit is exhausted within this many seconds", DURATION),
        Bound("used", 0.5, "only limits of which more than this fraction is used", PERCENT),
    ),
    slow=True,
    causes=("limit_full_soon",),
)
