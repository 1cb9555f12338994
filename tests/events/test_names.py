"""Which event of the probes a source's messages are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenwatch.events.names import (
    MEANINGS,
    OF_DEVICES,
    OF_DOMAINS,
    OF_LINKS,
    Event,
    events_of,
)
from xenwatch.model.render.rtnl import render_event, render_links
from xenwatch.model.render.xenstore import render_watch_event
from xenwatch.parse.rtnl import Link
from xenwatch.sources.base import DOMAINS, LINKS
from xenwatch.sources.wire import NETLINK_HEADER, XENSTORE_HEADER, XS_WATCH

VIF = Link(9, "vif1.0", 3, "vif")
ACCEPTED = XENSTORE_HEADER.pack(XS_WATCH, 0, 0, 3) + b"OK\0"
ADDRESS = NETLINK_HEADER.pack(NETLINK_HEADER.size + 2, 20, 0, 0, 0) + bytes(4)


@pytest.mark.parametrize(
    ("topic", "messages", "events"),
    [
        (DOMAINS, render_watch_event("@introduceDomain"), (OF_DOMAINS,)),
        (DOMAINS, ACCEPTED + render_watch_event("@releaseDomain"), (OF_DOMAINS,)),
        (DOMAINS, render_watch_event("backend/vif/3/0/state"), (OF_DEVICES,)),
        (
            DOMAINS,
            render_watch_event("backend/vif/3/0/state") + render_watch_event("@releaseDomain"),
            (OF_DEVICES, OF_DOMAINS),
        ),
        (DOMAINS, ACCEPTED, ()),
        (DOMAINS, b"", (OF_DOMAINS, OF_DEVICES)),
        (LINKS, render_event(VIF), (OF_LINKS,)),
        (LINKS, ADDRESS + render_event(VIF, gone=True), (OF_LINKS,)),
        (LINKS, render_links([]), ()),
        (LINKS, ADDRESS, ()),
        (LINKS, b"", (OF_LINKS,)),
    ],
)
def test_messages_are_the_events_they_report(
    topic: str, messages: bytes, events: tuple[Event, ...]
) -> None:
    """A message of the right type among others is the event, and so is what may have been lost."""
    assert events_of(topic, messages) == events


@given(st.sampled_from(sorted(MEANINGS)), st.binary(max_size=80))
def test_any_bytes_are_events_of_their_topic_or_none(topic: str, messages: bytes) -> None:
    """Bytes that are no messages end the walk."""
    assert {*events_of(topic, messages)} <= {*MEANINGS[topic].events}
