"""RTM_GETLINK dumps (linux/netlink.h, if_link.h)."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from xenwatch.model.render.link_attributes import (
    BRIDGE_DATA,
    PORT_DATA,
    USUAL,
    attribute,
    parent,
)
from xenwatch.parse.rtnl import (
    BOND_KIND,
    BRIDGE_KIND,
    BRIDGES_SINCE,
    IFF_LOWER_UP,
    IFF_UP,
    IFLA_BOND_SLAVE_MII_STATUS,
    IFLA_CARRIER_UP_COUNT,
    IFLA_IFNAME,
    IFLA_INFO_KIND,
    IFLA_INFO_SLAVE_DATA,
    IFLA_INFO_SLAVE_KIND,
    IFLA_LINK,
    IFLA_LINKINFO,
    IFLA_MASTER,
    MASTERS_SINCE,
    OPENVSWITCH_KIND,
    OPENVSWITCH_SINCE,
    Link,
    LinkMessage,
)
from xenwatch.sources.wire import (
    IFINFO,
    NETLINK_HEADER,
    NLMSG_DONE,
    RTM_DELLINK,
    RTM_NEWLINK,
)

IFLA_INFO_DATA: Final = 2
_MULTI: Final = 2
"""NLM_F_MULTI: one of many messages, ended by NLMSG_DONE."""
_ETHER: Final = 1
_FLAGS: Final = 0x1002
"""BROADCAST, MULTICAST."""
_RUNNING: Final = 0x40
"""IFF_RUNNING: up, and with a carrier."""
_KINDS_SINCE: Final = {BRIDGE_KIND: BRIDGES_SINCE, OPENVSWITCH_KIND: OPENVSWITCH_SINCE}


def render_messages(messages: Sequence[LinkMessage]) -> bytes:
    """A dump of these messages, NLMSG_DONE included."""
    sequence, port = (messages[-1].sequence, messages[-1].port) if messages else (0, 0)
    done = NETLINK_HEADER.pack(NETLINK_HEADER.size + 4, NLMSG_DONE, _MULTI, sequence, port) + bytes(
        4
    )
    return b"".join(map(_message, messages)) + done


def render_links(links: Iterable[Link]) -> bytes:
    """A dump of these links with the attributes that make them."""
    return render_messages([link_message(link) for link in links])


def reported(links: Iterable[Link], kernel: tuple[int, int]) -> Iterator[Link]:
    """The links with what a kernel of that release reports of them."""
    for link in links:
        yield dataclasses.replace(
            link,
            master=link.master if kernel >= MASTERS_SINCE else None,
            kind=link.kind if kernel >= _KINDS_SINCE.get(link.kind, kernel) else "",
        )


def link_message(link: Link) -> LinkMessage:
    """The message about one link: its name, its master, its driver's kind, and what others read.

    Drivers without rtnl_link_ops (netback's vifs, hardware) report no kind of their own; the port
    of a bridge reports its master's (net/core/rtnetlink.c, rtnl_link_fill).
    """
    name = link.name.encode("utf-8", "surrogateescape") + b"\0"
    attributes = [(IFLA_IFNAME, name), *USUAL]
    info = b""
    if link.kind:
        info += attribute(IFLA_INFO_KIND, link.kind.encode("ascii") + b"\0")
    if link.kind == BRIDGE_KIND:
        info += attribute(IFLA_INFO_DATA, BRIDGE_DATA)
    if link.master is not None:
        attributes.append((IFLA_MASTER, struct.pack("=I", link.master)))
        info += _slave(link)
    if info:
        attributes.append((IFLA_LINKINFO, info))
    if link.was_up is not None:
        attributes.append((IFLA_CARRIER_UP_COUNT, struct.pack("=I", link.was_up)))
    if link.lower is not None:
        attributes.append((IFLA_LINK, struct.pack("=I", link.lower)))
    if link.name.startswith("vif"):
        attributes += parent(name.rstrip(b"\0").replace(b"vif", b"vif-").replace(b".", b"-"))
    return LinkMessage(_MULTI, 1, 1, 0, _ETHER, link.index, _flags(link), 0, tuple(attributes))


def _flags(link: Link) -> int:
    flags = _FLAGS | (IFF_UP if link.up else 0) | (IFF_LOWER_UP if link.carrier else 0)
    return flags | (_RUNNING if link.up and link.carrier else 0)


def _slave(link: Link) -> bytes:
    """What the master of a link adds: its kind, and a bond whether the member works."""
    if link.member_up is None:
        kind = attribute(IFLA_INFO_SLAVE_KIND, b"bridge\0")
        return kind + attribute(IFLA_INFO_SLAVE_DATA, PORT_DATA)
    status = attribute(IFLA_BOND_SLAVE_MII_STATUS, bytes([0 if link.member_up else 2]))
    kind = attribute(IFLA_INFO_SLAVE_KIND, BOND_KIND.encode() + b"\0")
    return kind + attribute(IFLA_INFO_SLAVE_DATA, status)


def render_event(link: Link, *, gone: bool = False) -> bytes:
    """The message to the group of links about one that came or changed, or is `gone`."""
    message = dataclasses.replace(link_message(link), flags=0, sequence=0, port=0)
    return _message(message, RTM_DELLINK if gone else RTM_NEWLINK)


def _message(message: LinkMessage, kind: int = RTM_NEWLINK) -> bytes:
    body = IFINFO.pack(
        message.family, message.device_type, message.index, message.link_flags, message.change
    ) + b"".join(attribute(kind, value) for kind, value in message.attributes)
    header = NETLINK_HEADER.pack(
        NETLINK_HEADER.size + len(body), kind, message.flags, message.sequence, message.port
    )
    return header + body
