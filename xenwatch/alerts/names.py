"""Names of alerts and of their severities, as configuration, metrics and Prometheus have them."""

from __future__ import annotations

import functools
from typing import Final

WARNING: Final = "warning"
CRITICAL: Final = "critical"
SEVERITIES: Final = (WARNING, CRITICAL)
"""The severities of alerts, each also a field of `Thresholds`."""
INFO: Final = "info"
"""The severity of what notifies nobody, and inhibits others."""


@functools.lru_cache(maxsize=256)  # of every alert in every pass
def alert_name(name: str) -> str:
    """The name of an alert as Prometheus shows it: `XenwatchProbeFailing`."""
    return "Xenwatch" + "".join(part.capitalize() for part in name.split("_"))
