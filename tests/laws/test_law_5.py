"""Law 5: the walk over a netlink dump agrees with pyroute2's own decoder on the same bytes."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest
from pyroute2.netlink.rtnl.marshal import MarshalRtnl  # type: ignore[import-untyped]

from xenwatch.model.render.rtnl import render_links, render_messages
from xenwatch.parse.rtnl import Link, parse_links, parse_messages
from xenwatch.sources.wire import IFINFO, NETLINK_HEADER

RTM_GETLINK = 18
REQUEST_DUMP = 0x301
"""NLM_F_REQUEST | NLM_F_DUMP."""

RENDERED = render_links(
    [
        Link(1, "lo", None, ""),
        Link(2, "eth0", 3, ""),
        Link(3, "xenbr0", None, "bridge"),
        Link(4, "vif1.0", 3, ""),
        Link(5, "tap5.0", 3, "tun"),
        Link(6, "ovs-system", None, "openvswitch"),
        Link(7, "a-name-as-long", 6, "vlan"),
        Link(8, "vif1.1", 3, "", up=False, carrier=False),
        Link(9, "bond0", 3, "bond", was_up=True),
        Link(10, "eth1", 9, "", carrier=False, was_up=False, member_up=False),
        Link(11, "eth1.7", None, "vlan", lower=10),
    ]
)


def own_dump() -> bytes:
    """This machine's own links, asked for over a plain netlink socket."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as link:
        body = IFINFO.pack(0, 0, 0, 0, 0)
        link.send(
            NETLINK_HEADER.pack(NETLINK_HEADER.size + len(body), RTM_GETLINK, REQUEST_DUMP, 1, 0)
            + body
        )
        link.settimeout(10)
        dump = b""
        while not ends(dump):
            dump += link.recv(1 << 18)
        return dump


def ends(dump: bytes) -> bool:
    """Whether the last message of a dump is NLMSG_DONE."""
    offset = kind = 0
    while offset < len(dump):
        length, kind = struct.unpack_from("=IH", dump, offset)
        offset += -(-length // 4) * 4
    return kind == 3


def by_pyroute2(dump: bytes) -> list[Link]:
    """The links of a dump as pyroute2 decodes them."""
    links = []
    for message in MarshalRtnl().parse(dump):
        if message["header"]["type"] != 16:
            continue
        info = message.get_attr("IFLA_LINKINFO")
        kind = info.get_attr("IFLA_INFO_KIND") if info is not None else None
        name, master = message.get_attr("IFLA_IFNAME"), message.get_attr("IFLA_MASTER")
        lower = message.get_attr("IFLA_LINK") if kind == "vlan" else None
        came, flags = message.get_attr("IFLA_CARRIER_UP_COUNT"), message["flags"]
        links.append(
            Link(
                index=message["index"],
                name=name,
                master=master,
                kind=kind or "",
                up=message["state"] == "up",
                carrier=bool(flags & 1 << 16),
                was_up=None if came is None else came > 0,
                lower=lower,
                member_up=member_up(info),
            )
        )
    return links


def member_up(info: Any) -> bool | None:
    """Whether a member of a bond works, as pyroute2 decodes it."""
    if info is None or info.get_attr("IFLA_INFO_SLAVE_KIND") != "bond":
        return None
    return bool(info.get_attr("IFLA_INFO_SLAVE_DATA").get_attr("IFLA_BOND_SLAVE_MII_STATUS") == 0)


@pytest.mark.parametrize("origin", ["machine", "rendered"])
def test_the_walk_agrees_with_pyroute2(origin: str) -> None:
    """Names, masters, kinds and states of all links are the same by both decoders."""
    dump = own_dump() if origin == "machine" else RENDERED

    assert list(parse_links(dump)) == by_pyroute2(dump)
    assert parse_links(dump)[0].name == "lo"


def test_the_own_dump_survives_parser_and_renderer() -> None:
    """The messages of this machine's dump are the kernel's bytes again after rendering."""
    dump = own_dump()
    written = render_messages(parse_messages(dump))
    done = NETLINK_HEADER.size + 4

    assert written[:-done] == dump[: len(written) - done]
