"""VMs that are started again and again: a UUID that comes back with another domid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import Final

from xenwatch.readings.domains import Domain, Restarted
from xenwatch.values import dataclass

RECENT: Final = 1800.0
"""Seconds for which a restart is recent, and for which a VM that is gone is remembered."""
NO_UUID: Final = ("", "00000000-0000-0000-0000-000000000000")
"""Of a domain whose UUID could not be read, and of dom0."""


@dataclass(frozen=True, slots=True)
class _Vm:
    """A VM: its last domids and name, its recent restarts, and since when it is gone, if it is."""

    domids: tuple[int, ...]
    name: bytes | None
    restarts: tuple[float, ...] = ()
    gone: float | None = None


@dataclass(frozen=True, slots=True)
class Lives:
    """The VMs known by UUID, and how often any of them was started again."""

    vms: Mapping[str, _Vm] = field(default_factory=dict)
    restarts: int = 0

    def after(
        self, domains: Iterable[Domain], now: float, known: Mapping[tuple[int, str], bytes]
    ) -> Lives:
        """The VMs after these domains were seen at the instant `now`.

        `known` are names by domid and UUID, also of domains that are gone since: a VM that starts
        again and again has a new domain whenever names are read.
        A VM that was never seen before has not been restarted: it may have been started elsewhere.
        """
        domids: dict[str, tuple[int, ...]] = {}
        names: dict[str, bytes | None] = {uuid: name for (_, uuid), name in known.items()}
        for domain in domains:
            if domain.uuid not in NO_UUID:
                domids[domain.uuid] = (*domids.get(domain.uuid, ()), domain.domid)
                names[domain.uuid] = domain.name or names.get(domain.uuid)
        vms: dict[str, _Vm] = {}
        restarts = self.restarts
        for uuid, its in domids.items():
            before = self._before(uuid, now)
            vms[uuid] = _seen(before, its, names[uuid], now)
            if before is not None and before.domids != its:
                restarts += len(set(its) - set(before.domids))
        for uuid, vm in self.vms.items():
            if uuid not in vms and self._before(uuid, now) is not None:
                vms[uuid] = vm if vm.gone is not None else replace(vm, gone=now)
        return Lives(vms, restarts)

    def restarted(self, now: float) -> tuple[Restarted, ...]:
        """The VMs with restarts that are recent at `now`."""
        found = ((uuid, vm) for uuid, vm in self.vms.items() if vm.restarts)
        counts = ((uuid, vm.name, len(_recent(vm, now))) for uuid, vm in found)
        return tuple(Restarted(uuid, name, count) for uuid, name, count in counts if count)

    def _before(self, uuid: str, now: float) -> _Vm | None:
        """What is known of a VM; nothing of one that has been gone for too long."""
        vm = self.vms.get(uuid)
        return None if vm is None or (vm.gone is not None and now - vm.gone >= RECENT) else vm


def _seen(before: _Vm | None, domids: tuple[int, ...], name: bytes | None, now: float) -> _Vm:
    """A VM that is there; the value of before where nothing changed, as nearly always."""
    if before is None:
        return _Vm(domids, name)
    if before.domids == domids and before.gone is None and name in (None, before.name):
        return before
    new = len(set(domids) - set(before.domids))
    return _Vm(domids, name or before.name, (*_recent(before, now), *[now] * new))


def _recent(vm: _Vm, now: float) -> tuple[float, ...]:
    return tuple(time for time in vm.restarts if now - time < RECENT)
