"""An RTM_GETLINK dump, walked without a library (linux/netlink.h, if_link.h).

A host with a thousand guests has thousands of links; decoding every attribute of each costs
hundreds of milliseconds, walking to the three that matter one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
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

IFLA_IFNAME: Final = 3
IFLA_MASTER: Final = 10
IFLA_LINKINFO: Final = 18
IFLA_INFO_KIND: Final = 1
IFF_UP: Final = 1

BRIDGE_KIND: Final = "bridge"
OPENVSWITCH_KIND: Final = "openvswitch"
OLD_OPENVSWITCH: Final = "openvswitch-1"
"""A datapath that shows its ports in sysfs, as Open vSwitch did up to 1.9."""
MASTERS_SINCE: Final = (3, 9)
"""Before this Linux a port does not report its bridge (netdev_master_upper_dev_link)."""
OPENVSWITCH_SINCE: Final = (3, 17)
"""Before this Linux devices of Open vSwitch report no kind (internal_dev_link_ops)."""
BRIDGES_SINCE: Final = (3, 0)
"""Before this Linux bridges report no kind (br_link_ops, 2.6.39)."""


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

    `up` is whether somebody has set it up (IFF_UP), not whether the other side answers.
    """

    index: int
    name: str
    master: int | None
    kind: str
    up: bool = True


def parse_messages(data: bytes) -> tuple[LinkMessage, ...]:
    """The messages of a dump up to NLMSG_DONE. Raises `ParseError`."""
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
            messages.append(_message(flags, sequence, port, body))
        offset += aligned(length)
    raise ParseError("RTM_GETLINK dump", "truncated: no NLMSG_DONE")


def parse_links(data: bytes) -> tuple[Link, ...]:
    """The links of a dump. Raises `ParseError`."""
    return tuple(_link(message) for message in parse_messages(data))


def _message(flags: int, sequence: int, port: int, body: bytes) -> LinkMessage:
    if len(body) < IFINFO.size:
        raise ParseError("RTM_GETLINK dump", "truncated link message")
    family, device_type, index, link_flags, change = IFINFO.unpack_from(body)
    attributes = tuple(_attributes(body[IFINFO.size :]))
    return LinkMessage(
        flags, sequence, port, family, device_type, index, link_flags, change, attributes
    )


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while len(data) - offset >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(data, offset)
        if length < ATTRIBUTE.size or offset + length > len(data):
            raise ParseError(
                "RTM_GETLINK dump", f"attribute of {length} bytes does not fit the message"
            )
        yield kind, data[offset + ATTRIBUTE.size : offset + length]
        offset += aligned(length)


def _link(message: LinkMessage) -> Link:
    name, master, kind = "", None, ""
    for attribute, value in message.attributes:
        if attribute == IFLA_IFNAME:
            name = value.rstrip(b"\0").decode("utf-8", "surrogateescape")
        elif attribute == IFLA_MASTER and len(value) == 4:
            master = struct.unpack("=I", value)[0]
        elif attribute == IFLA_LINKINFO:
            nested = dict(_attributes(value))
            kind = nested.get(IFLA_INFO_KIND, b"").rstrip(b"\0").decode("ascii", "replace")
    return Link(message.index, name, master, kind, bool(message.link_flags & IFF_UP))
