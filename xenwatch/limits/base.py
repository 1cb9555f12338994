"""What a limit is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from xenwatch.readings.snapshot import Snapshot

Units = int | Fraction


@dataclass(frozen=True, slots=True)
class Cost:
    """What one more VM takes of a limit, in units of the limit.

    For the domain itself, for each vCPU, disk, ring of a disk (one for each queue the frontend and
    the backend agree on), network interface and queue of one, and byte of its memory. For each
    byte of dom0's memory and each of dom0's tasks that the VM is stated to need.
    """

    domain: Units = 0
    vcpu: Units = 0
    disk: Units = 0
    ring: Units = 0
    vif: Units = 0
    queue: Units = 0
    memory: Units = 0
    dom0_memory: Units = 0
    tasks: Units = 0


Costs = Mapping[str, Mapping[str, Cost]]


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A limit's ceiling and where it is known from, as one line for people."""

    value: int
    origin: str


Used = Callable[[Snapshot], Mapping[str, int]]
Ceilings = Callable[[Snapshot], Mapping[str, Ceiling]]


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
    where the facts are published. `costs` is the cost of a VM by regime and domain type.
    """

    name: str
    title: str
    probe: str
    used: Used
    ceiling: Ceilings
    thresholds: Thresholds
    source: str
    symptom: str
    reference: str
    caveat: str = ""
    unit: str = ""
    label: str | None = None
    costs: Costs = field(default_factory=dict)

    @property
    def used_metric(self) -> str:
        """Name of the metric of used units: `xenwatch_event_channels_used`."""
        return f"xenwatch_{self.name}_used" + (f"_{self.unit}" if self.unit else "")

    @property
    def scarce(self) -> bool:
        """Whether its end is to be feared: one that may be full has no critical threshold."""
        return self.thresholds.critical is not None

    @property
    def max_metric(self) -> str:
        """Name of the metric of the ceiling: `xenwatch_event_channels_max`."""
        return f"xenwatch_{self.name}_max" + (f"_{self.unit}" if self.unit else "")
