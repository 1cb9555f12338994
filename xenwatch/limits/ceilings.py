"""What each limit's used units and ceiling are, from the readings of a snapshot.

Every function answers by instance of the limit ("" where there is one) and leaves out what cannot
be known: a missing ceiling is no headroom.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import Ceiling, Ceilings, Used
from xenwatch.parse.rtnl import BRIDGE_KIND, OLD_OPENVSWITCH, OPENVSWITCH_KIND
from xenwatch.readings.host import Host
from xenwatch.readings.processes import DaemonProcess
from xenwatch.readings.snapshot import Snapshot

FIFO_PORTS: Final = 1 << 17
TWO_LEVEL_PORTS: Final = 4096
FD_SETSIZE: Final = 1024
"""select(2) cannot watch a descriptor from this number on."""
IRQ_BITMAP_EXTRA: Final = 8196
"""IRQ_BITMAP_BITS is NR_IRQS plus this (kernel/irq/internals.h, up to Linux 6.4)."""
XCP_NG_NR_IRQS: Final = 4352
"""NR_IRQS of a kernel built for 64 CPUs: 256 + 64 * 64 (arch/x86/include/asm/irq_vectors.h)."""
INT_MAX: Final = (1 << 31) - 1
BRIDGE_PORTS: Final = 1023
"""BR_MAX_PORTS is 1 << 10 and port 0 is never given out (net/bridge/br_if.c, find_portno)."""
DATAPATH_PORTS: Final = 65535
"""USHRT_MAX (net/openvswitch/datapath.h, DP_MAX_PORTS)."""
OLD_DATAPATH_PORTS: Final = 1023
"""Of Open vSwitch 1.4, the one of XenServer 6: DP_MAX_PORTS was 1024, port 0 is its own."""
LAST_DOMID: Final = 0x7FF0 - 1
"""DOMID_FIRST_RESERVED less one."""
MINOR_BITS: Final = 20


def event_channels_used(snapshot: Snapshot) -> Mapping[str, int]:
    """Ports of dom0 that are not closed."""
    reading = snapshot.event_channels
    return {} if reading is None else {"": reading.used}


def event_channels_ceiling(snapshot: Snapshot) -> Mapping[str, Ceiling]:
    """The ABI's ports less port 0, which Xen reserves."""
    reading, host = snapshot.event_channels, snapshot.host
    if reading is not None and reading.highest >= TWO_LEVEL_PORTS:
        origin = f"a port from {TWO_LEVEL_PORTS} on is in use, so dom0 speaks the FIFO ABI"
        return {"": Ceiling(FIFO_PORTS - 1, origin)}
    if host is None or host.abi is None:
        return {}
    return {"": Ceiling(host.abi.ports - 1, f"{host.abi.name} ABI; {host.abi.origin}")}


def irqs_used(snapshot: Snapshot) -> Mapping[str, int]:
    """Interrupt descriptors allocated."""
    return {} if snapshot.irqs is None else {"": snapshot.irqs.used}


def irqs_ceiling(snapshot: Snapshot) -> Mapping[str, Ceiling]:
    """The kernel's bitmap of interrupts, which Linux 6.5 made as large as numbers go."""
    host = snapshot.host
    if host is None:
        return {}
    if host.kernel >= (6, 5):
        return {"": Ceiling(INT_MAX, "MAX_SPARSE_IRQS of Linux 6.5 and later")}
    if host.nr_irqs is not None:
        origin = f"kernel log: NR_IRQS {host.nr_irqs}, plus {IRQ_BITMAP_EXTRA}"
        return {"": Ceiling(host.nr_irqs + IRQ_BITMAP_EXTRA, origin)}
    if host.platform in ("xcp-ng", "xenserver") and host.kernel == (4, 19):
        origin = "XCP-ng and XenServer build Linux 4.19 for 64 CPUs"
        return {"": Ceiling(XCP_NG_NR_IRQS + IRQ_BITMAP_EXTRA, origin)}
    return {}


def grant_frames_used(snapshot: Snapshot) -> Mapping[str, int]:
    """Grant-table frames by domain."""
    if snapshot.grants is None:
        return {}
    return {str(domid): frames.used for domid, frames in snapshot.grants.frames.items()}


def grant_frames_ceiling(snapshot: Snapshot) -> Mapping[str, Ceiling]:
    """Each domain's own maximum, as Xen has it."""
    if snapshot.grants is None:
        return {}
    return {
        str(domid): Ceiling(frames.max, "GNTTABOP_query_size: max_nr_frames")
        for domid, frames in snapshot.grants.frames.items()
    }


def maptrack_used(snapshot: Snapshot) -> Mapping[str, int]:
    """Maptrack frames of dom0."""
    return {} if snapshot.maptrack is None else {"": snapshot.maptrack.used}


def maptrack_ceiling(snapshot: Snapshot) -> Mapping[str, Ceiling]:
    """dom0's own maximum, as the dump has it."""
    if snapshot.maptrack is None:
        return {}
    return {"": Ceiling(snapshot.maptrack.max, "debug key g: maptrack frames max")}


def blktap_used(snapshot: Snapshot) -> Mapping[str, int]:
    """Minors or ids in use."""
    return {} if snapshot.blktap is None else {"": snapshot.blktap.identifiers}


def blktap_ceiling(snapshot: Snapshot) -> Mapping[str, Ceiling]:
    """MAX_BLKTAP_DEVICE of the kernel driver by release, or blktap 4's MAX_ID."""
    if snapshot.blktap is None or snapshot.host is None:
        return {}
    if snapshot.blktap.regime == "id":
        return {"": Ceiling(16384, "MAX_ID of blktap 4")}
    host = snapshot.host
    if host.kernel >= (3, 0):
        return {"": Ceiling(16384, "MAX_BLKTAP_DEVICE of XenServer 6.5 and later, XCP-ng")}
    if host.platform_version.startswith("6.2"):
        return {"": Ceiling(2048, "MAX_BLKTAP_DEVICE of XenServer 6.2")}
    return {"": Ceiling(1024, "MAX_BLKTAP_DEVICE up to XenServer 6.1")}


def aio_used(snapshot: Snapshot) -> Mapping[str, int]:
    """Requests set up."""
    return {} if snapshot.aio is None else {"": snapshot.aio.nr}


def aio_ceiling(snapshot: Snapshot) -> Mapping[str, Ceiling]:
    """`aio-max-nr`, or twice that where the kernel counts doubled requests.

    Linux 3.12 to 4.14 add max(asked, 4 * CPUs) * 2 to aio-nr and compare it with twice the limit
    (fs/aio.c, ioctx_alloc); before and after, what was asked counts.
    """
    if snapshot.aio is None or snapshot.host is None:
        return {}
    if aio_doubled(snapshot.host):
        origin = "2 * fs.aio-max-nr: Linux 3.12 to 4.14 count every request twice"
        return {"": Ceiling(2 * snapshot.aio.max_nr, origin)}
    return {"": Ceiling(snapshot.aio.max_nr, "fs.aio-max-nr")}


def aio_doubled(host: Host) -> bool:
    """Whether this kernel counts every aio request twice."""
    return (3, 12) <= host.kernel < (4, 15)


def fds_used(role: str) -> Used:
    """Descriptors of the daemon in a role."""

    def used(snapshot: Snapshot) -> Mapping[str, int]:
        process = _daemon(snapshot, role)
        return {} if process is None else {"": process.fds}

    return used


def fds_ceiling(role: str) -> Ceilings:
    """The daemon's own limit of open files, and 1,024 where it waits with select(2)."""

    def ceiling(snapshot: Snapshot) -> Mapping[str, Ceiling]:
        process = _daemon(snapshot, role)
        if process is None:
            return {}
        own, origin = process.fd_limit, f"Max open files of process {process.pid}"
        if own is not None and own <= FD_SETSIZE:
            return {"": Ceiling(own, origin)}
        bound = selects(role, process.comm, snapshot.host)
        if bound:
            return {"": Ceiling(FD_SETSIZE, f"FD_SETSIZE: this {process.comm} uses select")}
        return {} if own is None or bound is None else {"": Ceiling(own, origin)}

    return ceiling


def _daemon(snapshot: Snapshot, role: str) -> DaemonProcess | None:
    return None if snapshot.daemons is None else snapshot.daemons.by_role.get(role)


def selects(role: str, comm: str, host: Host | None) -> bool | None:
    """Whether this daemon still waits with select; `None` where Xen's version is not known.

    xapi does; the C xenstored and xenconsoled up to Xen 4.2, oxenstored up to Xen 4.4. XenServer
    6.2 gave its xenconsoled poll ahead of Xen.
    """
    if role == "xapi":
        return True
    if host is None or host.xen is None:
        return None
    if role == "xenconsoled" and (host.platform, host.platform_version[:3]) == ("xenserver", "6.2"):
        return False
    return host.xen < ((4, 5) if comm == "oxenstored" else (4, 3))


def ptys_used(snapshot: Snapshot) -> Mapping[str, int]:
    """Pseudo-terminals in use."""
    return {} if snapshot.ptys is None else {"": snapshot.ptys.nr}


def ptys_ceiling(snapshot: Snapshot) -> Mapping[str, Ceiling]:
    """The initial devpts instance, which dom0 uses, may take the reserve too."""
    if snapshot.ptys is None:
        return {}
    return {"": Ceiling(snapshot.ptys.max, "kernel.pty.max")}


def host_memory_used(snapshot: Snapshot) -> Mapping[str, int]:
    """Memory of the host that domains and Xen hold."""
    memory = snapshot.host_memory
    return {} if memory is None else {"": memory.total - memory.free}


def host_memory_ceiling(snapshot: Snapshot) -> Mapping[str, Ceiling]:
    """All memory Xen has."""
    memory = snapshot.host_memory
    return {} if memory is None else {"": Ceiling(memory.total, "physinfo: total_pages")}


def memory_used(snapshot: Snapshot) -> Mapping[str, int]:
    """Memory that cannot be had without swapping; nothing before Linux 3.14, which cannot say."""
    memory = snapshot.memory
    if memory is None or memory.available is None:
        return {}
    return {"": max(0, memory.total - memory.available)}


def memory_ceiling(snapshot: Snapshot) -> Mapping[str, Ceiling]:
    """All of dom0's memory."""
    return {} if snapshot.memory is None else {"": Ceiling(snapshot.memory.total, "MemTotal")}


def low_memory_used(snapshot: Snapshot) -> Mapping[str, int]:
    """Low memory of a 32-bit highmem kernel."""
    memory = snapshot.memory
    if memory is None or memory.low_total is None or memory.low_free is None:
        return {}
    return {"": memory.low_total - memory.low_free}


def low_memory_ceiling(snapshot: Snapshot) -> Mapping[str, Ceiling]:
    """All low memory."""
    memory = snapshot.memory
    if memory is None or memory.low_total is None:
        return {}
    return {"": Ceiling(memory.low_total, "LowTotal")}


def swap_used(snapshot: Snapshot) -> Mapping[str, int]:
    """Swap in use; nothing on a host without swap."""
    memory = snapshot.memory
    if memory is None or not memory.swap_total:
        return {}
    return {"": memory.swap_total - memory.swap_free}


def swap_ceiling(snapshot: Snapshot) -> Mapping[str, Ceiling]:
    """All swap."""
    memory = snapshot.memory
    if memory is None or not memory.swap_total:
        return {}
    return {"": Ceiling(memory.swap_total, "SwapTotal")}


def tasks_used(snapshot: Snapshot) -> Mapping[str, int]:
    """Processes and threads."""
    return {} if snapshot.pids is None else {"": snapshot.pids.tasks}


def tasks_ceiling(snapshot: Snapshot) -> Mapping[str, Ceiling]:
    """The lower of the kernel's two limits."""
    pids = snapshot.pids
    if pids is None:
        return {}
    if pids.threads_max <= pids.pid_max:
        return {"": Ceiling(pids.threads_max, "kernel.threads-max")}
    return {"": Ceiling(pids.pid_max, "kernel.pid_max")}


def bridge_ports_used(snapshot: Snapshot) -> Mapping[str, int]:
    """Ports by bridge."""
    return {} if snapshot.bridges is None else snapshot.bridges.ports


def bridge_ports_ceiling(snapshot: Snapshot) -> Mapping[str, Ceiling]:
    """What a Linux bridge or an Open vSwitch datapath can number."""
    if snapshot.bridges is None:
        return {}
    linux = Ceiling(BRIDGE_PORTS, "BR_MAX_PORTS less port 0")
    datapath = Ceiling(DATAPATH_PORTS, "DP_MAX_PORTS")
    old = Ceiling(OLD_DATAPATH_PORTS, "DP_MAX_PORTS of Open vSwitch 1.4 less port 0")
    by_kind = {BRIDGE_KIND: linux, OPENVSWITCH_KIND: datapath, OLD_OPENVSWITCH: old}
    return {name: by_kind[kind] for name, kind in snapshot.bridges.kinds.items()}


def loops_used(snapshot: Snapshot) -> Mapping[str, int]:
    """Loop devices with a backing file."""
    return {} if snapshot.loops is None else {"": snapshot.loops.used}


def loops_ceiling(snapshot: Snapshot) -> Mapping[str, Ceiling]:
    """Minor numbers, shared by the partitions; `max_loop` only where loop-control is missing."""
    loops, host = snapshot.loops, snapshot.host
    if loops is None or host is None:
        return {}
    if host.kernel < (3, 1):
        if not loops.max_loop:
            return {}
        return {"": Ceiling(loops.max_loop, "loop.max_loop: no loop-control before Linux 3.1")}
    shift = (loops.max_part or 0).bit_length()
    return {"": Ceiling(1 << (MINOR_BITS - shift), "minor numbers of the loop driver")}


def domids_used(snapshot: Snapshot) -> Mapping[str, int]:
    """The highest domain id in use."""
    if snapshot.domains is None or not snapshot.domains.domains:
        return {}
    return {"": max(domain.domid for domain in snapshot.domains.domains)}


def domids_ceiling(snapshot: Snapshot) -> Mapping[str, Ceiling]:
    """The last id that is not reserved."""
    if snapshot.domains is None:
        return {}
    return {"": Ceiling(LAST_DOMID, "DOMID_FIRST_RESERVED")}


def file_systems_used(snapshot: Snapshot) -> Mapping[str, int]:
    """Bytes used by mount point."""
    if snapshot.file_systems is None:
        return {}
    return {place: fs.used for place, fs in snapshot.file_systems.by_mount_point.items()}


def file_systems_ceiling(snapshot: Snapshot) -> Mapping[str, Ceiling]:
    """Size by mount point."""
    if snapshot.file_systems is None:
        return {}
    return {
        place: Ceiling(fs.size, "statvfs: f_blocks")
        for place, fs in snapshot.file_systems.by_mount_point.items()
    }
