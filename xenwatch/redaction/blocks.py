"""Answers that are no texts: dumps of links, blocks of hypercalls, counters, certificates."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from xenwatch.model.render.certificate import render_certificate, render_pem
from xenwatch.parse import rtnl
from xenwatch.parse.certificate import parse_not_after
from xenwatch.parse.domaininfo import HEADER_SIZE, Layout, parse_list
from xenwatch.parse.errors import ParseError
from xenwatch.parse.xen_console import REQUEST, TEXT_MAX, parse_readconsole
from xenwatch.redaction.names import Names
from xenwatch.redaction.tokens import Tokens
from xenwatch.sources.wire import (
    ATTRIBUTE,
    IFINFO,
    NETLINK_HEADER,
    RTM_DELLINK,
    RTM_NEWLINK,
    aligned,
)

_IFNAME: Final = 3
_ADDRESSES: Final = frozenset({1, 2, 54})
"""IFLA_ADDRESS, BROADCAST and PERM_ADDRESS (linux/if_link.h)."""
_LINKINFO: Final = 18
_PLAIN: Final = frozenset({4, 5, 6, 7, 10, 13, 16, 17, 23, 27, 30, 31, 32, 33, 35, 40, 41, 47, 48})
"""MTU, link, queueing discipline, counters, master, state and other numbers."""
_PLAIN_OF_KIND: Final = frozenset({rtnl.IFLA_INFO_KIND, rtnl.IFLA_INFO_SLAVE_KIND})
_NESTED: Final = 0x3FFF
"""The type of an attribute without the flags NLA_F_NESTED and NLA_F_NET_BYTEORDER."""
_IP_BYTES: Final = (4, 16)
_COMM: Final = 116
"""Where ac_comm is in an answer to taskstats: four headers, and the struct to that field."""
_COMM_BYTES: Final = 32
_DECADE: Final = 10 * 365 * 86400


def links(data: bytes, names: Names, tokens: Tokens) -> bytes:
    """Netlink messages about links, with the attributes that are known to name nobody.

    The others are left out: addresses of bridges and tunnels, aliases, virtual functions.
    """
    made = []
    offset = 0
    while len(data) - offset >= NETLINK_HEADER.size:
        length, kind, flags, sequence, port = NETLINK_HEADER.unpack_from(data, offset)
        message = data[offset : offset + length]
        if length < NETLINK_HEADER.size or len(message) < length:
            break  # no source gives half a message, and no probe takes it
        if kind in (RTM_NEWLINK, RTM_DELLINK):
            body = message[NETLINK_HEADER.size :]
            body = body[: IFINFO.size] + _attributes(body[IFINFO.size :], names, tokens)
            length = NETLINK_HEADER.size + len(body)
            message = NETLINK_HEADER.pack(length, kind, flags, sequence, port) + body
        made.append(message.ljust(aligned(len(message)), b"\0"))
        offset += aligned(NETLINK_HEADER.unpack_from(data, offset)[0])
    return b"".join(made)


def _attributes(data: bytes, names: Names, tokens: Tokens) -> bytes:
    made = b""
    for kind, value in _each(data):
        if kind == _IFNAME:
            made += _attribute(kind, names.interface(value.rstrip(b"\0")) + b"\0")
        elif kind in _ADDRESSES:
            change = tokens.ip if len(value) in _IP_BYTES else tokens.mac
            made += _attribute(kind, change(value))
        elif kind == _LINKINFO:
            made += _attribute(kind, b"".join(_of_kind(value)))
        elif kind in _PLAIN:
            made += _attribute(kind, value)
    return made


def _of_kind(data: bytes) -> Iterable[bytes]:
    """What kind of link it is, and of a member of a bond whether it works."""
    for kind, value in _each(data):
        if kind in _PLAIN_OF_KIND:
            yield _attribute(kind, value)
        elif kind == rtnl.IFLA_INFO_SLAVE_DATA:
            status = [
                _attribute(inner, state)
                for inner, state in _each(value)
                if inner == rtnl.IFLA_BOND_SLAVE_MII_STATUS and len(state) == 1
            ]
            yield _attribute(kind, b"".join(status))


def _each(data: bytes) -> Iterable[tuple[int, bytes]]:
    offset = 0
    while len(data) - offset >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(data, offset)
        if length < ATTRIBUTE.size or offset + length > len(data):
            return
        yield kind & _NESTED, data[offset + ATTRIBUTE.size : offset + length]
        offset += aligned(length)


def _attribute(kind: int, value: bytes) -> bytes:
    length = ATTRIBUTE.size + len(value)
    return (ATTRIBUTE.pack(length, kind) + value).ljust(aligned(length), b"\0")


def domains(block: bytes, layout: Layout | None, tokens: Tokens) -> bytes:
    """The list of domains with other UUIDs; zeros where its layout is not known."""
    try:
        count = len(parse_list(layout, block)) if layout is not None else None
    except (ParseError, struct.error):
        count = None
    if count is None or layout is None:
        return bytes(len(block))
    made = bytearray(block)
    place = HEADER_SIZE + struct.calcsize(layout.fields.removesuffix("16sI"))
    for start in range(place, place + count * layout.size, layout.size):
        made[start : start + 16] = tokens.uuid(block[start : start + 16])
    # What is behind the records is memory that Xen has not written.
    made[HEADER_SIZE + count * layout.size :] = bytes(
        len(block) - HEADER_SIZE - count * layout.size
    )
    return bytes(made)


def console(blocks: Mapping[str, bytes], change: Callable[[bytes], bytes]) -> dict[str, bytes]:
    """Blocks of Xen's console by request: lines keep their length, as its indexes count bytes.

    A line may begin in one block and end in the next, so those that follow one another are changed
    together. `change` gets a line.
    """
    found = []
    for request, block in blocks.items():
        try:
            read = parse_readconsole(block)
        except (ParseError, struct.error):
            continue
        begin = (read.index - len(read.text)) % (1 << 32)
        found.append((begin, len(read.text), request, read.text))
    made: dict[str, bytes] = {}
    run: list[tuple[str, bytes]] = []
    expected = -1
    for begin, length, request, text in sorted(found):
        if begin != expected:
            made |= _changed(run, change)
            run = []
        run.append((request, text))
        expected = (begin + length) % (1 << 32)
    made |= _changed(run, change)
    return {
        request: block[:HEADER_SIZE] + made[request].ljust(TEXT_MAX, b"\0")
        if request in made
        else bytes(len(block))
        for request, block in blocks.items()
    }


def _changed(
    run: Iterable[tuple[str, bytes]], change: Callable[[bytes], bytes]
) -> dict[str, bytes]:
    run = list(run)
    whole = b"".join(text for _, text in run)
    lines = (change(line)[: len(line)].ljust(len(line)) for line in whole.split(b"\n"))
    whole, made, place = b"\n".join(lines), {}, 0
    for request, text in run:
        made[request] = whole[place : place + len(text)]
        place += len(text)
    return made


def asked(block: bytes) -> int:
    """The command of a sysctl, 0 where there is none."""
    return int(REQUEST.unpack_from(block)[0]) if len(block) >= REQUEST.size else 0


def counters(data: bytes) -> bytes:
    """Answers to taskstats without the names of programs, which the counters are not read by."""
    made = bytearray(data)
    offset = 0
    while len(data) - offset >= NETLINK_HEADER.size:
        length = NETLINK_HEADER.unpack_from(data, offset)[0]
        if length >= _COMM + _COMM_BYTES and offset + length <= len(data):
            made[offset + _COMM : offset + _COMM + _COMM_BYTES] = bytes(_COMM_BYTES)
        offset += max(aligned(length), NETLINK_HEADER.size)
    return bytes(made)


def certificates(path: str, data: bytes) -> bytes:
    """A certificate of nobody that ends when the first of these does."""
    try:
        end = parse_not_after(path, data)
    except ParseError:
        return b""
    pem = render_pem("", render_certificate("host.example", max(0.0, end - _DECADE), end))
    return pem[pem.index(b"-----BEGIN CERTIFICATE-----") :]
