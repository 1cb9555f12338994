"""The one table of hard limits.

Metrics, alerts, rules, dashboards, documents, planner and configuration keys are loops over
`LIMITS`: nothing about a limit is written down a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from xenwatch.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A limit's ceiling and where it is known from, as one line for people."""

    value: int
    origin: str


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Used ratios at which a limit warns and is critical; `None` means never."""

    warning: float | None
    critical: float | None


@dataclass(frozen=True, slots=True)
class Limit:
    """One finite resource.

    `unit` is empty for countable things or `bytes`. `label` names the instances of a limit that
    has several (`domid`, `bridge`, `mountpoint`), else it is `None` and the only instance is "".
    `used` and `ceiling` map instance to value; what could not be read is not in the mapping.
    `probe` is the probe that must have succeeded. `source` says where the kernel or Xen keeps the
    numbers, `symptom` how its exhaustion shows, `caveat` what the numbers do not say, `reference`
    where the facts are published.
    """

    name: str
    title: str
    probe: str
    used: Callable[[Snapshot], Mapping[str, int]]
    ceiling: Callable[[Snapshot], Mapping[str, Ceiling]]
    thresholds: Thresholds
    source: str
    symptom: str
    reference: str
    caveat: str = ""
    unit: str = ""
    label: str | None = None

    @property
    def used_metric(self) -> str:
        """Name of the metric of used units: `xenwatch_event_channels_used`."""
        return f"xenwatch_{self.name}_used" + (f"_{self.unit}" if self.unit else "")

    @property
    def max_metric(self) -> str:
        """Name of the metric of the ceiling: `xenwatch_event_channels_max`."""
        return f"xenwatch_{self.name}_max" + (f"_{self.unit}" if self.unit else "")


LIMITS: tuple[Limit, ...] = ()
