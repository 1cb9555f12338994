"""What is shown at one time, and the rates that follow from what was read before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any, Final

from xenwatch.status.activity import Activity
from xenwatch.status.host_status import HostStatus
from xenwatch.values import dataclass

_PROBES: Final = {
    "qemu": "qemus",
    **dict.fromkeys(("netback", "blkback", "tapdisk", "qdisk"), "datapath"),
}
"""The probe that reads the CPU time of a kind of worker; of the others it is `vm_processes`."""

RATED: Final = (
    *("domains", "qemus", "qemu_wakeups_by_cause", "datapath", "vm_processes"),
    *("disks", "uplinks", "control_path", "dom0_cpus"),
)
"""The probes whose readings have counters that are shown as rates."""

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """A host at one time. `bases` has, by probe, the activity before its newest reading.

    `activity` is `None` where the source has none to tell, such as an older daemon.
    """

    status: HostStatus
    activity: Activity | None
    bases: Mapping[str, Activity] = field(default_factory=dict)


def follow(before: Look | None, status: HostStatus, found: Activity | None) -> Look:
    """The look after `before`: a probe that has not read again keeps its base, and so its rates."""
    if before is None or before.activity is None or found is None:
        return Look(status, found)
    bases = {}
    for probe, instant in found.instants.items():
        last = before.activity.instants.get(probe)
        if last is not None and last < instant:
            bases[probe] = before.activity
        elif last == instant and probe in before.bases:
            bases[probe] = before.bases[probe]
    return Look(status, found, bases)


def rates(
    look: Look, probe: str, part: str, key: tuple[str, ...], counters: Iterable[str]
) -> Mapping[Key, Mapping[str, float]]:
    """What counters of the rows of a part of the activity rise a second, by the rows' keys.

    A rate that is unknown is omitted: of a first reading, of a new row, of a counter that fell.
    """
    found, base = look.activity, look.bases.get(probe)
    if found is None or base is None:
        return {}
    seconds = found.instants[probe] - base.instants[probe]
    old = {_key(row, key): row for row in getattr(base, part) or ()}
    names = tuple(counters)
    return {
        _key(row, key): {
            name: (now - then) / seconds
            for name in names
            for now, then in [(getattr(row, name), getattr(before, name))]
            if now is not None and then is not None and now >= then
        }
        for row in getattr(found, part) or ()
        if (before := old.get(_key(row, key))) is not None
    }


def dom0_rates(look: Look) -> Mapping[int, Mapping[str, float]]:
    """CPUs of dom0 in use for each domain, by kind of worker."""
    now = look.activity
    if now is None:
        return {}
    shown: dict[int, dict[str, float]] = {}
    for probe in ("qemus", "datapath", "vm_processes"):
        base = look.bases.get(probe)
        if base is None:
            continue
        seconds = now.instants[probe] - base.instants[probe]
        before = {(row.domid, row.uuid): row.dom0_cpu_seconds for row in base.domains or ()}
        for row in now.domains or ():
            then = before.get((row.domid, row.uuid), {})
            for kind, spent in row.dom0_cpu_seconds.items():
                if _PROBES.get(kind, "vm_processes") == probe and spent >= then.get(
                    kind, spent + 1
                ):
                    shown.setdefault(row.domid, {})[kind] = (spent - then[kind]) / seconds
    return shown


def mode_rates(look: Look) -> Mapping[str, float]:
    """CPUs of dom0 in each mode (user, system, idle, steal, ...)."""
    base = look.bases.get("dom0_cpus")
    if look.activity is None or base is None or not (look.activity.dom0 and base.dom0):
        return {}
    seconds = look.activity.instants["dom0_cpus"] - base.instants["dom0_cpus"]
    then = base.dom0.seconds
    return {
        mode: (now - then[mode]) / seconds
        for mode, now in look.activity.dom0.seconds.items()
        if mode in then and now >= then[mode]
    }


def _key(row: object, key: tuple[str, ...]) -> Key:
    return tuple(getattr(row, name) for name in key)
