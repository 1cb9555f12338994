"""Event channels: EVTCHNOP_status blocks and the output of lsevtchn."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from xenwatch.parse.evtchn import CLOSED, INTERDOMAIN, IPI, KINDS, PIRQ, UNBOUND, VIRQ, Channel

_BLOCK = struct.Struct("<HxxIIIHxxI")
_NUMBER = struct.Struct("<HxxIIII4x")
"""struct evtchn_status with the union as u.interdomain (dom, port) and as u.pirq or u.virq."""


def render_status(domid: int, channel: Channel) -> bytes:
    """The block of EVTCHNOP_status as Xen answers about a domain's channel."""
    status = KINDS.index(channel.kind) if channel.kind in KINDS else len(KINDS)
    head = domid, channel.port, status, channel.vcpu
    if channel.kind in (PIRQ, VIRQ):
        return _NUMBER.pack(*head, channel.number or 0)
    return _BLOCK.pack(*head, channel.domain or 0, channel.number or 0)


def render_lsevtchn(channels: Iterable[Channel]) -> bytes:
    """What `lsevtchn` prints (tools/xcutils/lsevtchn.c); closed channels it leaves out."""
    lines = (
        f"{channel.port:4}: VCPU {channel.vcpu}: {_what(channel)}\n"
        for channel in channels
        if channel.kind != CLOSED
    )
    return "".join(lines).encode("ascii")


def _what(channel: Channel) -> str:
    return {
        UNBOUND: f"Interdomain (Waiting connection) - Remote Domain {channel.domain}",
        INTERDOMAIN: (
            f"Interdomain (Connected) - Remote Domain {channel.domain}, Port {channel.number}"
        ),
        PIRQ: f"Physical IRQ {channel.number}",
        VIRQ: f"Virtual IRQ {channel.number}",
        IPI: "IPI",
    }.get(channel.kind, "Unknown")
