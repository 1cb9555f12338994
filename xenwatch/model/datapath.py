"""The datapath of the synthetic host: times of CPUs, interfaces, disks as their drivers count."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Final

from xenwatch.model import cpu, standing
from xenwatch.model.render.block_stat import render_block_stat
from xenwatch.model.render.cpustat import render_cpu_stat, render_net_dev
from xenwatch.model.render.netback import render_io_ring
from xenwatch.model.render.tapdisk import PAGE, render_tapdisk, render_vdi
from xenwatch.model.render.text import render_number
from xenwatch.model.state import BOOTED, Dom0
from xenwatch.model.tree import FileTree
from xenwatch.parse.block_stat import BlockStat
from xenwatch.parse.netback import FIELDS
from xenwatch.parse.process import TICKS
from xenwatch.parse.rtnl import BRIDGE_KIND, MASTERS_SINCE
from xenwatch.parse.tapdisk import TapdiskStats

_VIF = re.compile(r"vif\d+\.\d+\Z")
_QUEUE = re.compile(r"(vif\d+\.\d+)-q(\d+)")
CONNECTED: Final = "Connected"
SHARED_MEMORY: Final = "/dev/shm"  # noqa: S108 - tapdisk's own path
USUAL: Final = TapdiskStats(0, 0, 0, 6, 6, 792, 3000, 900, 0, 0, 0, 0, 0, 0)
"""What a captured host counted of a guest that only booted; the times are invented."""
BLKBACK: Final = {
    "ds_req": "discards",
    "f_req": "flushes",
    "oo_req": "out_of_requests",
    "rd_req": "read_reqs",
    "rd_sect": "read_sectors",
    "wr_req": "write_reqs",
    "wr_sect": "write_sectors",
}
"""blkback's names of what tapdisk counts too."""
RINGS_SINCE: Final = (3, 18)
"""Linux whose netback shows its rings below debugfs as it does today."""
IDLE_RING: Final = dict.fromkeys(FIELDS, "0") | {
    "tx_slots": "256",
    "rx_slots": "256",
    "rx_req_prod": "256",
    "rx_requests": "256",
    "pending_prod": "256",
    "napi_state": "10",
    "napi_weight": "64",
    "credit": str(2**64 - 1),
    "queued_bytes_max": "524288",
    "gate": "running",
}
"""Of a captured host, without traffic; the guest has posted 256 buffers."""
_IRQS_MIN: Final = 448
"""Interrupts of a captured host of two CPUs, used or not; the table grows with their number."""
_BYTES, _PACKETS = 150_000, 100
"""Traffic of an interface in a second, each way, since the host was made; invented."""


def build(tree: FileTree, dom0: Dom0) -> None:
    """Add the files."""
    tree.file("/proc/stat", partial(_stat, dom0))
    tree.file("/proc/net/dev", partial(_net_dev, dom0))
    tree.directory("/sys/kernel/debug/bdi")
    if dom0.platform.drivers.vif_channels > 1:
        queues = render_number(dom0.platform.max_queues)
        tree.file("/sys/module/xen_netback/parameters/max_queues", queues)
    if dom0.platform.kernel < MASTERS_SINCE:
        _bridges(tree, dom0)
    served = _served(dom0)
    for link in dom0.links.values():
        if _VIF.match(link.name):
            for queue in range(_queues(dom0, link.name, served)):
                _queue(tree, dom0, link.name, queue)
    minors = {pid: number for number, pid in dom0.minors.items()}
    for bus_id, state in dom0.backends.items():
        if bus_id.startswith("vbd-") and state == CONNECTED:
            _blkback(tree, dom0, bus_id)
        elif bus_id.startswith("vbd3-"):
            _tapdisk(tree, dom0, bus_id, minors)


def _bridges(tree: FileTree, dom0: Dom0) -> None:
    """Bridges and their ports as sysfs links them; Linux's own have a table of addresses."""
    for link in dom0.links.values():
        home = f"/sys/class/net/{link.name}"
        tree.directory(home)
        if link.index in dom0.bridge_ports:
            tree.directory(f"{home}/brif")
            if link.kind == BRIDGE_KIND:
                tree.file(f"{home}/brforward", b"")
        if link.master is not None:
            tree.directory(f"{home}/brport")
            bridge = dom0.links[link.master].name
            tree.link(f"/sys/class/net/{bridge}/brif/{link.name}", f"../../{link.name}/brport")


def _queue(tree: FileTree, dom0: Dom0, vif: str, queue: int) -> None:
    """A queue of an interface; its ring is shown once the frontend has connected."""
    for direction in ("rx", "tx"):
        tree.directory(f"/sys/class/net/{vif}/queues/{direction}-{queue}")
    bus_id = vif.replace("vif", "vif-").replace(".", "-")
    if dom0.platform.kernel >= RINGS_SINCE and dom0.backends.get(bus_id) == CONNECTED:
        path = f"/sys/kernel/debug/xen-netback/{vif}/io_ring_q{queue}"
        tree.file(path, render_io_ring(IDLE_RING | {"queue": str(queue)}))


def _blkback(tree: FileTree, dom0: Dom0, bus_id: str) -> None:
    """Blkback's counters, which appear once the frontend has connected."""
    for name, field in BLKBACK.items():
        path = f"/sys/devices/{bus_id}/statistics/{name}"
        tree.file(path, partial(_statistic, dom0, bus_id, field))
    _, domid, devid = bus_id.split("-")
    device = dom0.store.values.get(f"/local/domain/0/backend/vbd/{domid}/{devid}/physical-device")
    if device is not None:
        tree.file(f"/sys/devices/{bus_id}/physical_device", device + b"\n")
        major, minor = (int(number, 16) for number in device.split(b":"))
        target = f"../../devices/virtual/block/loop{minor}"
        tree.link(f"/sys/dev/block/{major}:{minor}", target)
        path = f"/sys/devices/virtual/block/loop{minor}/stat"
        tree.file(path, partial(_block_stat, dom0, bus_id))


def _tapdisk(tree: FileTree, dom0: Dom0, bus_id: str, minors: Mapping[int, int]) -> None:
    """The files of a tapdisk in shared memory, by process and by disk; `minors` is by process."""
    _, domid, devid = bus_id.split("-")
    pid = dom0.store.values.get(f"/local/domain/0/backend/vbd3/{domid}/{devid}/kthread-pid")
    if pid is None:
        return
    own = f"{SHARED_MEMORY}/td3-{pid.decode()}"
    tree.file(f"{SHARED_MEMORY}/{bus_id}/statistics", partial(_page, dom0, bus_id))
    tree.file(f"{own}/vbd-{domid}-{devid}", b"\1".ljust(PAGE, b"\0"))
    if int(pid) in minors:
        tree.file(f"{own}/vdi-{minors[int(pid)]}", partial(_vdi, dom0, bus_id))


def _statistic(dom0: Dom0, bus_id: str, field: str) -> bytes:
    value: int = getattr(dom0.io.get(bus_id, USUAL), field)
    return render_number(value)


def _block_stat(dom0: Dom0, bus_id: str) -> bytes:
    io = dom0.io.get(bus_id, USUAL)
    return render_block_stat(BlockStat(io.read_done, io.read_reqs - io.read_done))


def _vdi(dom0: Dom0, bus_id: str) -> bytes:
    return render_vdi(dom0.io.get(bus_id, USUAL))


def _page(dom0: Dom0, bus_id: str) -> bytes:
    return render_tapdisk(dom0.io.get(bus_id, USUAL))


def _stat(dom0: Dom0) -> bytes:
    """CPU times, the same on each CPU, with user and system times equal; stolen ones are idle."""
    vcpus = range(dom0.platform.vcpus)
    ticks = cpu.up_ns(dom0) * TICKS // 1_000_000_000
    busy = cpu.busy_ns(dom0) * TICKS // (2_000_000_000 * len(vcpus))
    idle = max(0, ticks - 2 * busy)
    stolen = min(idle, int(standing.stolen_seconds(dom0.standing, dom0.seconds) * TICKS))
    row = (busy, 0, busy, idle - stolen, 0, 0, 0, stolen, 0, 0)
    rows = {"cpu": tuple(column * len(vcpus) for column in row)} | {
        f"cpu{number}": row for number in vcpus
    }
    softirqs = (ticks, 0, ticks, *(0,) * 8)
    numbers = range(max(_IRQS_MIN, dom0.irq_numbers.high))
    each = [ticks if number in dom0.irqs else 0 for number in numbers]
    rest = {
        "intr": (sum(each), *each),
        "ctxt": (ticks,),
        "btime": (round(dom0.began - BOOTED),),
        "procs_running": (dom0.runnable,),
        "procs_blocked": (dom0.blocked,),
        "softirq": softirqs,
    }
    return render_cpu_stat(rows | rest)


def _net_dev(dom0: Dom0) -> bytes:
    seconds = int(dom0.seconds)
    way = (seconds * _BYTES, seconds * _PACKETS, *(0,) * 6)
    return render_net_dev({link.name: way + way for link in dom0.links.values()})


def _served(dom0: Dom0) -> Counter[str]:
    """How many queues of each interface netback has threads for."""
    found = (_QUEUE.match(process.comm) for process in dom0.processes.values())
    return Counter(name for name, _ in {match.groups() for match in found if match})


def _queues(dom0: Dom0, name: str, served: Mapping[str, int]) -> int:
    """The number of queues netback has threads for, at least one.

    An interface whose frontend has not connected shows as many as netback could give.
    """
    if dom0.backends.get(name.replace("vif", "vif-").replace(".", "-")) != CONNECTED:
        return dom0.platform.max_queues
    return served.get(name, 1)
