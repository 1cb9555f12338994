"""A platform with the changes of a scenario's host."""

from __future__ import annotations

import dataclasses
from typing import Final

from xenwatch.model.platform import TWO_LEVEL_64, Daemon, Platform
from xenwatch.model.scenario import Host
from xenwatch.model.state import BEGAN
from xenwatch.model.upkeep import DAY

_GIB_KIB: Final = 1 << 20


def on_host(platform: Platform, host: Host, began: float = BEGAN) -> Platform:
    """The platform with the changes of a scenario's host, which was made at that Unix time."""
    changes: dict[str, object] = {
        "settings": {**platform.settings, **host.settings},
        "bond": platform.bond or host.bond,
        "portals": platform.portals or host.portals,
        "ha": platform.ha or host.ha,
        "blktap_ids": platform.blktap_ids or host.blktap_ids,
    }
    daemons = platform.daemons
    if host.vcpus is not None:
        changes["vcpus"] = host.vcpus
    if host.bridges is not None:
        changes["bridges"] = host.bridges
    if host.memory_gib is not None:
        more = host.memory_gib * _GIB_KIB - platform.memory_kib
        grown = ("MemTotal", "MemFree", "MemAvailable", "HighTotal", "HighFree")
        changes["memory_kib"] = host.memory_gib * _GIB_KIB
        changes["meminfo"] = {
            name: kib + more if name in grown else kib for name, kib in platform.meminfo.items()
        }
    if host.host_memory_gib is not None:
        changes["host_kib"] = host.host_memory_gib * _GIB_KIB
    if host.certificate_days is not None:
        ends = began + host.certificate_days * DAY
        changes["certificates"] = dict.fromkeys(platform.certificates, ends)
    if not host.fifo_events:
        changes["channels"] = TWO_LEVEL_64
        changes["command_line"] = f"{platform.command_line} xen.fifo_events=0"
        changes["boot"] = dataclasses.replace(platform.boot, fifo=False)
    if host.c_xenstored:
        daemons = changes["daemons"] = tuple(map(_in_c, daemons))
    if host.qemus_in_root:
        changes["guest_group"] = "/"
    if not host.control_slice:
        changes["control_members"] = ()
        changes["slices"] = {
            name: weight for name, weight in platform.slices.items() if name != "control.slice"
        }
        changes["daemons"] = tuple(map(_uncontrolled, daemons))
    return dataclasses.replace(platform, **changes)  # type: ignore[arg-type]


def _in_c(daemon: Daemon) -> Daemon:
    """The C xenstored in place of oxenstored; any other daemon as it is."""
    if daemon.comm != "oxenstored":
        return daemon
    program, *rest = daemon.argv
    argv = (program.replace("oxenstored", "xenstored"), *rest)
    return dataclasses.replace(daemon, comm="xenstored", argv=argv)


def _uncontrolled(daemon: Daemon) -> Daemon:
    return dataclasses.replace(
        daemon, group=daemon.group.replace("/control.slice/", "/system.slice/")
    )
