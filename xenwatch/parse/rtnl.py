"""An RTM_GETLINK dump, walked without a library (linux/netlink.h, if_link.h).

A host with a thousand guests has thousands of links; decoding every attribute of each costs
hundreds of milliseconds, walking to the three that matter one.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Container, Mapping
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.sources.wire import (
    ATTRIBUTE,
    IFINFO,
    NETLINK_HEADER,
    NLMSG_DONE,
    NLMSG_ERROR,
    RTM_NEWLINK,
    aligned,
)
from xenwatch.values import dataclass

IFLA_IFNAME: Final = 3
IFLA_LINK: Final = 5
IFLA_MASTER: Final = 10
IFLA_LINKINFO: Final = 18
IFLA_CARRIER_CHANGES: Final = 35
IFLA_CARRIER_UP_COUNT: Final = 47
IFLA_INFO_KIND: Final = 1
IFLA_INFO_SLAVE_KIND: Final = 4
IFLA_INFO_SLAVE_DATA: Final = 5
IFLA_BOND_SLAVE_MII_STATUS: Final = 2
IFF_UP: Final = 1
IFF_LOWER_UP: Final = 1 << 16

BRIDGE_KIND: Final = "bridge"
BOND_KIND: Final = "bond"
VLAN_KIND: Final = "vlan"
OPENVSWITCH_KIND: Final = "openvswitch"
OLD_OPENVSWITCH: Final = "openvswitch-1"
"""A datapath that shows its ports in sysfs, as Open vSwitch did up to 1.9."""
MASTERS_SINCE: Final = (3, 9)
"""Before this Linux a port does not report its bridge (netdev_master_upper_dev_link)."""
OPENVSWITCH_SINCE: Final = (3, 17)
"""Before this Linux devices of Open vSwitch report no kind (internal_dev_link_ops)."""
BRIDGES_SINCE: Final = (3, 0)
"""Before this Linux bridges report no kind (br_link_ops, 2.6.39)."""
_ALL: Final = range(1 << 16)
_WANTED: Final = frozenset(
    (
        *(IFLA_IFNAME, IFLA_LINK, IFLA_MASTER, IFLA_LINKINFO, IFLA_CARRIER_CHANGES),
        IFLA_CARRIER_UP_COUNT,
    )
)
"""Attributes of a link that are read."""


@dataclass(frozen=True, slots=True)
class LinkMessage:
    """One RTM_NEWLINK message with its attributes as (type, raw value)."""

    flags: int
    sequence: int
    port: int
    family: int
    device_type: int
    index: int
    link_flags: int
    change: int
    attributes: tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True)
class Link:
    """One network link; `kind` is the driver's (`bridge`, `vif`, ...), empty without one.

    `up` is whether somebody has set it up (IFF_UP), `carrier` whether it has a signal then
    (IFF_LOWER_UP), `was_up` whether it ever had one since it was made, `None` where the kernel
    does not count. `lower` is the link below a VLAN, `member_up` whether a bond finds this member
    of it to work, `None` for any other link.
    """

    index: int
    name: str
    master: int | None
    kind: str
    up: bool = True
    carrier: bool = True
    was_up: bool | None = None
    lower: int | None = None
    member_up: bool | None = None


def parse_messages(data: bytes, wanted: Container[int] = _ALL) -> tuple[LinkMessage, ...]:
    """The messages of a dump up to NLMSG_DONE, with the wanted attributes. Raises `ParseError`."""
    messages: list[LinkMessage] = []
    offset = 0
    while offset < len(data):
        if len(data) - offset < NETLINK_HEADER.size:
            raise ParseError("RTM_GETLINK dump", "truncated message header")
        length, kind, flags, sequence, port = NETLINK_HEADER.unpack_from(data, offset)
        if length < NETLINK_HEADER.size or offset + length > len(data):
            raise ParseError("RTM_GETLINK dump", f"message of {length} bytes does not fit the dump")
        if kind == NLMSG_DONE:
            return tuple(messages)
        if kind == NLMSG_ERROR:
            raise ParseError("RTM_GETLINK dump", "the kernel returned an error")
        if kind == RTM_NEWLINK:
            body = data[offset + NETLINK_HEADER.size : offset + length]
            messages.append(_message(flags, sequence, port, body, wanted))
        offset += aligned(length)
    raise ParseError("RTM_GETLINK dump", "truncated: no NLMSG_DONE")


@functools.lru_cache(maxsize=1)
def parse_links(data: bytes) -> tuple[Link, ...]:
    """The links of a dump, of the same one the same tuple. Raises `ParseError`."""
    return tuple(_link(message) for message in parse_messages(data, _WANTED))


def _message(
    flags: int, sequence: int, port: int, body: bytes, wanted: Container[int]
) -> LinkMessage:
    if len(body) < IFINFO.size:
        raise ParseError("RTM_GETLINK dump", "truncated link message")
    family, device_type, index, link_flags, change = IFINFO.unpack_from(body)
    attributes = tuple(_attributes(body, IFINFO.size, wanted))
    return LinkMessage(
        flags, sequence, port, family, device_type, index, link_flags, change, attributes
    )


def _attributes(
    data: bytes, offset: int = 0, wanted: Container[int] = _ALL
) -> list[tuple[int, bytes]]:
    """Type and value of each wanted attribute from `offset` on: a dump has 36 for each link."""
    found = []
    end, unpack = len(data), ATTRIBUTE.unpack_from
    while end - offset >= ATTRIBUTE.size:
        length, kind = unpack(data, offset)
        if length < ATTRIBUTE.size or offset + length > end:
            raise ParseError(
                "RTM_GETLINK dump", f"attribute of {length} bytes does not fit the message"
            )
        if kind in wanted:
            found.append((kind, data[offset + ATTRIBUTE.size : offset + length]))
        offset += length + 3 & ~3
    return found


def _link(message: LinkMessage) -> Link:
    flags, found = message.link_flags, dict(message.attributes)
    name = found.get(IFLA_IFNAME, b"").rstrip(b"\0").decode("utf-8", "surrogateescape")
    info = dict(_attributes(found.get(IFLA_LINKINFO, b"")))
    kind = info.get(IFLA_INFO_KIND, b"").rstrip(b"\0").decode("ascii", "replace")
    master = _number(found.get(IFLA_MASTER))
    lower = _number(found.get(IFLA_LINK)) if kind == VLAN_KIND else None
    up, carrier = bool(flags & IFF_UP), bool(flags & IFF_LOWER_UP)
    return Link(
        message.index, name, master, kind, up, carrier, _was_up(found), lower, _member(info)
    )


def _was_up(attributes: Mapping[int, bytes]) -> bool | None:
    """Whether the carrier ever came (Linux 4.16), or changed more than once (Linux 3.15).

    A driver begins without carrier, which counts as a change.
    """
    came = _number(attributes.get(IFLA_CARRIER_UP_COUNT))
    if came is not None:
        return came > 0
    changes = _number(attributes.get(IFLA_CARRIER_CHANGES))
    return None if changes is None else changes > 1


def _member(info: Mapping[int, bytes]) -> bool | None:
    """Whether a bond finds its member to work: BOND_LINK_UP is 0 (include/net/bonding.h)."""
    if info.get(IFLA_INFO_SLAVE_KIND, b"").rstrip(b"\0") != BOND_KIND.encode():
        return None
    status = dict(_attributes(info.get(IFLA_INFO_SLAVE_DATA, b""))).get(IFLA_BOND_SLAVE_MII_STATUS)
    return None if status is None else status == b"\0"


def _number(value: bytes | None) -> int | None:
    if value is None or len(value) != 4:
        return None
    number: int = struct.unpack("=I", value)[0]
    return number
