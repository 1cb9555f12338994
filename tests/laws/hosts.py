"""The hosts the laws are tried on: a small dom0, this machine's own Linux, synthetic hosts."""

from __future__ import annotations

import errno
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.sources.fakes import TableSource
from xenwatch.model.host import Machine
from xenwatch.model.presets import PRESETS
from xenwatch.model.render.certificate import render_certificate, render_pem
from xenwatch.model.render.domaininfo import render_list
from xenwatch.model.render.evtchn import render_status
from xenwatch.model.render.gnttab import render_query_size
from xenwatch.model.render.ovsdb import render_switch
from xenwatch.model.render.physinfo import render_physinfo
from xenwatch.model.render.rlimits import render_limits
from xenwatch.model.render.rtnl import render_links
from xenwatch.model.render.scheduling import render_affinity, render_parameters, render_sched_id
from xenwatch.model.render.xen_console import render_readconsole
from xenwatch.model.render.xenstore import directory_reply, read_reply, refusal_reply
from xenwatch.model.render.xenstore_quota import render_domain, render_settings
from xenwatch.model.render.xenversion import render_text, render_version
from xenwatch.model.source import ModelSource
from xenwatch.parse import (
    domaininfo,
    evtchn,
    gnttab,
    physinfo,
    scheduling,
    xenstore,
    xenstore_quota,
    xenversion,
)
from xenwatch.parse.domaininfo import DomainInfo
from xenwatch.parse.evtchn import Channel
from xenwatch.parse.gnttab import QuerySize
from xenwatch.parse.ovsdb import BridgeRow, PortRow, SwitchRows
from xenwatch.parse.physinfo import PhysInfo
from xenwatch.parse.rlimits import ResourceLimit
from xenwatch.parse.rtnl import Link
from xenwatch.parse.scheduling import Parameters
from xenwatch.parse.xen_console import ConsoleText, readconsole_call
from xenwatch.probes import PROBES, openvswitch
from xenwatch.probes.base import take
from xenwatch.probes.domains import CHUNK
from xenwatch.probes.guest_storage import STATUS, THIN_MODULE, VGS
from xenwatch.probes.reboot_pending import BOOT
from xenwatch.probes.storage_paths import (
    BLOCK,
    CONNECTIONS,
    MODULE,
    MOUNTSTATS,
    MULTIPATHD,
    SESSIONS,
)
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.sources.base import (
    CommandOutput,
    Hypercall,
    HypercallReply,
    Source,
    XenstoreReply,
)
from xenwatch.sources.host import HostSource
from xenwatch.sources.recording import RecordingSource
from xenwatch.sources.tree import TreeSource

_XEN: Final = (4, 17)
_BUS: Final = "/sys/bus/xen-backend/devices"
_DEVICES: Final = {"vbd-3-51712": "Connected", "vif-3-0": "InitWait", "qdisk-3-832": "Initialising"}
_PAGES: Final = 1 << 18
_SWITCH: Final = SwitchRows(
    (BridgeRow("ovs0", ("port",)),), (PortRow("port", "ovs0", 7, (), "", False, ("0",)),), {}
)


def _files() -> dict[str, bytes]:
    limits = [ResourceLimit("Max open files", 1024, 4096, "files")]
    files = {
        "/proc/xen/capabilities": b"control_d\n",
        "/sys/hypervisor/type": b"xen\n",
        "/sys/hypervisor/version/major": b"4\n",
        "/sys/hypervisor/version/minor": b"17\n",
        "/sys/hypervisor/version/extra": b".5\n",
        "/etc/os-release": b'ID=debian\nVERSION_ID="12"\n',
        "/proc/cmdline": b"root=/dev/xvda1\n",
        "/dev/kmsg": b"6,1,0,-;NR_IRQS: 4352, nr_irqs: 5\n"
        b"6,2,0,-;xen:events: Using FIFO-based ABI\n",
        "/proc/sys/net/netfilter/nf_conntrack_count": b"9\n",
        "/proc/sys/net/netfilter/nf_conntrack_max": b"65536\n",
        "/proc/net/stat/arp_cache": b"entries  allocs\n00000007  00000009\n",
        "/proc/sys/net/ipv4/neigh/default/gc_thresh3": b"1024\n",
        "/proc/key-users": b"    0:     9 8/8 3/1000000 40/25000000\n",
        "/sys/module/nbd/parameters/nbds_max": b"16\n",
        "/proc/vmstat": b"pswpin 0\npswpout 0\nallocstall_dma32 0\noom_kill 0\n",
        "/proc/uptime": b"500.25 900.00\n",
        "/proc/buddyinfo": b"Node 0, zone    DMA32      1      0      3 \n",
        "/proc/sys/fs/aio-nr": b"0\n",
        "/proc/sys/fs/file-nr": b"96\t0\t65536\n",
        "/proc/stat": b"cpu  9 0 4 80 0 0 0 1\ncpu0 9 0 4 80 0 0 0 1\nbtime 1790000000\n"
        b"procs_running 1\n",
        "/etc/xensource/xapi-ssl.pem": render_pem("xapi", render_certificate("xapi", 0, 2e9)),
        "/proc/net/dev": b"Inter-|\n face |\nvif3.0:" + b" 1" * 16 + b"\n",
        "/proc/sys/fs/aio-max-nr": b"65536\n",
        "/proc/sys/kernel/pty/nr": b"3\n",
        "/proc/sys/kernel/pty/max": b"4096\n",
        "/proc/sys/kernel/pid_max": b"32768\n",
        "/proc/sys/kernel/threads-max": b"15000\n",
        "/proc/loadavg": b"0.10 0.20 0.30 1/234 5678\n",
        "/proc/partitions": b"major minor  #blocks  name\n\n   7        0       1024 loop0\n",
        "/proc/mounts": b"/dev/xvda1 / ext4 rw 0 0\n/dev/xvdb1 /run/sr-mount/5e1 ext4 rw 0 0\n"
        b"srv:/a /run/sr-mount/5e3 nfs4 rw 0 0\n",
        MOUNTSTATS[0]: b"device srv:/a mounted on /run/sr-mount/5e3 with fstype nfs4 statvers=1.1\n"
        b"\tper-op statistics\n\t        READ: 9 11 1 0 0 0 0 0 0\n\n",
        f"{BLOCK}/dm-0/dm/name": b"3600a\n",
        f"{BLOCK}/dm-0/dm/uuid": b"mpath-3600a\n",
        f"{BLOCK}/sda/device/state": b"running\n",
        f"{SESSIONS}/session1/state": b"FAILED\n",
        f"{SESSIONS}/session1/targetname": b"iqn.a\n",
        f"{CONNECTIONS}/connection1:0/persistent_address": b"192.0.2.31\n",
        f"{CONNECTIONS}/connection1:0/persistent_port": b"3260\n",
        "/proc/meminfo": b"MemTotal: 4000 kB\nMemFree: 3000 kB\nMemAvailable: 3500 kB\n"
        b"SwapTotal: 0 kB\nSwapFree: 0 kB\nSlab: 100 kB\nSUnreclaim: 50 kB\n",
        "/sys/devices/system/xen_memory/xen_memory0/target_kb": b"4000\n",
        "/sys/devices/system/xen_memory/xen_memory0/info/current_kb": b"4000\n",
        "/sys/module/loop/parameters/max_loop": b"0\n",
        "/sys/module/loop/parameters/max_part": b"0\n",
        "/run/xenstored.pid": b"700\n",
        "/run/openvswitch/ovs-vswitchd.pid": b"730\n",
    }
    for pid, comm in ((700, "oxenstored"), (710, "xenconsoled"), (730, "ovs-vswitchd")):
        files[f"/proc/{pid}/comm"] = comm.encode() + b"\n"
        files[f"/proc/{pid}/limits"] = render_limits(limits)
    return files | {
        f"{_BUS}/{name}/state": f"{state}\n".encode() for name, state in _DEVICES.items()
    }


def _directories() -> dict[str, tuple[str, ...]]:
    return {
        _BUS: tuple(_DEVICES),
        "/proc": ("1", "700", "710", "meminfo"),
        "/proc/700/fd": tuple(map(str, range(29))),
        "/proc/710/fd": tuple(map(str, range(14))),
        "/proc/730/fd": tuple(map(str, range(90))),
        "/sys/fs/cgroup": ("cgroup.controllers",),
        "/sys/kernel/irq": tuple(map(str, range(90))),
        "/sys/class/blktap2": ("blktap!blktap0", "blktap!control"),
        "/run/blktap-control": ("ctl900", "tapdisk"),
        openvswitch.DIRECTORY: (openvswitch.SOCKET,),
        "/dev": ("VG_XenStorage-5e2", "null"),
        THIN_MODULE: ("parameters",),
        MODULE: ("parameters",),
        BLOCK: ("dm-0", "sda", "sdb"),
        f"{BLOCK}/dm-0/slaves": ("sda", "sdb"),
        SESSIONS: ("session1",),
        BOOT: ("vmlinuz-6.1.0", "vmlinuz-6.1.1", "xen-4.17-amd64.gz", "xen.gz"),
    }


def _replies() -> dict[Hypercall, HypercallReply]:
    layout = domaininfo.X86_LAYOUTS[_XEN]
    listing = domaininfo.list_call(layout, 0, CHUNK)
    memory = physinfo.physinfo_call(layout)
    pages = PhysInfo(1 << 22, 1 << 20, 0, 0, 4, 4, 1)
    infos = [
        DomainInfo(domid, 1 << 5, _PAGES, _PAGES, 10**9, 1, 0, uuid.UUID(int=domid).bytes, 0)
        for domid in (0, 3)
    ]
    command_line = xenversion.commandline_call()
    replies = {
        xenversion.version_call(): HypercallReply(render_version(_XEN), b""),
        command_line: HypercallReply(0, render_text(command_line.block, "dom0_mem=4G")),
        listing: HypercallReply(0, render_list(layout, listing.block, infos)),
        memory: HypercallReply(0, render_physinfo(layout, memory.block, pages)),
    }
    replies |= _scheduled(layout)
    for index, text in ((0, b"(XEN) up\n"), (9, b"")):
        console = readconsole_call(layout, index)
        block = render_readconsole(console.block, ConsoleText(text, 9))
        replies[console] = HypercallReply(0, block)
    for port in range(129):
        call = evtchn.status_call(0, port)
        kind = evtchn.INTERDOMAIN if 0 < port < 20 else evtchn.CLOSED
        block = render_status(0, Channel(port, 0, kind, 3, port))
        replies[call] = HypercallReply(0 if port < 128 else -errno.EINVAL, block)
    for domid in (0, 3):
        block = render_query_size(QuerySize(domid, 4, 64, 0))
        replies[gnttab.query_size_call(domid)] = HypercallReply(0, block)
    return replies


def _scheduled(layout: domaininfo.Layout) -> dict[Hypercall, HypercallReply]:
    """A dom0 with two vCPUs, of credit2."""
    (version,) = layout.domctl
    scheduler = scheduling.sched_id_call(layout)
    parameters = scheduling.parameters_call(version, 6, 0)
    block = render_parameters(parameters.block, Parameters(256, 0))
    affinities = {}
    for vcpu in range(64):
        call = scheduling.affinity_call(version, 0, vcpu, 4)
        affinity = render_affinity(call.block, range(4))
        affinities[call] = HypercallReply(0 if vcpu < 2 else -errno.EINVAL, affinity)
    return affinities | {
        scheduler: HypercallReply(0, render_sched_id(scheduler.block, 6)),
        parameters: HypercallReply(0, block),
    }


def _nodes() -> dict[tuple[int, bytes], XenstoreReply]:
    values = {
        "/local/domain/0/name": b"Domain-0",
        "/local/domain/3/name": b"web \xff",
        "/local/domain/0/backend/qdisk/3/832/state": b"4",
        "/local/domain/0/error/backend/vif/3/0/error": b"28 mapping shared-frames 521/522",
        "/local/domain/3/error/device/vif/0/error": None,
    }
    quotas = {"nodes": 1000, "watches": 128, "transactions": 10, "memory": 2621440}
    used = {"nodes": 42, "watches": 12, "transactions": 0, "memory": 9000}
    frontends: dict[str, tuple[str, ...]] = {
        "/local/domain/0/device/vif": (),
        "/local/domain/0/device/vbd": (),
        "/local/domain/3/device/vif": ("0",),
        "/local/domain/3/device/vbd": ("51712", "832"),
    }
    return (
        {
            xenstore_quota.settings_request(): render_settings(quotas),
            xenstore_quota.domain_request(3): render_domain(3, used),
        }
        | {
            (xenstore.READ, xenstore.path_payload(path)): refusal_reply("ENOENT")
            if value is None
            else read_reply(value)
            for path, value in values.items()
        }
        | {
            (xenstore.DIRECTORY, xenstore.path_payload(path)): directory_reply(names)
            if names
            else refusal_reply("ENOENT")
            for path, names in frontends.items()
        }
    )


def small_dom0() -> TableSource:
    """A dom0 with one guest: a disk, a disk in QEMU, and a network interface that failed."""
    links = (Link(1, "xenbr0", None, "bridge"), Link(2, "vif3.0", 1, "vif"))
    return TableSource(
        files=_files(),
        directories=_directories(),
        replies=_replies(),
        nodes=_nodes(),
        raw=render_links(links),
        round_trips={"xenstored": 0.002},
        targets={f"{BOOT}/xen.gz": "xen-4.17-amd64.gz"},
        stats={f"{BOOT}/xen-4.17-amd64.gz": b"7 1790000001000000000\n"},
        timex=b"2310 180\n",
        commands={
            openvswitch.command(): CommandOutput(0, render_switch(_SWITCH), b""),
            STATUS: CommandOutput(0, b"vg-p-tpool: 0 2048 thin-pool 1 1/9 2/8 - rw \n", b""),
            MULTIPATHD: CommandOutput(0, b"dev dm_st \nsda failed\nsdb active\n", b""),
            VGS: CommandOutput(0, b"  VG_XenStorage-5e2|4096|1024\n", b""),
        },
    )


def _preset(make: Callable[[], Machine]) -> Callable[[], Source]:
    return lambda: ModelSource(make())


HOSTS: Final[Mapping[str, Callable[[], Source]]] = {
    "small dom0": small_dom0,
    "this machine": HostSource,
    **{name: _preset(make) for name, make in PRESETS.items()},
}
"""Maker of the source by name."""


def readings(snapshot: Snapshot) -> dict[str, tuple[object, Status, str]]:
    """What each probe read, and how it fared, by its name."""
    outcomes = snapshot.outcomes
    return {
        name: (getattr(snapshot, name), outcomes[name].status, outcomes[name].detail)
        for name in (probe.name for probe in PROBES)
    }


def captured(host: str, directory: Path) -> tuple[Snapshot, TreeSource]:
    """A pass over a host while it was recorded, and the host as it was then."""
    recorder = RecordingSource(HOSTS[host](), directory)
    snapshot = take(recorder, PROBES).snapshot
    recorder.close()
    return snapshot, TreeSource(directory)
