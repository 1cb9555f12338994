"""The resources a device holds on the host, each with its release."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Final

from xenwatch.model.bounds import aio_counted
from xenwatch.model.refusal import FRONTEND, Refused
from xenwatch.model.resources import Process
from xenwatch.model.state import Dom0, Domain
from xenwatch.model.switch import hotplug_script
from xenwatch.parse.evtchn import INTERDOMAIN, UNBOUND, Channel
from xenwatch.values import dataclass

INITIALISING: Final = "Initialising"
CONNECTED: Final = "Connected"
CLOSED: Final = "Closed"
STATES: Final = {INITIALISING: "1", CONNECTED: "4", CLOSED: "6"}
"""XenbusState numbers (xen/include/public/io/xenbus.h) of the states devices come to here."""
_BOUNDS: Final = {
    "oxenstored": "xenstored",
    "xenstored": "xenstored",
    "xenconsoled": "xenconsoled",
    "xenopsd-xc": "xenopsd",
}
"""What bounds the descriptors of a daemon, by its program."""


_FRONTENDS: Final = {"vbd3": "vbd", "qdisk": "vbd"}
"""The class of the frontend, where it is not that of the backend."""


def frontend_path(cls: str, devid: int) -> str:
    """Where a guest has the frontend of a device, below its own node; of a console, its first."""
    return cls if cls == "console" else f"device/{_FRONTENDS.get(cls, cls)}/{devid}"


@dataclass(slots=True)
class Lease:
    """The resources of a guest's device; `close` releases them, the last one first."""

    dom0: Dom0
    guest: Domain
    broken: str = ""
    """A failure that the toolstack did not notice."""
    server: int = 0
    """The domain that serves the device."""
    _taken: list[tuple[Callable[..., object], tuple[object, ...]]] = field(default_factory=list)

    def close(self) -> None:
        """Release everything."""
        while self._taken:
            give, arguments = self._taken.pop()
            give(*arguments)

    def channel(self, action: str, owned: bool = False) -> int:
        """An event channel between the guest and dom0, where `action` names who bound it.

        Returns the guest's port. With `owned` that port is Xen's: an ioreq server's.
        """
        dom0, guest = self.dom0.domain.channels, self.guest.channels
        self._need_channel()
        theirs, ours = guest.take(), dom0.take()
        if owned:
            guest.owned.add(theirs)
        else:
            guest.channels[theirs] = Channel(theirs, 0, INTERDOMAIN, 0, ours)
        vcpu = ours % self.dom0.platform.vcpus
        dom0.channels[ours] = Channel(ours, vcpu, INTERDOMAIN, self.guest.domid, theirs)
        irq = self.dom0.irq("xen-dyn-lateeoi", "event", action)
        self._at_end(guest.close, theirs)
        self._at_end(dom0.close, ours)
        self._at_end(self._give_irq, irq)
        return theirs

    def served_channel(self, server: Domain) -> None:
        """An event channel between the guest and the driver domain `server`."""
        theirs, ours = self.guest.channels.take(), server.channels.take()
        self.guest.channels.channels[theirs] = Channel(theirs, 0, INTERDOMAIN, server.domid, ours)
        server.channels.channels[ours] = Channel(ours, 0, INTERDOMAIN, self.guest.domid, theirs)
        self._at_end(self.guest.channels.close, theirs)
        self._at_end(server.channels.close, ours)

    def unbound(self, action: str) -> None:
        """An event channel of dom0 with nobody at its other end."""
        dom0 = self.dom0.domain.channels
        self._need_channel()
        port = dom0.take()
        dom0.channels[port] = Channel(port, 0, UNBOUND, self.guest.domid)
        self.dom0.irq("xen-dyn-lateeoi", "event", action)

    def _need_channel(self) -> None:
        self.dom0.need("channels", len(self.dom0.domain.channels.channels) + 1)
        self.dom0.need("irqs", len(self.dom0.irqs) + 1)
        self.memory(0, self.dom0.platform.drivers.channel_kib)

    def grant(self, entries: int) -> None:
        """Entries of the guest's grant table."""
        self.dom0.need("frames", self.guest.frames_with(entries), side=FRONTEND)
        self.guest.grant(entries)
        self._at_end(self.guest.grant, -entries)

    def own_grant(self, entries: int) -> None:
        """Entries of dom0's own grant table."""
        self.dom0.need("own_frames", self.dom0.domain.frames_with(entries))
        self.dom0.domain.grant(entries)
        self._at_end(self.dom0.domain.grant, -entries)

    def process(
        self, comm: str, argv: tuple[str, ...] = (), threads: int = 1, anon_kib: int = 0
    ) -> Process:
        """A process with its memory, or a kernel thread."""
        self.dom0.need("tasks", self.dom0.tasks + threads)
        process = self.dom0.process(comm, argv, threads)
        if argv:  # kernel threads stay in the root group
            process.group = self.dom0.platform.guest_group
        process.anon_kib = anon_kib
        self._at_end(self.dom0.end, process)
        self.memory(anon_kib)
        return process

    def memory(self, anon_kib: int, slab_kib: int = 0) -> None:
        """dom0's own memory, which need not be low."""
        taken = self.dom0.anon_kib + self.dom0.slab_kib
        self.dom0.need("memory", taken + anon_kib + slab_kib)
        self._memory(anon_kib, slab_kib)
        self._at_end(self._memory, -anon_kib, -slab_kib)

    def host_memory(self, kib: int) -> None:
        """Memory of the guest's own, which Xen gives."""
        self.dom0.need("host_memory", self.dom0.guests_kib + kib)
        self._host_memory(kib)
        self._at_end(self._host_memory, -kib)

    def low_memory(self, kib: int) -> None:
        """Low memory of a 32-bit dom0."""
        self.dom0.need("low_memory", self.dom0.low_kib + kib)
        self._low_memory(kib)
        self._at_end(self._low_memory, -kib)

    def fd(self, process: Process, target: str) -> None:
        """A descriptor of a daemon, which outlives the guest."""
        self.dom0.need(_BOUNDS[process.comm], len(process.fds) + 1)
        self._at_end(process.close, process.open(target))

    def xenstore_client(self, process: Process) -> None:
        """A connection of a process to xenstored: a descriptor at each end."""
        process.open(self.dom0.socket())
        self.fd(self.dom0.xenstored, self.dom0.socket())

    def pty(self) -> int:
        """A pseudo-terminal."""
        self.dom0.need("ptys", self.dom0.ptys + 1)
        number = self.dom0.pty_numbers.take()
        self.dom0.ptys += 1
        self._at_end(self._give_pty, number)
        return number

    def port(self, name: str, kind: str = "") -> None:
        """A network link that is a port of the first bridge with one left."""
        bridge = self.dom0.bridge()
        link = self.dom0.link(name, bridge, kind)
        self.dom0.bridge_ports[bridge] += 1
        self._at_end(self._give_port, bridge)
        self._at_end(self.dom0.links.pop, link.index)

    def loop(self, kib: int) -> int:
        """A loop device in front of a file of that size; its number."""
        self.dom0.need("loops", len(self.dom0.loops) + 1)
        number = self.dom0.loop_numbers.take()
        self.dom0.loops[number] = kib
        self._at_end(self.dom0.loop_numbers.give, number)
        self._at_end(self.dom0.loops.pop, number)
        return number

    def minor(self, process: Process) -> int:
        """A minor or id of blktap with its tapdisk.

        blktap 4 looks for a free id, and continues with -1 when there is none.
        """
        try:
            self.dom0.need("minors", len(self.dom0.minors) + 1)
        except Refused:
            if self.dom0.platform.blktap_ids:
                return -1
            raise
        number = self.dom0.minor_numbers.take()
        self.dom0.minors[number] = process.pid
        self._at_end(self.dom0.minor_numbers.give, number)
        self._at_end(self.dom0.minors.pop, number)
        return number

    def aio(self, requests: int) -> None:
        """An aio context of so many requests, as the kernel counts it."""
        requests = aio_counted(self.dom0.platform, requests)
        self.dom0.need("aio", self.dom0.aio + requests)
        self._aio(requests)
        self._at_end(self._aio, -requests)

    def node(self, path: str, value: bytes | str) -> None:
        """A node of xenstore that goes with the device."""
        self.dom0.store.write(path, value)
        self._at_end(self.dom0.store.remove, path)

    def backend(self, cls: str, devid: int, sysfs: str, xenstore: str = CONNECTED) -> None:
        """A device in xenstore with its state, and on the bus of the kernel if dom0 serves it."""
        domid = self.guest.domid
        if not self.server:
            bus_id = f"{cls}-{domid}-{devid}"
            self.dom0.backend(bus_id, sysfs)
            self._at_end(self.dom0.end_backend, bus_id)
        frontend = f"/local/domain/{domid}/{frontend_path(cls, devid)}"
        backend = f"/local/domain/{self.server}/backend/{cls}/{domid}/{devid}"
        for path, value in {
            f"{backend}/frontend": frontend,
            f"{backend}/frontend-id": str(domid),
            f"{backend}/online": "1",
            f"{backend}/state": STATES[xenstore],
            f"{frontend}/backend": backend,
            f"{frontend}/backend-id": str(self.server),
            f"{frontend}/state": STATES[xenstore],
        }.items():
            self.dom0.store.write(path, value)
        if cls == "vif":
            self.dom0.store.write(f"{backend}/script", hotplug_script(self.dom0.platform))
        self._at_end(self.dom0.store.remove, frontend)
        self._at_end(self.dom0.store.remove, backend)

    def _at_end(self, give: Callable[..., object], *arguments: object) -> None:
        self._taken.append((give, arguments))

    def _give_irq(self, number: int) -> None:
        del self.dom0.irqs[number]
        self.dom0.irq_numbers.give(number)

    def _give_pty(self, number: int) -> None:
        self.dom0.pty_numbers.give(number)
        self.dom0.ptys -= 1

    def _memory(self, anon_kib: int, slab_kib: int) -> None:
        self.dom0.anon_kib += anon_kib
        self.dom0.slab_kib += slab_kib

    def _host_memory(self, kib: int) -> None:
        self.dom0.guests_kib += kib

    def _low_memory(self, kib: int) -> None:
        self.dom0.low_kib += kib

    def _give_port(self, bridge: int) -> None:
        self.dom0.bridge_ports[bridge] -= 1

    def _aio(self, requests: int) -> None:
        self.dom0.aio += requests
