"""A daemon on a host that a test steers, as a process of its own.

`python -m tests.e2e.host KIND MODE CONFIG`: MODE is a file that says `calm` or `storm`. Of the kind
`table` every limit is far or near at that word, as probes that are told so; of the kind `leak`
dom0 of a synthetic host loses event channels while it storms.
"""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from unittest import mock

from tests.support import QDISK, UUIDS, VBD, VIF, full_snapshot
from xenwatch import log
from xenwatch.config.settings import load_settings
from xenwatch.daemon.daemon import Daemon
from xenwatch.model.host import Machine
from xenwatch.model.platforms.debian import DEBIAN_12
from xenwatch.model.source import ModelSource
from xenwatch.parse.evtchn import VIRQ
from xenwatch.planning.forecast import Forecast
from xenwatch.probes import PROBES
from xenwatch.probes.base import Probe, stateless
from xenwatch.readings import vm_starts
from xenwatch.readings.bridges import Bridges
from xenwatch.readings.certificates import Certificate, Certificates
from xenwatch.readings.clock import Clock
from xenwatch.readings.control_path import BOUNDS, ControlPath, DaemonTimes, RoundTrips
from xenwatch.readings.devices import Backends, DeviceError, XenstoreDevices
from xenwatch.readings.disks import Disks
from xenwatch.readings.domains import Domain, Domains, Restarted
from xenwatch.readings.event_channels import DriverDomains, EventChannels, Irqs
from xenwatch.readings.grants import GrantFrames, Grants, Maptrack
from xenwatch.readings.guest_storage import (
    Size,
    StorageRepositories,
    StorageRepository,
    ThinPool,
    ThinPools,
    VolumeGroups,
)
from xenwatch.readings.kernel_tables import KernelTables, Nbds, Table
from xenwatch.readings.memory import HostMemory
from xenwatch.readings.memory_pressure import Stalled
from xenwatch.readings.open_files import OpenFiles
from xenwatch.readings.processes import DaemonFds, Pids, ProcessFds, Ptys, QemuFds
from xenwatch.readings.slices import Slice, Slices
from xenwatch.readings.snapshot import Snapshot
from xenwatch.readings.storage import Aio, Blktap, FileSystem, FileSystems, Loops
from xenwatch.readings.storage_paths import (
    IscsiSession,
    IscsiSessions,
    Multipath,
    MultipathMap,
)
from xenwatch.readings.uplinks import Nic, Uplinks
from xenwatch.readings.xenstore_quotas import Quota, XenstoreQuotas
from xenwatch.sources.base import TARGETS, Choice, Source, SourceError

RESEND: Final = 15.0
"""Seconds after which this daemon tells Alertmanager again."""
INTERVAL: Final = 0.5
REPOSITORY: Final = StorageRepository("/run/sr-mount/repo", "nfs", Size(1 << 40, 4 << 40))
CONTROL: Final = Slice(10240, 10240, None, 12.5, None, {})
SLOW: Final = RoundTrips((0,) * (len(BOUNDS) + 1), 0.0, 9, (None, 1.8) * 3)
"""Requests of which half fail, and the others take long."""
_DYING: Final = Domain(6, UUIDS[6], None, None, "dying", 0, 1, 0, 3.0)


def calm() -> Snapshot:
    """A host on which all is well."""
    full = full_snapshot()
    assert full.domains is not None
    assert full.memory_pressure is not None
    domains = tuple(domain for domain in full.domains.domains if domain.alive)
    assert full.disks is not None
    well = {
        key: dataclasses.replace(disk, in_flight=0, stalled_seconds=0.0)
        for key, disk in full.disks.by_device.items()
    }
    assert full.kernel_log is not None
    assert full.datapath is not None
    assert full.ha is not None
    attached = {
        name: dataclasses.replace(vif, attached=True) for name, vif in full.datapath.vifs.items()
    }
    return dataclasses.replace(
        full,
        disks=Disks(well),
        kernel_log=dataclasses.replace(full.kernel_log, recent={}),
        uplinks=Uplinks({"eth0": Nic("bond0", True, True, 1250000000, 3, 4)}),
        multipath=Multipath({"36001405a": MultipathMap(4, 0)}),
        iscsi_sessions=IscsiSessions({"1": IscsiSession("iqn.a", "192.0.2.31:3260", True)}),
        datapath=dataclasses.replace(full.datapath, vifs=attached),
        vm_starts=None,
        ha=dataclasses.replace(full.ha, warnings={"statefile_lost": False}),
        storage_repositories=StorageRepositories({"repo": REPOSITORY}),
        domains=Domains(domains, "hypercall"),
        backends=Backends(dict.fromkeys((VBD, VIF), "Connected")),
        slices=Slices({"control.slice": dataclasses.replace(CONTROL, share=0.8)}, 0, {}),
        xenstore_devices=XenstoreDevices({}, ()),
        memory_pressure=dataclasses.replace(full.memory_pressure, recent_kills={}),
    )


def storm() -> Snapshot:
    """The same host with every limit nearly used up, a broken guest and a zombie."""
    full, well = full_snapshot(), calm()
    assert full.daemons is not None
    assert full.disks is not None
    assert full.memory is not None
    assert full.memory_pressure is not None
    assert full.dom0_cpus is not None
    assert full.ha is not None
    assert full.kernel_log is not None
    assert well.domains is not None
    last = dataclasses.replace(_DYING, domid=32000, uuid=UUIDS[7])
    roles = full.daemons.by_role.items()
    return dataclasses.replace(
        well,
        event_channels=EventChannels({"interdomain": 130000}, {}, 131072, 131000, "hypercall"),
        irqs=Irqs(12540),
        domains=Domains(
            (*well.domains.domains, _DYING, last),
            "hypercall",
            restarts=40,
            restarted=(Restarted(UUIDS[5], b"web", 40),),
        ),
        driver_domains=DriverDomains(
            {3: EventChannels({"interdomain": 131000}, {5: 1020}, 131072, 131000, "hypercall")}
        ),
        grants=Grants({0: GrantFrames(1, 64), 5: GrantFrames(64, 64)}),
        maptrack=Maptrack(1020, 1024),
        blktap=Blktap("id", 16384, 3),
        aio=Aio(65536, 65536),
        daemons=dataclasses.replace(
            full.daemons,
            by_role={role: dataclasses.replace(process, fds=1024) for role, process in roles},
        ),
        daemon_fds=DaemonFds({"xenopsd": ProcessFds(730, 4000, 4096)}),
        qemu_fds=QemuFds({5: ProcessFds(900, 1020, 1024)}),
        control_path=ControlPath(
            dict.fromkeys(TARGETS, SLOW), {"xapi": DaemonTimes(7.5, 90.0, 0.5)}
        ),
        ptys=Ptys(4096, 4096),
        host_memory=HostMemory(total=64 << 30, free=0, owed={}),
        memory=dataclasses.replace(full.memory, available=1, low_usable=1, swap_free=1),
        memory_pressure=dataclasses.replace(
            full.memory_pressure,
            recent_kills={"xapi": 1},
            swap_in_rate=5000.0,
            stalled={"some": Stalled(0.5, 3.5)},
            free_blocks={(0, "Normal", 0): 7},
        ),
        dom0_cpus=dataclasses.replace(full.dom0_cpus, blocked=57, steal_ratio=0.4),
        clock=Clock(False, 16.0, 16.0),
        ha=dataclasses.replace(full.ha, warnings={"statefile_lost": True}),
        kernel_tables=KernelTables(
            Table(65536, 65536),
            {"ipv4": Table(1024, 1024), "ipv6": Table(3, 1024)},
            Table(200, 200),
            Table(20000, 20000),
        ),
        nbds=Nbds(24, 24),
        pids=Pids(32000, 32768, 60000),
        open_files=OpenFiles(65000, 65536),
        bridges=Bridges({"xenbr0": 1023, "ovs0": 1}, {"xenbr0": "bridge", "ovs0": "openvswitch"}),
        loops=Loops((1 << 20) - 1, 0, 0),
        file_systems=FileSystems(
            {
                "/": FileSystem(18 << 30, 0, 1 << 30, 1 << 20, 1 << 20),
                "/var/log": FileSystem(1 << 30, 3 << 30, 0, 1000, 1 << 18),
            }
        ),
        disks=Disks(
            {
                key: dataclasses.replace(disk, storage="dead")
                for key, disk in full.disks.by_device.items()
            }
        ),
        kernel_log=dataclasses.replace(
            full.kernel_log, recent={"conntrack_full": 2, "oom_kill": 1}
        ),
        uplinks=full.uplinks,
        multipath=full.multipath,
        iscsi_sessions=full.iscsi_sessions,
        certificates=Certificates(
            {name: Certificate(f"/etc/{name}.pem", 1.0) for name in ("xapi", "xapi-pool")}
        ),
        datapath=full.datapath,
        storage_repositories=StorageRepositories(
            {
                "repo": dataclasses.replace(REPOSITORY, size=Size(4 << 40, 4 << 40)),
                "dead": dataclasses.replace(REPOSITORY, size=None),
            }
        ),
        thin_pools=ThinPools(
            {
                "vg0/guests": ThinPool(
                    "out_of_data_space", Size(1 << 40, 1 << 40), Size(1 << 26, 1 << 26)
                )
            }
        ),
        volume_groups=VolumeGroups({"VG_XenStorage-repo": Size(1 << 40, 1 << 40)}),
        slices=Slices(
            {"control.slice": dataclasses.replace(CONTROL, share=0.01)},
            1000,
            {("qemu-system-i38", "/"): 1000},
        ),
        backends=Backends({VBD: "Connected", VIF: "Closed", QDISK: "Connected"}),
        xenstore_devices=XenstoreDevices(
            {}, (DeviceError(VIF, "backend", 28, "28 mapping shared-frames"),)
        ),
        vm_starts=vm_starts.VmStarts((1, *(0,) * len(vm_starts.BOUNDS)), 0.5, 1, 0, {5: 1000.0}),
        xenstore_quotas=XenstoreQuotas(
            "xenstored",
            {
                5: {
                    "nodes": Quota(1000, 1000),
                    "watches": Quota(128, 128),
                    "transactions": Quota(10, 10),
                    "memory": Quota(2621440, 2621440),
                }
            },
        ),
    )


def told(mode: Path) -> tuple[Probe, ...]:
    """The probes, which read what the word in the file means."""
    scenes: Mapping[str, Snapshot] = {"calm": calm(), "storm": storm()}

    def of(probe: Probe) -> Probe:
        def read(_source: Source, _context: Snapshot) -> Any:
            word = mode.read_text()
            if probe.name == "xenstore" and word == "storm":
                raise SourceError("/run/xenstored/socket", "is not answered")
            return getattr(scenes[word], probe.name)

        return dataclasses.replace(probe, read=stateless(read), interval=INTERVAL, enabled=True)

    return tuple(of(probe) for probe in PROBES)


def leaking(mode: Path) -> tuple[Machine, tuple[Probe, ...]]:
    """A synthetic host of few event channels, and its probes, the first of which lets it leak."""
    boot = dataclasses.replace(DEBIAN_12.boot, fifo=False)
    machine = Machine(dataclasses.replace(DEBIAN_12, boot=boot))
    table = machine.dom0.domain.channels
    lost: list[int] = []

    def leak() -> None:
        word = mode.read_text()
        while word == "storm" and len(table.channels) < 4000:
            lost.append(table.open(VIRQ, 0, 20))
        while word == "calm" and lost:
            table.close(lost.pop())

    def read(source: Source, context: Snapshot, memory: Any) -> tuple[object, Any]:
        leak()
        probe = next(probe for probe in PROBES if probe.name == "event_channels")
        return probe.read(source, context, memory)

    return machine, tuple(
        dataclasses.replace(
            probe,
            interval=INTERVAL,
            read=read if probe.name == "event_channels" else probe.read,
        )
        for probe in PROBES
    )


async def main(kind: str, mode: Path, file: str) -> int:
    """Serve until SIGTERM."""
    settings = load_settings(file, {})
    log.configure("info", "json")
    if kind == "leak":
        machine, probes = leaking(mode)
    else:
        machine, probes = Machine(DEBIAN_12), told(mode)
    daemon = Daemon(settings, lambda: settings, ModelSource(machine), probes=probes, resend=RESEND)

    def soon(*_arguments: object) -> tuple[dict[str, Forecast], frozenset[str]]:
        """A trend, which real time would take ten minutes to show."""
        storms = (kind, mode.read_text()) == ("table", "storm")
        found = {"aio_requests": Forecast(60.0, 50.0, 70.0)} if storms else {}
        return found, frozenset()

    with mock.patch("xenwatch.assessment.forecast", soon):
        return await daemon.run(Choice("synthetic", "a test steers it"))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])))
