"""Event channels: EVTCHNOP_status blocks and the output of lsevtchn."""

from __future__ import annotations

import errno
import re
import struct
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.sources.base import BLOCK, Hypercall
from xenwatch.values import dataclass

EVENT_CHANNEL_OP: Final = 32
STATUS: Final = 5
FIFO_PORTS: Final = 1 << 17
"""EVTCHN_FIFO_NR_CHANNELS (xen/include/public/event_channel.h)."""
CLOSED: Final = "closed"
UNBOUND: Final = "unbound"
INTERDOMAIN: Final = "interdomain"
PIRQ: Final = "pirq"
VIRQ: Final = "virq"
IPI: Final = "ipi"
UNKNOWN: Final = "unknown"
KINDS: Final = (CLOSED, UNBOUND, INTERDOMAIN, PIRQ, VIRQ, IPI)
_WITH_DOMAIN: Final = (KINDS.index(UNBOUND), KINDS.index(INTERDOMAIN))
_DOMID_MASK: Final = 0xFFFF

_BLOCK = struct.Struct("<HxxIIIHxxI")
"""struct evtchn_status (xen/include/public/event_channel.h): dom, port, status, vcpu, union."""
STATUS_SIZE: Final = _BLOCK.size
BATCH: Final = 512
"""Ports that are asked about at once: with what Xen needs beside, 44 KiB of memory."""
_WORDS: Final = STATUS_SIZE // 4
_WORD = struct.Struct("<I")

_LINE = re.compile(
    rb"^ *(\d{1,9}): VCPU (\d{1,9}): (?:"
    rb"Interdomain \(Connected\) - Remote Domain (\d{1,9}), Port (\d{1,10})|"
    rb"Interdomain \(Waiting connection\) - Remote Domain (\d{1,9})|"
    rb"Physical IRQ (\d{1,10})|Virtual IRQ (\d{1,10})|(IPI)|(Unknown))\n",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Channel:
    """One slot of a domain's event-channel table.

    `domain` is the remote domain of an interdomain or unbound channel; `number` the remote port,
    pirq or virq. Both are `None` where the kind has none.
    """

    port: int
    vcpu: int
    kind: str
    domain: int | None = None
    number: int | None = None


def status_call(domid: int, port: int) -> Hypercall:
    """EVTCHNOP_status about a port of a domain."""
    block = _BLOCK.pack(domid, port, 0, 0, 0, 0)
    return Hypercall(EVENT_CHANNEL_OP, (STATUS, BLOCK), block)


def parse_status(block: bytes) -> Channel:
    """A channel from the block Xen filled. Raises `ParseError` for a block of another size."""
    if len(block) != _BLOCK.size:
        raise ParseError("EVTCHNOP_status", f"expected {_BLOCK.size} bytes", block)
    _, port, status, vcpu, domain, number = _BLOCK.unpack(block)
    kind = KINDS[status] if status < len(KINDS) else UNKNOWN
    if kind == INTERDOMAIN:
        return Channel(port, vcpu, kind, domain, number)
    if kind == UNBOUND:
        return Channel(port, vcpu, kind, domain)
    if kind in (PIRQ, VIRQ):
        return Channel(port, vcpu, kind, None, _WORD.unpack_from(block, 16)[0])
    return Channel(port, vcpu, kind)


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch of EVTCHNOP_status says of the allocated slots among its ports.

    `kinds` counts them by kind, `domains` the interdomain and unbound ones by remote domain.
    `highest` is the highest port that is open, -1 without any. `owned` are slots that Xen keeps to
    itself (EACCES, Xen 4.15 to 4.18), `failed` the number of any other error, or 0. `ended` is
    whether the table ends within the batch, for which EINVAL stands.
    """

    kinds: Mapping[str, int]
    domains: Mapping[int, int]
    highest: int
    slots: int
    owned: int
    failed: int
    ended: bool


def status_batch(domid: int, first: int, count: int) -> Hypercall:
    """EVTCHNOP_status about `count` ports of a domain, each in its part of the block."""
    words = array("I", bytes(STATUS_SIZE * count))
    words[0::_WORDS] = array("I", [domid]) * count
    words[1::_WORDS] = array("I", range(first, first + count))
    return Hypercall(EVENT_CHANNEL_OP, (STATUS, BLOCK), words.tobytes())


def parse_batch(first: int, results: bytes, block: bytes) -> Batch:
    """The slots of a batch that began at port `first`, from what `BatchReply` has.

    Columns are counted and no slot is an object: there are 131,072 of them. Raises `ParseError`.
    """
    if len(results) % 8 or len(block) != len(results) // 8 * STATUS_SIZE:
        raise ParseError("EVTCHNOP_status", "expected a result for each block", results[:24])
    codes, words = array("q", results), array("I", block)
    ended = -errno.EINVAL in codes
    slots = codes.index(-errno.EINVAL) if ended else len(codes)
    del codes[slots:], words[slots * _WORDS :]
    refused = Counter(codes)
    del refused[0]
    owned = refused.pop(-errno.EACCES, 0)
    # Of a call that has failed the block is as it was sent: closed.
    states, remotes = words[2::_WORDS], words[4::_WORDS]
    counted = Counter(states)
    del counted[KINDS.index(CLOSED)]
    kinds = Counter[str]()
    for state, number in counted.items():
        kinds[KINDS[state] if state < len(KINDS) else UNKNOWN] += number
    domains = Counter(
        remote & _DOMID_MASK
        for state, remote in zip(states, remotes, strict=True)
        if state in _WITH_DOMAIN
    )
    opened = (first + slot for slot in range(slots - 1, -1, -1) if states[slot])
    failed = -next(iter(refused), 0)
    return Batch(kinds, domains, next(opened, -1), slots, owned, failed, ended)


def parse_lsevtchn(data: bytes) -> tuple[Channel, ...]:
    """The channels `lsevtchn` lists (tools/xcutils/lsevtchn.c); it omits closed ones.

    Raises `ParseError` for any other line.
    """
    matches = _LINE.findall(data)
    if len(matches) != data.count(b"\n") or not (data.endswith(b"\n") or not data):
        line = next((one for one in data.splitlines() if not _LINE.match(one + b"\n")), data)
        raise ParseError("lsevtchn", "expected 'PORT: VCPU N: KIND'", line)
    return tuple(map(_channel, matches))


def _channel(match: Sequence[bytes]) -> Channel:
    port, vcpu, remote, remote_port, waiting, pirq, virq, ipi, _ = match
    place = int(port), int(vcpu)
    if remote:
        return Channel(*place, INTERDOMAIN, int(remote), int(remote_port))
    if waiting:
        return Channel(*place, UNBOUND, int(waiting))
    if pirq:
        return Channel(*place, PIRQ, None, int(pirq))
    if virq:
        return Channel(*place, VIRQ, None, int(virq))
    return Channel(*place, IPI if ipi else UNKNOWN)
