"""How long VMs take to start: from their introduction until their devices are connected.

Both are read by other probes, which events run early: domains by xenstore's watch on
@introduceDomain, backends by rtnetlink when an interface connects. This probe compares when these
were read, so that it need not run as early as they do.
"""

from __future__ import annotations

import bisect
import dataclasses
import math
from collections.abc import Mapping
from dataclasses import field
from typing import Final

from xenwatch.probes.base import DOMAIN, DOMAIN_SETTLED, LINK, Probe
from xenwatch.probes.xen import require_dom0
from xenwatch.readings.devices import (
    CONNECTED,
    DISK_CLASSES,
    INITIALISING,
    NETWORK_CLASSES,
    DeviceKey,
)
from xenwatch.readings.domains import STOPPED, Domain
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.readings.vm_starts import BOUNDS, VmStarts
from xenwatch.sources.base import Source
from xenwatch.values import dataclass

GIVE_UP: Final = 600.0
"""Seconds after which a start has failed, or is no longer waited for."""
PARAVIRTUALIZED: Final = ("pv", "pvh")
"""Types of guests that have no devices but those that connect."""
_PAUSED: Final = "paused"

Key = tuple[int, str]
"""Domid and UUID: another domain with a domid is another start."""


@dataclass(frozen=True, slots=True)
class _Memory:
    """What has been counted, the domains at the last run, and when each start began.

    Before the first run the domains are unknown (`None`). `late` are starts already counted as
    failed.
    """

    counts: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)
    seconds: float = 0.0
    failed: int = 0
    known: frozenset[Key] | None = None
    starting: Mapping[Key, float] = field(default_factory=dict)
    late: frozenset[Key] = frozenset()


def read(source: Source, context: Snapshot, memory: _Memory) -> tuple[VmStarts, _Memory]:
    """Starts so far. Raises `NotApplicable` and `SourceError`.

    While domains or backends are not read, everything stays as it was. Domains that were there at
    the first run have started before.
    """
    require_dom0(source, context)
    domains = context.domains
    if domains is None or domains.route != "hypercall" or context.backends is None:
        return _reading(context, memory, {}), memory
    here = {(domain.domid, domain.uuid): domain for domain in domains.domains if domain.domid}
    known = frozenset(here) if memory.known is None else memory.known
    began = context.outcomes["domains"].instant
    starting = {**memory.starting, **{key: began for key in here if key not in known}}
    memory = dataclasses.replace(memory, known=frozenset(here), starting=starting)
    devices = _devices(context, starting)
    for key in starting:
        memory = _judged(memory, key, here.get(key), devices.get(key[0], {}), context)
    return _reading(context, memory, here), memory


def _judged(
    memory: _Memory,
    key: Key,
    domain: Domain | None,
    devices: Mapping[DeviceKey, str],
    context: Snapshot,
) -> _Memory:
    """The memory after another look at one start."""
    since = memory.starting[key]
    if domain is None or domain.state in STOPPED:
        return _ended(_failed(memory, key), key)
    if domain.state != _PAUSED and _up(domain, devices, since, context):
        took = max(0.0, _time_read(devices, context) - since)
        return _ended(memory if key in memory.late else _counted(memory, took), key)
    if context.instant - since < GIVE_UP:
        return memory
    return _failed(memory, key) if _expected(domain) else _ended(memory, key)


def _up(domain: Domain, devices: Mapping[DeviceKey, str], since: float, context: Snapshot) -> bool:
    """Whether what is expected to connect has, by a reading after the introduction.

    An HVM guest's driver decides which of its disks it takes, and it never takes an emulated
    CD-ROM drive: its interfaces count, and one disk where it has none.
    """
    if _time_read(devices, context) <= since:
        return False
    connected = {key for key, state in devices.items() if state == CONNECTED}
    if domain.type in PARAVIRTUALIZED or not devices:
        return len(connected) == len(devices)
    vifs = {key for key in devices if key.cls in NETWORK_CLASSES}
    return vifs <= connected if vifs else bool(connected)


def _expected(domain: Domain) -> bool:
    """Whether a domain that is not up means trouble.

    An HVM guest may have no drivers, and a domain may be left paused on purpose.
    """
    return domain.type in PARAVIRTUALIZED and domain.state != _PAUSED


def _devices(context: Snapshot, starting: Mapping[Key, float]) -> dict[int, dict[DeviceKey, str]]:
    """Disks and interfaces of the domains that start, by domid; an unknown state is empty."""
    wanted = {domid for domid, _ in starting}
    found: dict[int, dict[DeviceKey, str]] = {}
    if not wanted or context.backends is None:
        return found
    states = context.device_states()
    for key in context.backends.states:
        if key.domid in wanted and key.cls in DISK_CLASSES | NETWORK_CLASSES:
            found.setdefault(key.domid, {})[key] = states.get(key, "")
    return found


def _time_read(devices: Mapping[DeviceKey, str], context: Snapshot) -> float:
    """When the states of the devices were read: of those without a driver in xenstore."""
    names = ["backends"]
    sysfs = context.backends.states if context.backends is not None else {}
    if any(sysfs.get(key) == INITIALISING for key in devices):
        names.append("xenstore_devices")
    outcomes = [context.outcomes.get(name) for name in names]
    return max(
        (each.instant for each in outcomes if each is not None and each.status is Status.OK),
        default=-math.inf,
    )


def _counted(memory: _Memory, took: float) -> _Memory:
    """The memory with one more finished start."""
    place = bisect.bisect_left(BOUNDS, took)
    counts = (*memory.counts[:place], memory.counts[place] + 1, *memory.counts[place + 1 :])
    return dataclasses.replace(memory, counts=counts, seconds=memory.seconds + took)


def _failed(memory: _Memory, key: Key) -> _Memory:
    """The memory with one more failed start, which is counted once."""
    if key in memory.late:
        return memory
    return dataclasses.replace(memory, failed=memory.failed + 1, late=memory.late | {key})


def _ended(memory: _Memory, key: Key) -> _Memory:
    """The memory without a start that is over."""
    starting = {each: since for each, since in memory.starting.items() if each != key}
    return dataclasses.replace(memory, starting=starting, late=memory.late - {key})


def _reading(context: Snapshot, memory: _Memory, here: Mapping[Key, Domain]) -> VmStarts:
    starting = {
        key[0]: max(0.0, context.instant - since)
        for key, since in memory.starting.items()
        if key in here and _expected(here[key])
    }
    in_progress = len(memory.starting) - len(memory.late)
    return VmStarts(memory.counts, memory.seconds, memory.failed, in_progress, starting)


VM_STARTS: Final = Probe(
    name="vm_starts",
    reads="when domains were introduced and their devices connected, as other probes have read it",
    advice="see the probes domains, backends and xenstore_devices",
    read=read,
    memory=_Memory(),
    events=frozenset({DOMAIN, DOMAIN_SETTLED, LINK}),
)
