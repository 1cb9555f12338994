"""Dumps of links: taken again only when something may have happened to a link."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from types import SimpleNamespace

import pytest

from xenwatch.sources.base import SourceError
from xenwatch.sources.kept_links import FULL, KeptLinks


class Kernel:
    """Dumps that are numbered, and a clock; an event may come while links are dumped."""

    def __init__(self) -> None:
        self.dumps = 0
        self.overtaken = False
        self.clock = SimpleNamespace(now=0.0)
        self.links = KeptLinks(self.dump, lambda: self.clock.now)

    def dump(self) -> bytes:
        """The next dump."""
        self.dumps += 1
        if self.overtaken:
            self.links._happened(0)
        return b"dump %d" % self.dumps

    async def followed(self) -> AsyncGenerator[bytes, None]:
        """Events that are followed, of which the first has come."""
        stream = self.links.followed(messages())
        assert await anext(stream) == b""
        return stream


async def messages() -> AsyncGenerator[bytes, None]:
    """The beginning of a stream, one message, and an error."""
    yield b""
    yield b"message"
    raise SourceError("rtnetlink", "closed")


def test_without_events_every_dump_is_taken() -> None:
    """Nobody follows them: what was read before says nothing."""
    kernel = Kernel()

    assert [kernel.links.read() for _ in range(2)] == [b"dump 1", b"dump 2"]


async def test_a_dump_is_kept_until_an_event() -> None:
    """The very same bytes come again until a message of rtnetlink, and again after that."""
    kernel = Kernel()
    stream = await kernel.followed()
    first, second = kernel.links.read(), kernel.links.read()
    assert await anext(stream) == b"message"
    third, fourth = kernel.links.read(), kernel.links.read()
    await stream.aclose()

    assert first is second
    assert third is fourth
    assert (first, third) == (b"dump 1", b"dump 2")


async def test_a_dump_that_an_event_has_overtaken_is_not_kept() -> None:
    """What changes while links are dumped may not be in the dump."""
    kernel = Kernel()
    stream = await kernel.followed()
    kernel.overtaken = True
    found = [kernel.links.read() for _ in range(2)]
    await stream.aclose()

    assert found == [b"dump 1", b"dump 2"]


async def test_a_full_dump_is_taken_now_and_then() -> None:
    """An event may be lost: no dump is older than five minutes."""
    kernel = Kernel()
    stream = await kernel.followed()
    found = []
    for kernel.clock.now in (0.0, FULL - 1, FULL, FULL + 1):
        found.append(kernel.links.read())
    await stream.aclose()

    assert found == [b"dump 1"] * 2 + [b"dump 2"] * 2


@pytest.mark.parametrize("fails", [True, False], ids=["error", "closed"])
async def test_once_events_have_ended_nothing_is_kept(fails: bool) -> None:
    """A stream that was lost hides what happens from then on."""
    kernel = Kernel()
    stream = await kernel.followed()
    kernel.links.read()
    if fails:
        await anext(stream)
        kernel.links.read()
        with pytest.raises(SourceError):
            await anext(stream)
    await stream.aclose()
    last = kernel.dumps

    assert [kernel.links.read() for _ in range(2)] == [b"dump %d" % (last + n) for n in (1, 2)]


async def test_of_two_followers_one_is_enough() -> None:
    """A reader has several clients: while one is told of events, dumps are kept for all."""
    kernel = Kernel()
    first, second = await kernel.followed(), await kernel.followed()
    await first.aclose()
    found = [kernel.links.read() for _ in range(2)]
    await second.aclose()

    assert found == [b"dump 1"] * 2
