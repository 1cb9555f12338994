"""Maps messages of a source to events of the probes. See `Source.events`."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from xenwatch.probes.base import DEVICE, DOMAIN, DOMAIN_SETTLED, LINK
from xenwatch.sources.base import DOMAINS, LINKS
from xenwatch.sources.wire import (
    NETLINK_HEADER,
    RTM_DELLINK,
    RTM_NEWLINK,
    XENSTORE_HEADER,
    XS_WATCH_EVENT,
    aligned,
)
from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """What probes wait for: at once, or after a moment without messages (`settled`), or both."""

    now: str | None
    settled: str | None = None

    @property
    def names(self) -> frozenset[str]:
        """The events of probes."""
        return frozenset(name for name in (self.now, self.settled) if name is not None)


OF_DOMAINS: Final = Event(DOMAIN, DOMAIN_SETTLED)
OF_DEVICES: Final = Event(None, DEVICE)
OF_LINKS: Final = Event(LINK)


def of_xenstored(messages: bytes) -> tuple[Event, ...]:
    """The events that xenstored's messages are: a name that is no path is about domains."""
    found = dict.fromkeys(
        OF_DOMAINS if payload.startswith(b"@") else OF_DEVICES
        for kind, payload in _parts(messages, XENSTORE_HEADER, 0, 3, XENSTORE_HEADER.size)
        if kind == XS_WATCH_EVENT
    )
    return tuple(found)


def of_rtnetlink(messages: bytes) -> tuple[Event, ...]:
    """The event of a link that came, went or changed, by rtnetlink's messages."""
    kinds = {kind for kind, _ in _parts(messages, NETLINK_HEADER, 1, 0, 0)}
    return (OF_LINKS,) if kinds & {RTM_NEWLINK, RTM_DELLINK} else ()


@dataclass(frozen=True, slots=True)
class Meaning:
    """The events that a topic may bring, and what finds those in its messages."""

    events: tuple[Event, ...]
    decode: Callable[[bytes], tuple[Event, ...]]


MEANINGS: Final[Mapping[str, Meaning]] = {
    DOMAINS: Meaning((OF_DOMAINS, OF_DEVICES), of_xenstored),
    LINKS: Meaning((OF_LINKS,), of_rtnetlink),
}
"""By topic; a topic no probe waits for has none."""


def events_of(topic: str, messages: bytes) -> tuple[Event, ...]:
    """The events that the messages are; an empty item may hide any."""
    meaning = MEANINGS[topic]
    return meaning.decode(messages) if messages else meaning.events


def probe_events(topic: str) -> frozenset[str]:
    """The events of probes that a topic may bring."""
    return frozenset(name for event in MEANINGS[topic].events for name in event.names)


def _parts(
    messages: bytes, header: struct.Struct, kind: int, length: int, extra: int
) -> Iterator[tuple[int, bytes]]:
    """The types of messages, which stand in field `kind` of the header, and what is after it.

    `extra` is what the length in the header leaves out. Ends where the bytes are no message.
    """
    offset = 0
    while offset + header.size <= len(messages):
        fields = header.unpack_from(messages, offset)
        step = fields[length] + extra
        yield fields[kind], messages[offset + header.size : offset + step]
        offset += max(header.size, step if extra else aligned(step))
