"""Hosts on which VMs come and go, and what is learnt there."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterable
from typing import Final

from xenwatch.model.devices import vm
from xenwatch.model.host import Machine
from xenwatch.model.platform import Platform
from xenwatch.model.source import ModelSource
from xenwatch.planning.learning import Kind, Learning, Observation
from xenwatch.planning.shapes import BUILT_IN, Shape
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, take
from xenwatch.readings.vm_processes import Use

MIB: Final = 1 << 20
MINUTE: Final = 60.0
WINDOWS: Final = BUILT_IN["windows"]
KIND: Final = Kind("hvm", 1, 3, 1)
"""The kind of the built-in shape windows."""
READS: Final = {
    *("host", "host_memory", "domains", "backends", "daemons", "memory", "pids"),
    *("qemus", "datapath", "vm_processes"),
}
"""The probes that learning needs."""


class Host:
    """A synthetic host with a clock, read every minute."""

    def __init__(self, platform: Platform) -> None:
        self.machine = Machine(platform)
        self.learning = Learning(run=1)
        self.known = Pass()
        self.time = 1_700_000_000.0
        self._probes = [probe for probe in PROBES if probe.name in READS]

    def start(self, shape: Shape, count: int = 1) -> list[int]:
        """Start VMs; their domids."""
        made = vm(
            self.machine.dom0.platform,
            shape.type,
            vcpus=shape.vcpus,
            disks=shape.disks,
            vifs=shape.vifs,
        )
        first = len(self.machine.dom0.domains)
        return [self.machine.start(b"vm%d" % (first + n), made) for n in range(count)]

    def wait(self, minutes: int = 3) -> Learning:
        """Read as often, and learn."""
        for _ in range(minutes):
            self.time += MINUTE
            self.known = take(
                ModelSource(self.machine), self._probes, lambda: self.time, self.known
            )
            self.learning = self.learning.updated(self.known.snapshot)
        return self.learning

    @property
    def taken(self) -> tuple[int, int]:
        """Bytes and tasks of dom0 that all VMs take together, as the model counts them."""
        dom0 = self.machine.dom0
        return (dom0.anon_kib + dom0.slab_kib) * 1024, dom0.tasks - dom0.platform.tasks


def simulated(
    numbers: Iterable[int],
    own: int,
    rest: int,
    noise: int = 0,
    *,
    seed: int = 0,
    readings: int = 5,
) -> Learning:
    """What is learnt of so many VMs of one kind, one number after the other.

    Each takes `own` bytes by its processes and `rest` beside them; every reading of dom0 is off by
    up to `noise` bytes.
    """
    generator = random.Random(seed)
    learning, time = Learning("xl", run=1), 0.0
    for number in numbers:
        uses = {f"vm{n}": (KIND, Use(own, 12)) for n in range(number)}
        kinds = {(n + 1, f"vm{n}"): KIND for n in range(number)}
        for _ in range(readings):
            time += MINUTE
            used = 900 * MIB + number * rest + generator.randint(-noise, noise)
            found = Observation(time, kinds, uses, used, 98 + 2 * number)
            learning = learning.with_observation(found)
        learning = dataclasses.replace(learning, recorded=False)  # the next begins a period
    return learning
