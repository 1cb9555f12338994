"""Which event of the probes a source's messages are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenwatch.events.names import MEANINGS, event_of
from xenwatch.model.render.rtnl import render_event, render_links
from xenwatch.model.render.xenstore import render_watch_event
from xenwatch.parse.rtnl import Link
from xenwatch.probes.base import DOMAIN, LINK
from xenwatch.sources.base import DOMAINS, LINKS
from xenwatch.sources.wire import NETLINK_HEADER, XENSTORE_HEADER, XS_WATCH

VIF = Link(9, "vif1.0", 3, "vif")
ACCEPTED = XENSTORE_HEADER.pack(XS_WATCH, 0, 0, 3) + b"OK\0"
ADDRESS = NETLINK_HEADER.pack(NETLINK_HEADER.size + 2, 20, 0, 0, 0) + bytes(4)


@pytest.mark.parametrize(
    ("topic", "messages", "event"),
    [
        (DOMAINS, render_watch_event("@introduceDomain"), DOMAIN),
        (DOMAINS, ACCEPTED + render_watch_event("@releaseDomain"), DOMAIN),
        (DOMAINS, ACCEPTED, None),
        (DOMAINS, b"", DOMAIN),
        (LINKS, render_event(VIF), LINK),
        (LINKS, ADDRESS + render_event(VIF, gone=True), LINK),
        (LINKS, render_links([]), None),
        (LINKS, ADDRESS, None),
        (LINKS, b"", LINK),
    ],
)
def test_messages_are_the_event_they_report(topic: str, messages: bytes, event: str | None) -> None:
    """A message of the right type among others is the event, and so is what may have been lost."""
    assert event_of(topic, messages) == event


@given(st.sampled_from(sorted(MEANINGS)), st.binary(max_size=80))
def test_any_bytes_are_an_event_or_none(topic: str, messages: bytes) -> None:
    """Bytes that are no messages end the walk."""
    assert event_of(topic, messages) in {DOMAIN, LINK, None}
