"""The one table of alerts: one for each limit, and one from each module of `alerts/declared`.

From it come the daemon's states and messages, the configuration keys, the rules for Prometheus and
the inhibitions for Alertmanager; each alert has its runbook and its tests by its name.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from types import ModuleType
from typing import Final

from xenwatch.alerts import declared
from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.near_limit import near_limit
from xenwatch.limits import LIMITS


def alerts_of(package: ModuleType) -> tuple[Alert | Watch, ...]:
    """`ALERT` of each module of a package, sorted by the modules' names."""
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(importlib.import_module(f"{package.__name__}.{name}").ALERT for name in names)


_DECLARED: Final = alerts_of(declared)


def _caused_by_limits(alert: Alert) -> Alert:
    """The alert with those limits among its causes that explain it."""
    limits = [near_limit(limit).name for limit in LIMITS if alert.name in limit.explains]
    return dataclasses.replace(alert, causes=(*alert.causes, *limits))


ALERTS: Final[tuple[Alert, ...]] = (
    *(near_limit(limit) for limit in LIMITS),
    *(_caused_by_limits(alert) for alert in _DECLARED if isinstance(alert, Alert)),
)
"""Every alert the daemon evaluates, and Prometheus too."""

WATCHES: Final[tuple[Watch, ...]] = tuple(alert for alert in _DECLARED if isinstance(alert, Watch))
"""Every alert for Prometheus alone."""
