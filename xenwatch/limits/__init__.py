"""The one table of hard limits: a limit is a module of this package.

Metrics, alerts, rules, dashboards, documents, planner and configuration keys are loops over
`LIMITS`: nothing about a limit is written twice, and a new file is a new limit.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from typing import Final

from xenwatch.limits.base import Limit

SHARED: Final = (
    *("base", "changes", "file_descriptors", "kernel_tables", "remedies", "states"),
    "thresholds",
    "storage_sizes",
    "xenstore_quotas",
)
"""The modules of this package that do not define a limit."""


def collect(package: str, directories: Iterable[str]) -> tuple[Limit, ...]:
    """The `LIMIT` of every module in the directories of a package, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(directories))
    modules = (importlib.import_module(f"{package}.{name}") for name in names if name not in SHARED)
    return tuple(module.LIMIT for module in modules)


LIMITS: Final = collect(__name__, __path__)
"""Every limit, by name."""
