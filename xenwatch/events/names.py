"""Maps messages of a source to events of the probes. See `Source.events`."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from xenwatch.probes.base import DOMAIN, DOMAIN_SETTLED, LINK
from xenwatch.sources.base import DOMAINS, LINKS
from xenwatch.sources.wire import (
    NETLINK_HEADER,
    RTM_DELLINK,
    RTM_NEWLINK,
    XENSTORE_HEADER,
    XS_WATCH_EVENT,
    aligned,
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """The event that a topic's messages are, if they are one, and the one after a quiet moment."""

    event: str
    settled: str | None
    concerns: Callable[[bytes], bool]


def concerns_domains(messages: bytes) -> bool:
    """Whether there is a watch's event among xenstored's messages."""
    return XS_WATCH_EVENT in _types(messages, XENSTORE_HEADER, 0, 3, XENSTORE_HEADER.size)


def concerns_links(messages: bytes) -> bool:
    """Whether a link came, went or changed, by rtnetlink's messages."""
    return not {RTM_NEWLINK, RTM_DELLINK}.isdisjoint(_types(messages, NETLINK_HEADER, 1, 0, 0))


MEANINGS: Final[Mapping[str, Meaning]] = {
    DOMAINS: Meaning(DOMAIN, DOMAIN_SETTLED, concerns_domains),
    LINKS: Meaning(LINK, None, concerns_links),
}
"""By topic; a topic no probe waits for has none."""


def event_of(topic: str, messages: bytes) -> str | None:
    """The event of the probes that the messages are; an empty item may hide one, so it counts."""
    meaning = MEANINGS[topic]
    return meaning.event if not messages or meaning.concerns(messages) else None


def _types(
    messages: bytes, header: struct.Struct, kind: int, length: int, extra: int
) -> Iterator[int]:
    """The types of messages, which stand in field `kind` of the header.

    `extra` is what the length in the header leaves out. Ends where the bytes are no message.
    """
    offset = 0
    while offset + header.size <= len(messages):
        fields = header.unpack_from(messages, offset)
        yield fields[kind]
        step = fields[length] + extra
        offset += max(header.size, step if extra else aligned(step))
