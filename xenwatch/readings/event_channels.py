"""Readings: dom0's event channels, and the interrupts they take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EventChannels:
    """dom0's event channels. `by_domain` counts the interdomain and unbound ones by remote domain.

    `slots` is how far Xen has allocated the table (what one scan costs), `highest` the highest
    port in use, `route` is `hypercall` or `lsevtchn`. Kinds: unbound, interdomain, pirq, virq,
    ipi, xen (owned by Xen itself, EACCES), unknown.
    """

    by_kind: Mapping[str, int]
    by_domain: Mapping[int, int]
    slots: int | None
    highest: int
    route: str

    @property
    def used(self) -> int:
        """Ports that are not closed."""
        return sum(self.by_kind.values())


@dataclass(frozen=True, slots=True)
class Irqs:
    """Linux interrupt descriptors in use."""

    used: int
