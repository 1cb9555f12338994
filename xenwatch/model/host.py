"""The synthetic host: a platform on which VMs start, stop and fail, device by device."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Final

from xenwatch.model import devices, switch
from xenwatch.model.bounds import Bounds
from xenwatch.model.devices import Device, Shape
from xenwatch.model.lease import (
    CLOSED,
    CONNECTED,
    INITIALISING,
    STATES,
    Lease,
    frontend_path,
)
from xenwatch.model.platform import XL, Platform
from xenwatch.model.refusal import BACKEND, FRONTEND, Refused
from xenwatch.model.render.kernel_log import LogLine, kill_line
from xenwatch.model.render.xen_console import render_line
from xenwatch.model.resources import ChannelTable
from xenwatch.model.state import BEGAN, BOOTED, DYING, QUOTAS, TABLES, Dom0, Domain
from xenwatch.model.upkeep import Install
from xenwatch.parse.evtchn import IPI, PIRQ, VIRQ
from xenwatch.parse.oom import Kill

_IPIS: Final = {"pv": 4, "pvh": 3, "hvm": 3}
"""IPIs Linux binds for each vCPU of a guest."""
_HVM_PIRQS: Final = (16, 18, 19, 17)
"""Emulated interrupts a Linux HVM guest routes through event channels."""
_RINGS: Final = frozenset({"channels", "irqs"})
"""Devices that connect when the guest's kernel does: by then xl has reported success."""
_MICROSECONDS: Final = 1_000_000
_DOMIDS: Final = 0x7FF0
"""DOMID_FIRST_RESERVED."""
_NAMESPACE: Final = uuid.UUID("7abfa6ad-afbc-41ea-9f8a-e375cf0e522a")
"""Namespace of the guests' UUIDs, which are made from names and domids to be reproducible."""


class Machine:
    """A host of this `platform`, with the maxima `bounds`, by default the platform's.

    `began` is when it was made (Unix time).

    Domids rise, and are reused only after the highest one.
    """

    def __init__(
        self, platform: Platform, bounds: Bounds | None = None, began: float = BEGAN
    ) -> None:
        self.dom0 = Dom0(platform, bounds, began)
        self.broken: dict[int, list[str]] = {}
        """By domid: why devices of VMs that run do not work."""
        self.generation = 0
        """Rises with every change: what was rendered before is stale."""
        self._next = 1
        self._leases: dict[int, dict[tuple[str, int], Lease]] = {}
        self._held: dict[int, dict[str, str]] = {}

    def start(self, name: bytes, shape: Shape, handle: bytes = b"") -> int:
        """Start a VM and return its domid; its devices are started in order. `handle` is its UUID.

        Raises `Refused` where the toolstack fails, and everything is released. A device that fails
        after that leaves a VM that runs without it, and is recorded in `broken`.
        """
        domid = self._domid()
        self.generation += 1
        handle = handle or uuid.uuid5(_NAMESPACE, f"{domid}/{name!r}").bytes
        guest = Domain(domid, handle, name, shape.type, shape.vcpus, shape.memory_kib)
        self.dom0.domains[domid] = guest
        self._introduce(guest, shape)
        self._leases[domid] = {}
        booted = False
        for cls, devid, device in devices.devices_of(shape, self.dom0.platform):
            if not booted and cls.startswith(("vbd", "vif", "vkbd")):
                _boot(guest)
                booted = True
            self._attach(guest, cls, devid, device)
        if not booted:
            _boot(guest)
        return domid

    def hold(self, domid: int) -> None:
        """Show the devices of a VM as they are until its kernel runs; `connect` ends it."""
        self.generation += 1
        held: dict[str, str] = {}
        for cls, devid in self._leases[domid]:
            bus_id = f"{cls}-{domid}-{devid}"
            if cls.startswith(("vbd", "vif")) and bus_id in self.dom0.backends:
                held[bus_id] = self.dom0.backends[bus_id]
                self._show(bus_id, "InitWait", "2")
        self._held[domid] = held

    def connect(self, domid: int) -> None:
        """Connect the devices of a VM that were held back, those it still has."""
        self.generation += 1
        for bus_id, shown in self._held.pop(domid, {}).items():
            if bus_id in self.dom0.backends:
                self._show(bus_id, shown, STATES[CONNECTED])

    def _show(self, bus_id: str, shown: str, state: str) -> None:
        """The state of a device in sysfs, unless a process serves it, and in xenstore."""
        if self.dom0.backends[bus_id] != INITIALISING:
            self.dom0.backends[bus_id] = shown
        path = bus_id.replace("-", "/")
        self.dom0.store.write(f"/local/domain/0/backend/{path}/state", state)

    def destroy(self, domid: int) -> None:
        """Stop a VM and release its resources; high-water marks stay."""
        self.generation += 1
        if domid in self._leases:  # a dying domain has released everything else
            self._release(domid)
        del self.dom0.domains[domid]

    def restart(self, domid: int, shape: Shape) -> int:
        """Stop a VM and start it again: the same VM is another domain then, whose domid it is."""
        guest = self.dom0.domains[domid]
        self.destroy(domid)
        return self.start(guest.name, shape, guest.uuid)

    def shut_down(self, domid: int) -> None:
        """Begin the shutdown of a VM, which changes its QEMU's wakeups; `destroy` ends it."""
        self.generation += 1
        pid = self.dom0.store.values.get(f"/local/domain/{domid}/image/device-model-pid")
        process = self.dom0.processes[int(pid)] if pid is not None else None
        if process is not None and process.life is not None:
            process.life = dataclasses.replace(process.life, stopped=self.dom0.seconds)

    def leave_zombie(self, domid: int) -> None:
        """Stop a VM that then stays dying: one of its pages is still mapped."""
        self.generation += 1
        self._release(domid)
        guest = self.dom0.domains[domid]
        guest.state = DYING
        guest.memory_kib, guest.overhead_kib, guest.cache_kib = 4, 0, 0

    def advance(self, seconds: float) -> None:
        """Advance to this time; it never goes back."""
        self.dom0.seconds = max(self.dom0.seconds, seconds)

    def leak_channel(self) -> None:
        """Leak an event channel whose other end is closed. Raises `Refused`."""
        self.generation += 1
        Lease(self.dom0, self.dom0.domain).unbound("evtchn:oxenstored")

    def leak_client(self) -> None:
        """Leak a connection to xenstored. Raises `Refused`."""
        self.generation += 1
        Lease(self.dom0, self.dom0.domain).fd(self.dom0.xenstored, self.dom0.socket())

    def leak_xenopsd_socket(self) -> None:
        """Leak a socket of xenopsd. Raises `Refused`."""
        self.generation += 1
        xenopsd = self.dom0.by_comm["xenopsd-xc"]
        Lease(self.dom0, self.dom0.domain).fd(xenopsd, self.dom0.socket())

    def leak_grants(self, domid: int, entries: int) -> None:
        """Leak grant entries of a guest. Raises `Refused`."""
        Lease(self.dom0, self.dom0.domains[domid]).grant(entries)

    def leak_minor(self) -> None:
        """Leak the minor or id of a dead tapdisk. Raises `Refused`, except with blktap 4."""
        self.generation += 1
        tapdisk = self.dom0.process("tapdisk")
        Lease(self.dom0, self.dom0.domain).minor(tapdisk)
        self.dom0.end(tapdisk)
        self.dom0.control_sockets.add(tapdisk.pid)

    def fill_table(self, table: str, entries: int) -> bool:
        """Make entries of a table of the kernel; false when that has filled it."""
        most = int(self.dom0.platform.settings[TABLES[table]])
        left = most - self.dom0.tables[table]
        self.dom0.tables[table] += min(entries, left)
        return entries <= left

    def use_xenstore(self, domid: int, kind: str, amount: int) -> bool:
        """Use more of a guest's quota of xenstore; false when that has filled it."""
        used = self.dom0.domains[domid].xenstore
        left = QUOTAS[kind] - used[kind]
        used[kind] += min(amount, left)
        return amount <= left

    def write_log(self, kib: int, files: int = 0) -> bool:
        """Write to the file system of the logs, into new files; false when that has filled it."""
        dom0 = self.dom0
        left = dom0.log_room_kib - dom0.log_kib
        files_left = dom0.log_files_max - dom0.log_files
        dom0.log_kib += min(kib, left)
        dom0.log_files += min(files, files_left)
        return kib <= left and files <= files_left

    def disconnect(self, domid: int, fault: str) -> None:
        """Take the network from a domain's interfaces, in one of the ways of `switch.FAULTS`."""
        self.generation += 1
        switch.disconnect(self.dom0, domid, fault)

    def unplug(self, device: str) -> bool:
        """Take the signal from a physical interface; false when there is none of that name."""
        self.generation += 1
        return switch.unplug(self.dom0, device)

    def install(self, step: Install) -> bool:
        """Install a kernel or Xen, which does not run before the next boot."""
        self.generation += 1
        self.dom0.boot.install(self.dom0.platform, step, self.dom0.began + self.dom0.seconds)
        return True

    def oom_kill(self, comm: str) -> bool:
        """Kill the newest process of a name for want of memory; false when there is none."""
        dom0 = self.dom0
        victims = [process for process in dom0.processes.values() if process.comm == comm]
        if not victims:
            return False
        self.generation += 1
        dom0.end(victims[-1])
        kill = Kill(BOOTED + dom0.seconds, comm)
        dom0.kills.append(kill)
        dom0.printed.append(kill_line(kill))
        return True

    def print_line(self, log: str, text: str) -> bool:
        """Print a line in the log `kernel`, or on the console of `xen`."""
        if log == "xen":
            self.dom0.console.put(render_line(text))
        else:
            seconds = BOOTED + self.dom0.seconds
            self.dom0.printed.append(LogLine(round(seconds * _MICROSECONDS), text))
        return True

    def fail(self, domid: int, cls: str, devid: int, error: str) -> None:
        """Make a device fail to connect, as xenbus_dev_fatal leaves it.

        `error` is the text of its error node: errno, what was tried. The device releases its
        resources except its backend, which is Closed.
        """
        self.generation += 1
        guest = self.dom0.domains[domid]
        shown = self.dom0.backends.get(f"{cls}-{domid}-{devid}")
        self._close(guest, cls, devid, INITIALISING if shown == INITIALISING else CLOSED)
        self.dom0.store.write(self._error_node(guest, cls, devid, BACKEND), error)

    def _domid(self) -> int:
        """The next free domid; after the highest one, from the first again."""
        while self._next in self.dom0.domains:
            self._next += 1
        if self._next >= _DOMIDS:
            self._next = 1
            return self._domid()
        self._next += 1
        return self._next - 1

    def _attach(self, guest: Domain, cls: str, devid: int, device: Device) -> None:
        lease = self._leases[guest.domid][cls, devid] = Lease(self.dom0, guest)
        try:
            device.start(lease)
        except Refused as refusal:
            xl = self.dom0.platform.toolstack == XL
            ring = cls in ("vbd", "vif") and refusal.bound in _RINGS
            if refusal.side == FRONTEND or (xl and ring):
                self._disconnect(guest, cls, devid, refusal)
                return
            self._give_up(guest.domid, zombie=xl and cls == "store")
            raise
        if lease.broken:
            self._note(guest.domid, cls, devid, lease.broken)

    def _note(self, domid: int, cls: str, devid: int, text: str) -> None:
        self.broken.setdefault(domid, []).append(f"{cls} {devid}: {text}")

    def _disconnect(self, guest: Domain, cls: str, devid: int, refusal: Refused) -> None:
        """Leave a device in the state of a failed connection."""
        self._close(guest, cls, devid, CLOSED)
        self.dom0.store.write(self._error_node(guest, cls, devid, refusal.side), refusal.text)
        self._note(guest.domid, cls, devid, refusal.text)

    def _error_node(self, guest: Domain, cls: str, devid: int, side: str) -> str:
        """Where xenbus writes an error: below the domain whose side failed."""
        if side == FRONTEND:
            return f"/local/domain/{guest.domid}/error/{frontend_path(cls, devid)}/error"
        server = self._leases[guest.domid][cls, devid].server
        return f"/local/domain/{server}/error/backend/{cls}/{guest.domid}/{devid}/error"

    def _close(self, guest: Domain, cls: str, devid: int, shown: str) -> None:
        leases = self._leases[guest.domid]
        leases[cls, devid].close()
        lease = leases[cls, devid] = Lease(self.dom0, guest, server=leases[cls, devid].server)
        lease.backend(cls, devid, shown, CLOSED)
        if cls == "vif" and not lease.server:  # the hotplug script ran before it could connect
            lease.port(f"vif{guest.domid}.{devid}")

    def _give_up(self, domid: int, *, zombie: bool) -> None:
        """Undo a start. Without a free event channel the domain stays."""
        if zombie:
            self.leave_zombie(domid)
        else:
            self.destroy(domid)

    def _introduce(self, guest: Domain, shape: Shape) -> None:
        store, home = self.dom0.store, f"/local/domain/{guest.domid}"
        text = str(uuid.UUID(bytes=guest.uuid))
        store.write(f"{home}/name", guest.name)
        store.write(f"{home}/domid", str(guest.domid))
        store.write(f"{home}/vm", f"/vm/{text}")
        store.write(f"{home}/memory/target", str(guest.memory_kib))
        most = max(guest.memory_kib, shape.max_kib)
        store.write(f"{home}/memory/static-max", str(most))
        store.write(f"/vm/{text}/name", guest.name)
        store.write(f"/vm/{text}/uuid", text)
        if self.dom0.platform.toolstack == XL:
            store.write(f"/libxl/{guest.domid}/type", guest.type)

    def _release(self, domid: int) -> None:
        self.broken.pop(domid, None)
        for lease in reversed(self._leases.pop(domid).values()):
            lease.close()
        guest = self.dom0.domains[domid]
        guest.channels = ChannelTable()
        store, backends = self.dom0.store, "/local/domain/0/backend"
        for cls in store.names(backends) or ():
            store.remove(f"{backends}/{cls}/{domid}")
        store.remove(f"/local/domain/{domid}")
        store.remove(f"/libxl/{domid}")
        store.remove(f"/vm/{uuid.UUID(bytes=guest.uuid)}")


def _boot(guest: Domain) -> None:
    """The channels a Linux guest's kernel binds for itself."""
    for vcpu in range(guest.vcpus):
        guest.channels.open(VIRQ, vcpu, 0)
        for _ in range(_IPIS[guest.type]):
            guest.channels.open(IPI, vcpu)
    if guest.type == "hvm":
        for pirq in _HVM_PIRQS:
            guest.channels.open(PIRQ, 0, pirq)
