"""Programs that show dom0's network."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from tests.runbooks.host import Host, Options, Program, prints, refuse

_OBJECTS: Final = {
    "link": {"show", "set", "add"},
    "addr": {"show"},
    "address": {"show"},
    "a": {"show"},
    "neigh": {"show", "flush"},
    "route": {"show", "get"},
}
"""Of ip(8): objects with what is asked of them."""


def _ip(host: Host, options: Options, operands: list[str]) -> str:
    """One object, one command, `show` by default; a device has to be there."""
    while operands and operands[0].startswith("-"):
        if not re.fullmatch(r"-(?:[046dosj]|details|stats|oneline|s)", operands.pop(0)):
            refuse("option unknown")
    name, *rest = operands or ["link"]
    if name not in _OBJECTS:
        refuse(f'Object "{name}" is unknown')
    if rest and rest[0] not in _OBJECTS[name] | {"dev"}:
        refuse(f'Command "{rest[0]}" is unknown')
    words = dict(pairwise(rest))
    for word, link in pairwise(rest):
        if rest[0] == "add" and word == "name":
            host.path(f"/sys/class/net/{link}").mkdir(parents=True, exist_ok=True)
    for word in ("dev", "master"):
        if word in words and not _is_there(host, words[word]):
            refuse(f'Device "{words[word]}" does not exist.')
    if name == "neigh":
        return "192.0.2.10 dev xenbr0 lladdr 02:00:00:00:00:01 REACHABLE\n"
    wanted = words.get("dev")
    return "".join(
        f"{index}: {link}: <BROADCAST,UP> mtu 1500 state UP\n"
        for index, link in enumerate(host.links, 1)
        if wanted in {None, link}
    )


def _is_there(host: Host, name: str) -> bool:
    """Whether there is a link of that name, from the start or added since."""
    return name in host.links or host.path(f"/sys/class/net/{name}").exists()


def _bridge(host: Host, options: Options, operands: list[str]) -> str:
    """`bridge link` of ports of Linux bridges."""
    if operands[:1] != ["link"] or not set(operands[1:]) <= {"show", "dev", *host.links}:
        refuse(f"unknown command: {operands}")
    ports = [name for name, master in host.links.items() if master]
    return "".join(f"{name} state forwarding master {host.links[name]}\n" for name in ports)


def _brctl(host: Host, options: Options, operands: list[str]) -> str:
    if operands[:1] not in (["show"], ["showmacs"], ["showstp"]):
        refuse(f"never heard of command {operands}")
    return "bridge name bridge id STP enabled interfaces\n"


def _ovs_vsctl(host: Host, options: Options, operands: list[str]) -> str:
    """Source: Open vSwitch, utilities/ovs-vsctl.8.in."""
    verbs = {
        "show",
        "list-br",
        "list-ports",
        "list-ifaces",
        "br-exists",
        "port-to-br",
        "list",
        "get",
    }
    verbs |= {"find", "--columns=name"}
    if operands[:1] == [] or operands[0] not in verbs:
        refuse(f"unknown command: {operands}")
    if operands[0] in {"list-ports", "list-ifaces", "br-exists"} and operands[1] not in host.links:
        refuse(f"no bridge named {operands[1]}")
    return "".join(f"{name}\n" for name, master in host.links.items() if master)


def _ovs_appctl(host: Host, options: Options, operands: list[str]) -> str:
    """Source: Open vSwitch, ovs-vswitchd(8)."""
    verbs = {"bond/show", "bond/list", "dpctl/show", "fdb/show", "coverage/show", "memory/show"}
    if operands[:1] == [] or operands[0] not in verbs:
        refuse(f"unknown command: {operands}")
    return "---- bond0 ----\n"


def _ethtool(host: Host, options: Options, operands: list[str]) -> str:
    if not operands or operands[-1] not in host.links:
        refuse(f"no such device: {operands}")
    return "Link detected: yes\n"


def _ss(host: Host, options: Options, operands: list[str]) -> str:
    """Options of iproute2; a filter is taken as it is."""
    return "State Recv-Q Send-Q Local Address:Port Peer Address:Port\n"


def _ping(host: Host, options: Options, operands: list[str]) -> str:
    if "-c" not in options or len(operands) != 1:
        refuse("does not end, or no destination")
    return "1 packets transmitted, 1 received\n"


PROGRAMS: Final = {
    "ip": Program(_ip),
    "bridge": Program(_bridge),
    "brctl": Program(_brctl),
    "ss": Program(_ss, "tnpaulxsoe46"),
    "ethtool": Program(_ethtool, "SimkT"),
    "ovs-vsctl": Program(_ovs_vsctl),
    "ovs-appctl": Program(_ovs_appctl),
    "ping": Program(_ping, "c:W:M:s:I:"),
    "ifconfig": prints("lo\n", "a"),
    "nc": prints("succeeded\n", "zvw:"),
}
