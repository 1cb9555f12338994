"""What is told of a host and is no alert: what its platform ships, and a controller that is on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from xenwatch.display.text import counted, printable
from xenwatch.probes.slice_units import CONTROL
from xenwatch.readings.slices import Slices
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.release import resolve

SERVICES: Final = "system.slice"
"""Where systemd puts services that say nothing else."""


def shipped(snapshot: Snapshot) -> Iterator[str]:
    """A sentence for each."""
    found = snapshot.slices.shipped if snapshot.slices is not None else {}
    for (comm, group), count in found.items():
        yield (
            f"{count} {comm} in cgroup {group}, where {resolve(snapshot.host).name} puts them: "
            "each has the CPU weight of a whole slice. xapi 25.5 and later put them into vm.slice."
        )
    if snapshot.slices is not None:
        yield from _cpu_controller(snapshot.slices)


def _cpu_controller(slices: Slices) -> Iterator[str]:
    """The CPU controller where no slice is there for the control path: who has it on, and the cost.

    A slice has a weight exactly where the controller is on.
    """
    services = slices.by_name.get(SERVICES)
    if services is None or services.weight is None or CONTROL in slices.by_name:
        return
    share = "an unknown part" if services.share is None else f"{services.share:.0%}"
    yield (
        f"The CPU controller is on, and there is no {CONTROL}: {SERVICES}, which has the daemons "
        f"of Xen, competes as one task with {counted(slices.contenders, 'task')} of the root "
        f"cgroup, and is guaranteed {share} of dom0's CPU time. "
        f"{_switched_on_by(slices.setters)}. To switch it off, remove CPUQuota=, CPUWeight=, "
        "CPUShares= and Delegate=cpu from the units that have them, and reboot; docs/systemd.md "
        "says more."
    )


def _switched_on_by(setters: Mapping[str, str] | None) -> str:
    if setters is None:
        return "Which unit switched it on is unknown: settings of units cannot be read"
    if not setters:
        # The unit may be gone, or its setting may be the default.
        return "Which unit switched it on is unknown: none shows a setting for the CPU now"
    return f"Switched on by {printable(', '.join(f'{n} ({file})' for n, file in setters.items()))}"
