"""The walk over RTM_GETLINK dumps against its renderer; pyroute2 judges it in law 5."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.model.render.rtnl import render_links, render_messages
from xenwatch.parse.errors import ParseError
from xenwatch.parse.rtnl import Link, LinkMessage, parse_links, parse_messages
from xenwatch.sources.wire import NETLINK_HEADER, NLMSG_DONE, NLMSG_ERROR

U32 = st.integers(0, 2**32 - 1)
ATTRIBUTES = st.lists(st.tuples(st.integers(0, 100), st.binary(max_size=40))).map(tuple)
MESSAGES = st.builds(
    LinkMessage,
    flags=st.integers(0, 2**16 - 1),
    sequence=U32,
    port=U32,
    family=st.integers(0, 255),
    device_type=st.integers(0, 2**16 - 1),
    index=st.integers(1, 2**31 - 1),
    link_flags=U32,
    change=U32,
    attributes=ATTRIBUTES,
)
LINKS = st.builds(
    Link,
    index=st.integers(1, 2**31 - 1),
    name=st.from_regex(r"[a-z][a-z0-9.@-]{0,14}", fullmatch=True),
    master=st.none() | st.integers(1, 2**31 - 1),
    kind=st.sampled_from(["", "bridge", "tun", "openvswitch", "vlan"]),
    up=st.booleans(),
    carrier=st.booleans(),
    was_up=st.none() | st.booleans(),
)
MEMBERS = st.builds(
    Link,
    index=st.integers(1, 2**31 - 1),
    name=st.just("eth0"),
    master=st.integers(1, 2**31 - 1),
    kind=st.just(""),
    member_up=st.booleans(),
)
VLANS = st.builds(
    Link,
    index=st.integers(1, 2**31 - 1),
    name=st.just("eth0.7"),
    master=st.none(),
    kind=st.just("vlan"),
    lower=st.integers(1, 2**31 - 1),
)


@settings(deadline=None)
@given(st.lists(MESSAGES).map(tuple))
def test_messages_survive_their_renderer(messages: tuple[LinkMessage, ...]) -> None:
    """Messages with any attributes, of any length, survive rendering and parsing."""
    assert parse_messages(render_messages(messages)) == messages


@settings(deadline=None)
@given(st.lists(LINKS | MEMBERS | VLANS).map(tuple))
def test_links_survive_their_renderer(links: tuple[Link, ...]) -> None:
    """Links with and without master and kind, up and down, survive rendering and parsing."""
    assert parse_links(render_links(links)) == links


@settings(deadline=None)
@given(st.lists(LINKS, min_size=1, max_size=4), st.data())
def test_a_dump_that_is_cut_off_is_refused(links: list[Link], data: st.DataObject) -> None:
    """A dump without its end raises `ParseError`: links might be missing."""
    dump = render_links(links)
    end = data.draw(st.integers(0, len(dump) - NETLINK_HEADER.size - 5))

    with pytest.raises(ParseError, match="RTM_GETLINK"):
        parse_links(dump[:end])


def test_an_error_of_the_kernel_is_refused() -> None:
    """A dump the kernel ended with an error raises `ParseError`."""
    with pytest.raises(ParseError, match="error"):
        parse_links(NETLINK_HEADER.pack(20, NLMSG_ERROR, 0, 1, 1) + struct.pack("=i", -1))


def test_other_messages_are_passed_over() -> None:
    """A message of another type in the dump is no link."""
    other = NETLINK_HEADER.pack(NETLINK_HEADER.size, 24, 0, 1, 1)

    assert parse_links(other + NETLINK_HEADER.pack(20, NLMSG_DONE, 2, 1, 1) + bytes(4)) == ()


@pytest.mark.parametrize(("changes", "was_up"), [(0, False), (1, False), (2, True), (3, True)])
def test_an_older_kernel_counts_changes_of_the_carrier(changes: int, was_up: bool) -> None:
    """Before Linux 4.16 a carrier that changed once was lost before it ever came."""
    attributes = ((3, b"eth0\0"), (35, struct.pack("=I", changes)))
    message = LinkMessage(2, 1, 1, 0, 1, 2, 0x1003, 0, attributes)

    (link,) = parse_links(render_messages([message]))

    assert (link.was_up, link.carrier) == (was_up, False)
