"""Following the events of a source: kicks, settling, reconnecting."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Collection
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.sources.fakes import TableSource
from xenwatch.events.follow import follow, listening
from xenwatch.model.render.rtnl import render_event
from xenwatch.model.render.xenstore import render_watch_event
from xenwatch.parse.rtnl import Link
from xenwatch.probes.base import DEVICE, DOMAIN, DOMAIN_SETTLED, LINK
from xenwatch.sources.base import DOMAINS, LINKS, SourceError, no_events
from xenwatch.sources.recording import RecordingSource

INTRODUCED = render_watch_event("@introduceDomain")
LATE = 30.0


class Told:
    """A follower that keeps what it is told; `enough` is set by the event with this number."""

    def __init__(self, count: int = 0) -> None:
        self.events: list[str] = []
        self.followed: list[tuple[frozenset[str], bool]] = []
        self.enough = asyncio.Event()
        self._count = count

    def trigger(self, event: str) -> None:
        self.events.append(event)
        if len(self.events) == self._count:
            self.enough.set()

    def follow(self, events: Collection[str], *, followed: bool) -> None:
        self.followed.append((frozenset(events), followed))


async def kicked(topic: str, messages: list[bytes], count: int, settle: float) -> list[str]:
    """The first `count` events by a topic's messages."""
    told = Told(count)
    source = TableSource(heard={topic: messages})
    task = asyncio.create_task(follow(topic, source, told, settle=settle))
    await asyncio.wait_for(told.enough.wait(), LATE)
    task.cancel()
    return told.events


async def test_every_event_kicks() -> None:
    """The subscription and each message of a link kick once; there is nothing to settle."""
    link = render_event(Link(4, "vif3.0", 2, ""))

    assert await kicked(LINKS, [b"", link, link], 3, settle=0) == [LINK] * 3


async def test_domains_settle_after_the_last_event() -> None:
    """After a burst of events there is one more, since Xen forgets a domain after its release."""
    found = await kicked(DOMAINS, [b"", INTRODUCED, INTRODUCED], 5, settle=0.05)

    assert found[:3] == [DOMAIN, DOMAIN, DOMAIN]
    assert sorted(found[3:]) == [DEVICE, DOMAIN_SETTLED]


async def test_a_device_is_an_event_once_nothing_more_is_told_of_devices() -> None:
    """A guest that starts writes dozens of keys below its backends."""
    messages = [b"", *[render_watch_event("backend/vbd/3/768/state")] * 20]
    found = await kicked(DOMAINS, messages, 3, settle=0.05)

    assert found.count(DEVICE) == 1


async def test_what_has_settled_is_told_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Xen forgets a domain a while after its release, and no event says so."""
    monkeypatch.setattr("xenwatch.events.follow.LATER", 0.01)
    found = await kicked(DOMAINS, [b""], 5, settle=0.01)

    assert found.count(DOMAIN_SETTLED) == 2


async def test_what_never_settles_is_told_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices that change without end are read, however short the pauses."""
    monkeypatch.setattr("xenwatch.events.follow.LONGEST", 0.01)

    assert DEVICE in await kicked(DOMAINS, [b""], 2, settle=LATE)


class Breaking(TableSource):
    """A source whose seventh stream has an event before it ends."""

    streams = 0
    error: Exception

    async def events(self, topic: str) -> AsyncGenerator[bytes, None]:
        """Ends at once."""
        self.streams += 1
        if self.streams == 8:
            yield INTRODUCED
        raise self.error


@pytest.mark.parametrize(
    "error", [SourceError("xenstored", "closed the connection"), OSError(24, "Too many open files")]
)
async def test_streams_are_connected_again(error: Exception) -> None:
    """A stream that ends is tried again, later each time, and reported once."""
    waits: list[float] = []
    told = Told()
    enough = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 9:
            enough.set()
            async for _ in no_events():
                pass

    source = Breaking()
    source.error = error
    with capture_logs() as logs:
        task = asyncio.create_task(follow(DOMAINS, source, told, sleep=sleep))
        await asyncio.wait_for(enough.wait(), LATE)
        task.cancel()

    assert waits == [1, 2, 4, 8, 16, 30, 30, 1, 2]
    assert told.events == [DOMAIN]
    assert [followed for _, followed in told.followed] == [True, False]
    assert {events for events, _ in told.followed} == {frozenset({DOMAIN, DOMAIN_SETTLED, DEVICE})}
    assert [(entry["log_level"], entry["event"][:25]) for entry in logs] == [
        ("warning", "event stream failed, retr"),
        ("info", "event stream reconnected"),
        ("warning", "event stream failed, retr"),
    ]


async def test_a_stream_that_is_not_there_is_no_warning() -> None:
    """Without Xen there are no watches of xenstored: that is told once, and is no trouble."""
    source = Breaking()
    source.error = SourceError.from_os("/dev/xen/xenbus", FileNotFoundError(2, ""))
    enough = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        if source.streams == 3:
            enough.set()
            await asyncio.Event().wait()

    with capture_logs() as logs:
        task = asyncio.create_task(follow(DOMAINS, source, Told(), sleep=sleep))
        await asyncio.wait_for(enough.wait(), LATE)
        task.cancel()

    assert [entry["log_level"] for entry in logs] == ["info"]


async def test_a_recorder_hears_while_a_pass_is_made(tmp_path: Path) -> None:
    """Every topic is listened to until the work is done, and one that fails keeps nobody."""
    lost = SourceError("xenstored", "no socket", 2)
    inner = TableSource(heard={LINKS: [b"", b"up"], DOMAINS: [lost]})
    recorder = RecordingSource(inner, tmp_path / "capture")
    calls = tmp_path / "capture/calls.jsonl"

    def work() -> str:
        until = time.monotonic() + LATE
        while calls.read_bytes().count(b"\n") < 3 and time.monotonic() < until:
            time.sleep(0.01)
        return "done"

    assert await listening(recorder, work) == "done"
    recorder.close()
    lines = sorted(json.loads(line)["arguments"][0] for line in calls.read_text().splitlines())
    assert lines == [DOMAINS, LINKS, LINKS]
