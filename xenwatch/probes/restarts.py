"""VMs that are started again and again: a UUID that comes back with another domid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from xenwatch.readings.domains import Domain, Restarted

RECENT: Final = 1800.0
"""Seconds for which a restart is recent, and for which a VM that is gone is remembered."""
NO_UUID: Final = ("", "00000000-0000-0000-0000-000000000000")
"""Of a domain whose UUID could not be read, and of dom0."""


@dataclass(frozen=True, slots=True)
class _Vm:
    """A VM: its domids and name when it was last there, when that was, and its recent restarts."""

    domids: frozenset[int]
    name: bytes | None
    seen: float
    restarts: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Lives:
    """The VMs known by UUID, and how often any of them was started again."""

    vms: Mapping[str, _Vm] = field(default_factory=dict)
    restarts: int = 0

    def after(self, domains: Iterable[Domain], now: float) -> Lives:
        """The VMs after these domains were seen at `now` (Unix time).

        A VM that was never seen before has not been restarted: it may have been started elsewhere.
        """
        kept = {uuid: vm for uuid, vm in self.vms.items() if now - vm.seen < RECENT}
        restarts = self.restarts
        for uuid, its in _by_uuid(domains).items():
            before = kept.get(uuid)
            domids = frozenset(domain.domid for domain in its)
            names = [domain.name for domain in its if domain.name is not None]
            name = names[-1] if names else before.name if before else None
            new = len(domids - before.domids) if before else 0
            recent = [time for time in before.restarts if now - time < RECENT] if before else []
            kept[uuid] = _Vm(domids, name, now, (*recent, *[now] * new))
            restarts += new
        return Lives(kept, restarts)

    def restarted(self, now: float) -> tuple[Restarted, ...]:
        """The VMs with restarts that are recent at `now`."""
        counts = {
            uuid: sum(now - time < RECENT for time in vm.restarts) for uuid, vm in self.vms.items()
        }
        return tuple(
            Restarted(uuid, self.vms[uuid].name, count) for uuid, count in counts.items() if count
        )


def _by_uuid(domains: Iterable[Domain]) -> Mapping[str, list[Domain]]:
    found: dict[str, list[Domain]] = {}
    for domain in domains:
        if domain.uuid not in NO_UUID:
            found.setdefault(domain.uuid, []).append(domain)
    return found
