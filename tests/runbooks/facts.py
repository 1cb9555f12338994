"""What the programs of a host know, from the synthetic host."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Final

from tests.runbooks.host import Guest, Host, Task, Volume
from tests.runbooks.layouts import C_XENSTORED, Layout
from xenwatch.model.files import kernel_lines
from xenwatch.model.render.evtchn import render_lsevtchn
from xenwatch.model.state import BLOCKED, RUNNING, Dom0
from xenwatch.sources.base import READ_LIMIT

_STATES: Final = {RUNNING: "r-----", BLOCKED: "-b----"}
_NFS: Final = "nfs"
_ALERT_VALUES: Final = {
    "backend_domid": "0",
    "bond": "bond0",
    "family": "ipv4",
    "host": "xen2.example",
    "limit": "event_channels",
    "target": "xenstored",
    "portal": "192.0.2.30:3260",
    "map": "360000000000000001",
    "session": "1",
    "path": "3:0:0:1",
    "device": "sda",
    "interface": "eth0",
    "slice": "system.slice",
    "pool": "vg0/guests",
    "group": "vg0",
}
"""What alerts name that is the same on every host."""


def host_facts(dom0: Dom0, layout: Layout, root: Path) -> Host:
    """The facts of a host whose files are in `root`."""
    guests = tuple(
        Guest(
            domain.domid,
            str(uuid.UUID(bytes=domain.uuid)),
            domain.name.decode(errors="replace").splitlines()[0],
            domain.memory_kib // 1024,
            domain.vcpus,
            _STATES.get(domain.state, "--p--d"),
        )
        for domain in dom0.domains.values()
    )
    volumes = _volumes(dom0)
    return Host(
        layout=layout.name,
        toolstack=layout.toolstack,
        xen=(4, 22) if layout.name == C_XENSTORED else dom0.platform.xen,
        root=str(root),
        values=_values(dom0, guests, volumes, root),
        tasks=_tasks(dom0, layout),
        guests=guests,
        volumes=volumes,
        store={path: value.decode(errors="replace") for path, value in dom0.store.values.items()},
        channels={
            str(domain.domid): render_lsevtchn(
                sorted(domain.channels.channels.values(), key=lambda channel: channel.port)
            ).decode()
            for domain in dom0.domains.values()
        },
        links={
            link.name: dom0.links[link.master].name if link.master else ""
            for link in dom0.links.values()
        },
        texts={
            "xl dmesg": dom0.console.text[-READ_LIMIT:].decode(errors="replace"),
            "dmesg": "".join(f"[    0.000000] {line.text}\n" for line in kernel_lines(dom0)),
        },
    )


def _tasks(dom0: Dom0, layout: Layout) -> tuple[Task, ...]:
    """The processes, init and the kernel's own threads first."""
    selecting = {daemon.comm for daemon in dom0.platform.daemons if daemon.selects}
    names = {"oxenstored": "xenstored"} if layout.name == C_XENSTORED else {}
    first = (Task(1, "init", ("/sbin/init",), 1, 8000, (1024, 4096), False),)
    return first + tuple(
        Task(
            process.pid,
            names.get(process.comm, process.comm),
            tuple(word.replace("/oxen", "/xen") if names else word for word in process.argv),
            process.threads,
            4000 + process.anon_kib,
            process.nofile,
            process.comm in selecting,
        )
        for process in dom0.processes.values()
    )


def _volumes(dom0: Dom0) -> tuple[Volume, ...]:
    """The mounted file systems with a size."""
    sizes = dom0.platform.file_systems
    return tuple(
        Volume(
            *(mount.device.decode(), point, mount.fstype.decode()),
            size=size.blocks * size.frsize // 1024,
            used=(size.blocks - size.bfree) * size.frsize // 1024,
            free=size.bavail * size.frsize // 1024,
            inodes=size.files,
            inodes_free=size.ffree,
        )
        for mount in dom0.platform.mounts
        for point, size in sizes.items()
        if mount.mount_point.decode() == point
    )


def _values(
    dom0: Dom0, guests: tuple[Guest, ...], volumes: tuple[Volume, ...], root: Path
) -> dict[str, str]:
    """What alerts of that host may name: a guest that has a QEMU, the logs' file system, ...

    Paths are those below `root`, as `/` alone is not found in a text.
    """
    hvm = next(domain.domid for domain in dom0.domains.values() if domain.type == "hvm")
    guest = next(guest for guest in guests if guest.domid == hvm)
    points = [volume.point for volume in volumes if volume.type != _NFS]
    return _ALERT_VALUES | {
        "domid": str(hvm),
        "uuid": guest.uuid,
        "name": guest.name,
        "vm": guest.uuid,
        "mountpoint": f"{root}{points[-1]}",
        "bridge": next(
            link.name
            for link in dom0.links.values()
            if link.kind == "bridge" or link.name == "xenbr0"
        ),
        "storage": dom0.platform.repository.rpartition("/")[2]
        or "e3cd2b07-8f4d-4b0c-9a3d-5f4c1f1f0a11",
        "role": "xenconsoled",
        "comm": "xenconsoled",
    }
