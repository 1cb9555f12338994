"""Readings: event channels of dom0 and of driver domains, and Linux interrupt descriptors."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class EventChannels:
    """A domain's event channels. `by_domain` counts interdomain and unbound ones by remote domain.

    `slots` is the size of the table Xen has allocated (the cost of a scan), `highest` the highest
    port in use, `route` is `hypercall` or `lsevtchn`. Kinds: unbound, interdomain, pirq, virq,
    ipi, xen (owned by Xen itself, EACCES), unknown. `fallback` is why lsevtchn was asked.
    """

    by_kind: Mapping[str, int]
    by_domain: Mapping[int, int]
    slots: int | None
    highest: int
    route: str
    fallback: str = ""

    @property
    def used(self) -> int:
        """Ports that are not closed."""
        return sum(self.by_kind.values())


@dataclass(frozen=True, slots=True)
class DriverDomains:
    """Event channels of each domain but dom0 that serves devices of others, by its domid."""

    channels: Mapping[int, EventChannels]


@dataclass(frozen=True, slots=True)
class Irqs:
    """Linux interrupt descriptors in use."""

    used: int
