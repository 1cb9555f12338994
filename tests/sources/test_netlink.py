"""The dump of links: this machine's own, and sockets that misbehave."""

from __future__ import annotations

import socket
import struct

import pytest

from xenwatch.model.render.rtnl import render_links
from xenwatch.parse.rtnl import Link, parse_links, parse_messages
from xenwatch.sources import netlink
from xenwatch.sources.base import SourceError
from xenwatch.sources.wire import NETLINK_HEADER, NLMSG_ERROR

LINKS = [Link(number, f"vif{number}.0", 1, "") for number in range(1, 20)]
TINY = 0.05


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a socket that keeps messages apart, as netlink's does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(TINY)
    return ours, theirs


def test_this_machine_has_links() -> None:
    """The dump of a running kernel is whole and lists the loopback device."""
    data = netlink.dump_links()

    assert "lo" in {link.name for link in parse_links(data)}
    assert NETLINK_HEADER.unpack_from(data)[3] == parse_messages(data)[0].sequence == 1


def test_a_dump_is_put_together_to_its_end() -> None:
    """Datagrams are collected up to the one that holds NLMSG_DONE, and no further."""
    dump = render_links(LINKS)
    split = NETLINK_HEADER.unpack_from(dump)[0]
    ours, theirs = pair()
    with ours, theirs:
        for datagram in (dump[:split], dump[split:], b"of another dump"):
            theirs.send(datagram)

        assert netlink._collect(ours) == dump


def test_a_refusal_ends_the_dump() -> None:
    """An error message of the kernel is the end: the parser says what it is."""
    refusal = NETLINK_HEADER.pack(NETLINK_HEADER.size + 4, NLMSG_ERROR, 0, 1, 0) + struct.pack(
        "=i", -1
    )
    ours, theirs = pair()
    with ours, theirs:
        theirs.send(refusal)

        assert netlink._collect(ours) == refusal


def test_a_dump_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """More bytes than any host has links for are not collected."""
    part = render_links(LINKS)[:-20]
    monkeypatch.setattr(netlink, "_DUMP_MAX", 2 * len(part))
    ours, theirs = pair()
    with ours, theirs:
        for _ in range(3):
            theirs.send(part)
        with pytest.raises(SourceError, match="RTM_GETLINK dump: longer than"):
            netlink._collect(ours)


def interrupted(dump: bytes) -> bytes:
    """A dump whose last message says that links changed meanwhile."""
    at = len(dump) - NETLINK_HEADER.size - 4
    length, kind, flags, sequence, port = NETLINK_HEADER.unpack_from(dump, at)
    return dump[:at] + NETLINK_HEADER.pack(length, kind, flags | 0x10, sequence, port) + bytes(4)


def dumps(monkeypatch: pytest.MonkeyPatch, *each: bytes) -> list[bytes]:
    """The kernel answers with these dumps in turn; those that are left."""
    left = list(each)
    monkeypatch.setattr(netlink, "_collect", lambda link: left.pop(0))
    return left


def test_an_interrupted_dump_is_asked_for_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Links that a dump may have missed are in the next one, which is not interrupted."""
    dump = render_links(LINKS)
    left = dumps(monkeypatch, interrupted(dump), interrupted(dump), dump, b"not asked for")

    assert netlink.dump_links() == dump
    assert left == [b"not asked for"]


def test_a_dump_that_is_always_interrupted_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dump that may miss links is never taken for all of them."""
    dumps(monkeypatch, *[interrupted(render_links(LINKS))] * 3)
    with pytest.raises(SourceError, match="RTM_GETLINK dump: interrupted"):
        netlink.dump_links()


def test_a_silent_kernel_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an answer the dump ends at its deadline with an error that names it."""
    monkeypatch.setattr(netlink, "_REQUEST_DUMP", 0)  # no request, so nothing to answer
    monkeypatch.setattr(netlink, "_RTM_GETLINK", 0)
    with pytest.raises(SourceError, match="RTM_GETLINK dump: timed out"):
        netlink.dump_links(TINY)


def test_no_netlink_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit that may not open such sockets fails with the kernel's reason."""

    def refuse(*family: int) -> socket.socket:
        raise PermissionError(1, "")

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(SourceError, match="RTM_GETLINK dump: Operation not permitted"):
        netlink.dump_links()
