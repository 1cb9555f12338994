"""The type of a limit: everything known about it, in one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from fractions import Fraction
from typing import Final

from xenwatch.readings.snapshot import Snapshot
from xenwatch.values import dataclass

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
class Max:
    """A limit's max and where it is known from, as one line for people."""

    value: int
    origin: str


Used = Callable[[Snapshot], Mapping[str, int]]
Maxima = Callable[[Snapshot], Mapping[str, Max]]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Used ratios at which a limit warns and is critical; `None` means never."""

    warning: float | None
    critical: float | None


EARLY: Final = Thresholds(0.8, 0.9)
"""Headroom for an operator to act: a boot storm takes the last tenth in minutes."""
LATE: Final = Thresholds(0.9, 0.95)
"""For what is meant to be nearly full in ordinary use."""
NEVER: Final = Thresholds(None, None)
BACKEND_DOMID: Final = "backend_domid"
"""The label of a limit that driver domains have, each its own."""
DENSITY: Final = "xenserver.org, How did we increase VM density in XenServer 6.2?"
MIB: Final = 1 << 20


def same(cost: Cost, *types: str) -> Mapping[str, Cost]:
    """One cost for all types of domain, or for those named."""
    return dict.fromkeys(types or ("pv", "pvh", "hvm"), cost)


NO_COST: Final = same(Cost())
"""A VM of any type is known to take nothing."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """A limit that is to be raised: its max now, and `target`, the units it is to have.

    `queues` are the most queues that a network interface of the VMs it is raised for has.
    """

    snapshot: Snapshot
    instance: str
    max: Max | None
    target: int
    queues: int


Doubt = Callable[[Snapshot], str]


def no_doubt(snapshot: Snapshot) -> str:
    """All that is used was read."""
    return ""


Remedy = Callable[[Shortage], tuple[str, ...]]
"""From a shortage to the commands and advice that raise the limit, best first."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A published density: VMs at which the limit stops one more, `None`: never.

    `note` is the key of a remark.
    """

    vms: int | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Density:
    """What was published of a limit, by shape and platform; `bound` is what bounds it in the model.

    `bound` is a field of `xenwatch.model.bounds.Bounds`.
    """

    bound: str
    published: Mapping[tuple[str, str], Cell]


@dataclass(frozen=True, slots=True)
class Limit:
    """One finite resource and everything known about it.

    `unit` is empty for countable things or `bytes`. `label` names the instances of a limit that
    has several (`domid`, `bridge`, `mountpoint`), else it is `None` and the only instance is "".
    `used` and `max` map instance to value; instances that could not be read are not in the mapping.
    `probe` is the probe that must have succeeded. `source` is where the kernel or Xen
    reports the numbers, `symptom` the effect of exhaustion, `errors` the log messages then, in
    the form of `xenwatch.errors.pattern`, each with what is exhausted; `caveat` what the numbers do
    not show, `by_domain` the metric of what each domain uses of it, `reference` where the facts are
    published. `costs` is the cost of a VM by regime and domain type; `uncounted` is why a plan does
    not count the limit unless the shape states what it takes. `remedy` raises the limit.
    `explains` names the alerts that are symptoms of its exhaustion. `doubt` is why more may be used
    than was read, empty if nothing is: a plan then promises no headroom. A limit that is
    `everywhere` is in every plan, even where its probe does not apply.
    """

    name: str
    title: str
    probe: str
    used: Used
    max: Maxima
    thresholds: Thresholds
    source: str
    symptom: str
    reference: str
    errors: Mapping[str, str] = field(default_factory=dict)
    caveat: str = ""
    by_domain: str = ""
    unit: str = ""
    label: str | None = None
    costs: Costs = field(default_factory=dict)
    uncounted: str = ""
    remedy: Remedy | None = None
    explains: tuple[str, ...] = ()
    doubt: Doubt = no_doubt
    everywhere: bool = False
    density: Density | None = None

    @property
    def used_metric(self) -> str:
        """Name of the metric of used units: `xenwatch_event_channels_used`."""
        return f"xenwatch_{self.name}_used" + (f"_{self.unit}" if self.unit else "")

    @property
    def scarce(self) -> bool:
        """Whether exhaustion matters; a limit that may be full has no critical threshold."""
        return self.thresholds.critical is not None

    @property
    def max_metric(self) -> str:
        """Name of the metric of the max: `xenwatch_event_channels_max`."""
        return f"xenwatch_{self.name}_max" + (f"_{self.unit}" if self.unit else "")
