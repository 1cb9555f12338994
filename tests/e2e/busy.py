"""A daemon on a synthetic XCP-ng whose disks are read and whose VMs come and go all the time.

The QEMU of one VM runs in a stubdomain.

As a process of its own: `python -m tests.e2e.busy CONFIG`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from typing import Any, Final

from xenwatch import log
from xenwatch.config.settings import load_settings
from xenwatch.daemon.daemon import Daemon
from xenwatch.model.datapath import USUAL
from xenwatch.model.devices import Disk, Nic, Shape
from xenwatch.model.presets import PRESETS
from xenwatch.model.source import ModelSource
from xenwatch.probes import PROBES
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Choice, Source

SECTORS: Final = 2048
"""What the first disk reads from one look to the next; each further one reads so much more."""
REQUESTS: Final = 16
"""In how many requests each disk reads that."""
MICROSECONDS: Final = 500
"""How long each of them takes."""


BRIEF: Final = Shape("pv", 1, 262144, (Disk(),), (Nic(),))
"""A VM that ends at the next look."""


async def main(file: str) -> int:
    """Serve until SIGTERM."""
    settings = load_settings(file, {})
    log.configure("info", "json")
    machine = PRESETS["xcp-ng-8.3"]()
    disks = [name for name in machine.dom0.backends if name.startswith("vbd")]
    served = min(domid for domid in machine.dom0.domains if domid)
    stubdomain = machine.start(b"vm-dm", BRIEF)
    machine.dom0.store.write(f"/local/domain/{stubdomain}/target", str(served))
    brief: list[int] = []
    disk_probe = next(probe for probe in PROBES if probe.name == "disks")

    def read(source: Source, context: Snapshot, memory: Any) -> tuple[object, Any]:
        for number, disk in enumerate(disks, 1):
            was = machine.dom0.io.get(disk, USUAL)
            machine.dom0.io[disk] = dataclasses.replace(
                was,
                read_reqs=was.read_reqs + REQUESTS,
                read_done=was.read_done + REQUESTS,
                read_sectors=was.read_sectors + number * SECTORS,
                read_us=was.read_us + REQUESTS * MICROSECONDS,
            )
        if brief:
            machine.destroy(brief.pop())
        brief.append(machine.start(b"brief", BRIEF))
        return disk_probe.read(source, context, memory)

    probes = tuple(
        dataclasses.replace(probe, read=read) if probe is disk_probe else probe for probe in PROBES
    )
    daemon = Daemon(settings, lambda: settings, ModelSource(machine), probes=probes)
    return await daemon.run(Choice("synthetic", "its disks are read"))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
