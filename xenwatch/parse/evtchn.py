"""Event channels: EVTCHNOP_status blocks and the output of lsevtchn."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.sources.base import BLOCK, Hypercall

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

_BLOCK = struct.Struct("<HxxIIIHxxI")
"""struct evtchn_status (xen/include/public/event_channel.h): dom, port, status, vcpu, union."""
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
