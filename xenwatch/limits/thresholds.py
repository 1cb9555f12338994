"""How thresholds compare: the one comparison with a used ratio, and the order of a pair."""

from __future__ import annotations

from xenwatch.limits.base import Thresholds


def reached(ratio: float | None, threshold: float | None) -> bool:
    """Whether a used ratio is at its threshold or above; unknown and never are not."""
    return ratio is not None and threshold is not None and ratio >= threshold


def inverted(thresholds: Thresholds, *, lower_is_worse: bool = False) -> str:
    """What is wrong with a pair whose critical threshold is reached before its warning one.

    A phrase such as `warning 0.9 is above critical 0.8`; empty where the pair is in order.
    """
    warning, critical = thresholds.warning, thresholds.critical
    if warning is None or critical is None:
        return ""
    if warning < critical if lower_is_worse else warning > critical:
        side = "below" if lower_is_worse else "above"
        return f"warning {warning:g} is {side} critical {critical:g}"
    return ""
