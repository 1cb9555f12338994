"""A captured host that answers as a source: from the texts of its own tools."""

from __future__ import annotations

import errno
import re
import struct
import uuid
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from tests.captures import domids, listed, pod_targets
from xenwatch.model.console import ConsoleRing
from xenwatch.model.render.domaininfo import render_list
from xenwatch.model.render.evtchn import render_status
from xenwatch.model.render.gnttab import render_query_size
from xenwatch.model.render.kernel_log import LogLine, render_kmsg
from xenwatch.model.render.partitions import render_partitions
from xenwatch.model.render.physinfo import render_physinfo
from xenwatch.model.render.pod import render_pod_target
from xenwatch.model.render.rtnl import render_links
from xenwatch.model.render.text import render_uname
from xenwatch.model.render.xen_console import asked_count, asked_index, render_readconsole
from xenwatch.model.render.xenstore import directory_reply, read_reply, refusal_reply
from xenwatch.model.render.xenstore_quota import render_acknowledged, render_oxenstored
from xenwatch.model.render.xenversion import render_text, render_version
from xenwatch.model.resources import Store
from xenwatch.model.tree import FileTree
from xenwatch.parse import domaininfo, evtchn, gnttab, physinfo, pod, xenstore, xenversion
from xenwatch.parse.domaininfo import X86_LAYOUTS, DomainInfo
from xenwatch.parse.evtchn import CLOSED, INTERDOMAIN, Channel, parse_lsevtchn
from xenwatch.parse.gnttab import QuerySize
from xenwatch.parse.partitions import Partition
from xenwatch.parse.physinfo import PhysInfo
from xenwatch.parse.pod import parse_pod_target
from xenwatch.parse.rtnl import Link
from xenwatch.parse.scheduling import SCHED_ID
from xenwatch.parse.xen_console import READCONSOLE
from xenwatch.parse.xenstore_quota import domain_request, settings_request
from xenwatch.readings.origin import LIVE
from xenwatch.sources.base import (
    READ_LIMIT,
    CommandOutput,
    Hypercall,
    HypercallReply,
    SourceError,
    XenstoreReply,
    no_events,
)

VERSION = (4, 17)
_PHYSINFO = struct.pack("<I", physinfo.PHYSINFO)
_SCHED_ID = struct.pack("<I", SCHED_ID)
_READCONSOLE = struct.pack("<I", READCONSOLE)
SLOTS = 64
"""Where the scans of `probe` ended in every domain."""
_ERRORS = {
    b"Permission denied": errno.EACCES,
    b"Operation not supported": errno.EOPNOTSUPP,
    b"Input/output error": errno.EIO,
}
MAXENTITY = 1000
"""quota-maxentity in oxenstored.conf of the captured hosts."""
_NODE = re.compile(rb'(/[^ ]*) = "(.*)"\Z')
_LINK = re.compile(r"^(\d+): ([^:@]+)[:@].*?(?: master (\S+))? state ", re.MULTILINE)
_FLAGS = {"d": 1, "s": 4, "p": 8, "b": 16, "r": 32}
"""Bits of getdomaininfo by the letters of `xl list`."""
_EMULATION = {"pv": 0, "pvh": 1, "hvm": 0x3FF}


class LabSource:
    """Answers as the host in the capture did, with or without its hypercalls."""

    def __init__(self, capture: Path, with_hypercalls: bool = True) -> None:
        self._capture, self.origin = capture, LIVE
        self._with_hypercalls = with_hypercalls
        self._tree = _files(capture)
        self._store = _store(capture)
        self._channels = {
            domid: parse_lsevtchn((capture / f"dom/{domid}/lsevtchn").read_bytes())
            for domid in domids(capture)
        }
        self._ports = {
            domid: {channel.port: channel for channel in channels}
            for domid, channels in self._channels.items()
        }
        self._infos = _domains(capture, self._store)
        self._owned = owned_nodes(capture)

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        content = self._tree.read(path)
        assert len(content) <= limit
        return content

    def kernel_log(self, after: int, limit: int = READ_LIMIT) -> bytes:
        return self.read("/dev/kmsg")

    def listdir(self, path: str) -> tuple[str, ...]:
        return self._tree.listdir(path)

    def readlink(self, path: str) -> str:
        return self._tree.readlink(path)

    def certificates(self, path: str) -> bytes:
        """The capture has nothing of it."""
        raise SourceError(path, "not captured", errno.ENOENT)

    stat = statvfs = certificates

    def uname(self) -> bytes:
        text = (self._capture / "uname").read_text().strip()
        sysname, _, release, rest = text.split(" ", 3)
        version, machine, _ = rest.rsplit(" ", 2)
        return render_uname((sysname, release, version, machine))

    def adjtimex(self) -> bytes:
        """The capture has nothing of it."""
        raise SourceError("adjtimex", "not captured", errno.ENOSYS)

    def taskstats(self, pids: Sequence[int]) -> bytes:
        """The capture has nothing of it."""
        raise SourceError("taskstats", "not captured", errno.ENOSYS)

    def run(self, argv: Sequence[str], deadline: float = 5.0) -> CommandOutput:
        self._tree.read(argv[0])
        answers = {
            ("lsevtchn", domid): f"dom/{domid}/lsevtchn" for domid in map(str, self._channels)
        } | {("xl", "dmesg"): "debug-key-g"}
        if argv[1:] == ("debug-keys", "g"):
            return CommandOutput(0, b"", b"")
        name = answers[argv[0].rpartition("/")[2], argv[1]]
        return CommandOutput(0, (self._capture / name).read_bytes(), b"")

    def links(self) -> bytes:
        found = _LINK.findall((self._capture / "ip-s-link").read_text())
        indexes = {name: int(index) for index, name, _ in found}
        return render_links(
            Link(
                int(index),
                name,
                indexes.get(master),
                "bridge" if name.startswith("xenbr") else "",
            )
            for index, name, master in found
        )

    def hypercall(self, call: Hypercall) -> HypercallReply:
        if not self._with_hypercalls:
            raise SourceError("/dev/xen/privcmd", "closed for this test", errno.EACCES)
        match call.number, call.args[0]:
            case evtchn.EVENT_CHANNEL_OP, evtchn.STATUS:
                return self._status(call.block)
            case gnttab.GRANT_TABLE_OP, gnttab.QUERY_SIZE:
                return self._query_size(call.block)
            case pod.MEMORY_OP, pod.GET_POD_TARGET:
                return self._pod_target(call.block)
            case domaininfo.SYSCTL, _:
                return self._sysctl(call.block)
            case xenversion.XEN_VERSION, xenversion.VERSION:
                return HypercallReply(render_version(VERSION), call.block)
            case xenversion.XEN_VERSION, xenversion.COMMANDLINE:
                text = (self._capture / "xl-info").read_text()
                line = text.partition("xen_commandline        : ")[2].partition("\n")[0]
                return HypercallReply(0, render_text(call.block, line))
        raise AssertionError(call)

    def hypercalls(self, calls: Sequence[Hypercall]) -> tuple[HypercallReply, ...]:
        replies: list[HypercallReply] = []
        for call in calls:
            replies.append(self.hypercall(call))
            if replies[-1].result == -errno.EINVAL:
                break
        return tuple(replies)

    def xenstore(self, op: int, payload: bytes) -> XenstoreReply:
        path = payload.removesuffix(b"\0").decode()
        if path not in self._store.values:
            return refusal_reply("ENOENT")
        if op == xenstore.READ:
            return read_reply(self._store.values[path])
        assert op == xenstore.DIRECTORY
        return directory_reply(self._store.names(path) or ())

    def xenstore_control(self, requests: Sequence[tuple[int, bytes]]) -> tuple[XenstoreReply, ...]:
        """As the host's oxenstored (quota.ml), with the quota of its configuration."""
        nodes = {domain_request(domid): (domid, owned) for domid, owned in self._owned.items()}
        replies = []
        for request in requests:
            if request in nodes:
                domid, owned = nodes[request]
                replies.append(render_oxenstored(domid, (owned, MAXENTITY)))
            else:
                assert request == settings_request()
                replies.append(render_acknowledged())
        return tuple(replies)

    def round_trip(self, target: str) -> float:
        """Measured nowhere, xapi does not run."""
        if target == "xapi":
            raise SourceError(target, "no socket", errno.ENOENT)
        return 0.001

    def events(self, topic: str) -> AsyncGenerator[bytes, None]:
        """See `Source.events`: a capture of files says nothing by itself."""
        return no_events()

    def close(self) -> None:
        """Release nothing."""

    def _sysctl(self, block: bytes) -> HypercallReply:
        if block.startswith(_SCHED_ID):
            raise SourceError("XEN_SYSCTL_sched_id", "not captured", errno.ENOSYS)
        if block.startswith(_PHYSINFO):
            return HypercallReply(0, render_physinfo(X86_LAYOUTS[VERSION], block, self._memory()))
        if block.startswith(_READCONSOLE):
            ring = ConsoleRing(1 << 20)
            ring.put((self._capture / "debug-key-g").read_bytes())
            found = ring.read(asked_index(block), asked_count(block))
            return HypercallReply(0, render_readconsole(block, found))
        first, count = struct.unpack_from("<HxxI", block, 8)
        infos = [info for info in self._infos if info.domid >= first][:count]
        return HypercallReply(0, render_list(X86_LAYOUTS[VERSION], block, infos))

    def _memory(self) -> PhysInfo:
        """Xen's memory as `xl info` shows it, in pages of its MiB, and its CPUs."""
        text = (self._capture / "xl-info").read_text()
        total, free = (
            int(re.findall(rf"^{name} +: (\d+)$", text, re.MULTILINE)[0]) << 8
            for name in ("total_memory", "free_memory")
        )
        cpus, highest, nodes = (
            int(re.findall(rf"^{name} +: (\d+)$", text, re.MULTILINE)[0])
            for name in ("nr_cpus", "max_cpu_id", "nr_nodes")
        )
        return PhysInfo(total, free, 0, 0, cpus, highest + 1, nodes)

    def _status(self, block: bytes) -> HypercallReply:
        domid, port = struct.unpack_from("<HxxI", block)
        if domid not in self._ports:
            return HypercallReply(-errno.ESRCH, block)
        if port >= SLOTS:
            return HypercallReply(-errno.EINVAL, block)
        channel = self._ports[domid].get(port)
        if channel is None and self._is_xens(domid, port):
            return HypercallReply(-errno.EACCES, block)
        return HypercallReply(0, render_status(domid, channel or Channel(port, 0, CLOSED)))

    def _is_xens(self, domid: int, port: int) -> bool:
        """Whether dom0 is connected to a port its domain does not list: lsevtchn passes it over."""
        return any(
            channel.kind == INTERDOMAIN and (channel.domain, channel.number) == (domid, port)
            for channel in self._channels[0]
        )

    def _query_size(self, block: bytes) -> HypercallReply:
        (domid,) = struct.unpack_from("<H", block)
        if domid not in self._ports:
            return HypercallReply(0, render_query_size(QuerySize(domid, 0, 0, -2)))
        used, most = grant_frames(self._capture, domid)
        return HypercallReply(0, render_query_size(QuerySize(domid, used, most, 0)))

    def _pod_target(self, block: bytes) -> HypercallReply:
        domid = parse_pod_target(block).domid
        target = pod_targets(self._capture).get(domid)
        if target is None:
            return HypercallReply(-errno.EINVAL, block)
        return HypercallReply(0, render_pod_target(target))


def grant_frames(capture: Path, domid: int) -> tuple[int, int]:
    """Frames of a domain's grant table, and their maximum, as `xen-diag` printed them."""
    text = (capture / f"dom/{domid}/gnttab_query_size").read_text()
    match = re.fullmatch(rf"domid={domid}: nr_frames=(\d+), max_nr_frames=(\d+)\n", text)
    assert match
    return int(match[1]), int(match[2])


def _files(capture: Path) -> FileTree:
    tree = FileTree()
    for path in sorted((capture / "proc").iterdir()):
        if path.is_file():
            tree.file(f"/proc/{path.name}", path.read_bytes())
        else:
            _process(tree, path)
    for name in ("limits-sys", "module-params"):
        for place, content in listed(capture, name).items():
            tree.file(place, content)
    for name in ("proc-xen", "sys-hypervisor", "sys-devices-system-xen", "sys-bus-xen-backend",
                 "xen-backend-devices", "net-vif"):  # fmt: skip
        _sysfs(tree, (capture / name).read_bytes())
    _devices(tree, capture)
    tree.file("/proc/stat", (capture / "proc-stat").read_bytes())
    tree.file("/proc/net/dev", (capture / "net-dev").read_bytes())
    tree.directory("/sys/bus/xen-backend/devices")
    tree.file("/dev/kmsg", _kernel_log(capture))
    tree.file("/proc/partitions", _partitions(capture))
    tree.file("/usr/lib/xen-4.17/bin/lsevtchn", b"")
    tree.file("/usr/sbin/xl", b"")
    tree.file("/sys/fs/cgroup/cgroup.controllers", b"")
    for path in (capture / "cgroup-xen.service").iterdir():
        tree.file(f"/sys/fs/cgroup/system.slice/xen.service/{path.name}", path.read_bytes())
    return tree


def _devices(tree: FileTree, capture: Path) -> None:
    """What of sysfs was kept in other words: interrupts, network interfaces, loop devices."""
    for line in (capture / "sys-kernel-irq").read_text().splitlines():
        tree.directory(f"/sys/kernel/irq/{line.split()[0]}")
    for name in _LINK.findall((capture / "ip-s-link").read_text()):
        if name[1].startswith("vif"):
            device = name[1].replace("vif", "vif-").replace(".", "-")
            tree.link(f"/sys/class/net/{name[1]}", f"../../devices/{device}/net/{name[1]}")
    for number in re.findall(r"^/dev/loop(\d+)", _losetup(capture), re.MULTILINE):
        tree.link(f"/sys/dev/block/7:{number}", f"../../devices/virtual/block/loop{number}")


def _process(tree: FileTree, directory: Path) -> None:
    home = f"/proc/{directory.name.rpartition('.')[2]}"
    for path in directory.iterdir():
        if path.name not in ("fd-list", "exe"):
            tree.file(f"{home}/{path.name}", path.read_bytes())
    listing = directory / "fd-list"
    for line in listing.read_text().splitlines() if listing.exists() else ():
        number, arrow, target = line.partition(" -> ")
        if arrow and number.isdigit():
            tree.link(f"{home}/fd/{number}", target)


def _sysfs(tree: FileTree, listing: bytes) -> None:
    for line in listing.splitlines():
        kind, _, rest = line.partition(b" ")
        if kind == b"LINK":
            path, _, target = rest.partition(b" -> ")
            tree.link(path.decode(), target.decode())
        elif kind == b"FILE":
            path, _, text = rest.partition(b":")
            reason = _ERRORS.get(text.strip(b" <>"))
            tree.file(path.decode(), reason or text.removeprefix(b" ") + b"\n")


def _kernel_log(capture: Path) -> bytes:
    lines = (capture / "dmesg").read_text().splitlines()
    return render_kmsg(LogLine(0, line.partition("] ")[2]) for line in lines)


def _losetup(capture: Path) -> str:
    """What `losetup` listed; nothing was kept of a host without loop devices."""
    path = capture / "losetup"
    return path.read_text() if path.exists() else ""


def _partitions(capture: Path) -> bytes:
    """The loop devices `losetup` lists; each guest has a disk of 16 MiB."""
    names = re.findall(r"^/dev/(loop\d+)", _losetup(capture), re.MULTILINE)
    return render_partitions(Partition(7, int(name[4:]), 16384, name) for name in sorted(names))


def owned_nodes(capture: Path) -> dict[int, int]:
    """Nodes of xenstore by the domain that owns them, as counted from `xenstore-ls -fp`."""
    lines = (capture / "xenstore-owned").read_text().splitlines()
    return {int(domid): int(nodes) for domid, nodes in (line.split() for line in lines)}


def _store(capture: Path) -> Store:
    store = Store()
    for line in (capture / "xenstore-ls-f").read_bytes().splitlines():
        match = _NODE.match(line)
        assert match, line
        store.write(match[1].decode(), match[2])
    return store


def _domains(capture: Path, store: Store) -> tuple[DomainInfo, ...]:
    """Domains of `xl list` with the UUIDs of `xl vm-list` and the types libxl keeps."""
    uuids = {}
    for line in (capture / "xl-vm-list").read_text().splitlines()[1:]:
        text, domid, _ = line.split()
        uuids[int(domid)] = uuid.UUID(text).bytes
    infos = []
    for line in (capture / "xl-list").read_text().splitlines()[1:]:
        _, domid, memory, vcpus, state, seconds = line.split()
        kind = store.values.get(f"/libxl/{domid}/type", b"pv").decode()
        flags = sum(bit for letter, bit in _FLAGS.items() if letter in state)
        infos.append(
            DomainInfo(
                domid=int(domid),
                flags=0xFFFF0000 | flags | (0 if kind == "pv" else 2),
                tot_pages=int(memory) << 8,
                max_pages=int(memory) << 8,
                cpu_time=round(float(seconds) * 1e9),
                online_vcpus=int(vcpus),
                max_vcpu_id=int(vcpus) - 1,
                handle=uuids[int(domid)],
                emulation=_EMULATION[kind],
            )
        )
    return tuple(infos)
