"""The other daemons of the control path: how each is found on the platforms that have it.

xapi's own are found by their systemd units, which are in control.slice or system.slice depending
on the release, and before XenServer 7 by PID files (xen-api, scripts/*.service). Open vSwitch has
PID files everywhere (ovs-vswitchd(8), ovsdb-server(1): --pidfile).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """A daemon: its names in `/proc/PID/comm`, its PID files, its units below their slice."""

    comms: tuple[str, ...]
    pid_files: tuple[str, ...]
    units: tuple[str, ...]


DAEMONS: Final[Mapping[str, Program]] = {
    "xenopsd": Program(
        ("xenopsd-xc", "xenopsd"),
        ("/run/xenopsd-xc.pid", "/run/xenopsd.pid"),
        ("xenopsd-xc.service",),
    ),
    "squeezed": Program(("squeezed",), ("/run/squeezed.pid",), ("squeezed.service",)),
    "message-switch": Program(
        ("message-switch",), ("/run/message-switch.pid",), ("message-switch.service",)
    ),
    "varstored-guard": Program(("varstored-guard",), (), ("varstored-guard.service",)),
    # xen-api, ocaml/libs/stunnel and scripts: xapi's configuration of stunnel names the PID file.
    "stunnel": Program(
        ("stunnel", "stunnel4"),
        ("/run/xapissl.pid",),
        ("system-stunnel.slice/stunnel@xapi.service", "stunnel@xapi.service"),
    ),
    "ovs-vswitchd": Program(
        ("ovs-vswitchd",),
        ("/run/openvswitch/ovs-vswitchd.pid",),
        ("ovs-vswitchd.service", "openvswitch.service"),
    ),
    "ovsdb-server": Program(
        ("ovsdb-server",),
        ("/run/openvswitch/ovsdb-server.pid",),
        ("ovsdb-server.service", "openvswitch.service"),
    ),
}
"""The daemons by role, beside xenstored, xenconsoled and xapi."""
