"""The past on the pages: any moment, ranges, and what a stranger can cost with them."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from pathlib import Path

import pytest

from tests.http.test_server import NAMES, RULES, Site
from tests.support import full_snapshot
from xenwatch.assessment import Rules, assess_pass
from xenwatch.http import past as past_module
from xenwatch.http.past import BusyError, Past, PastError
from xenwatch.http.refusals import Refusals
from xenwatch.http.server import Handlers
from xenwatch.record import past as of_record
from xenwatch.record.store import Store
from xenwatch.status.history import SPANS

BEGAN = 1_700_000_000.0
TIMES = [BEGAN + 60 * n for n in range(30)]


@pytest.fixture
def record(tmp_path: Path) -> str:
    """Half an hour of a host on which a VM grew by an event channel a minute."""
    store, encoder = Store(tmp_path / "record", 10**9, 1e9), of_record.Encoder()
    first = full_snapshot()
    assert first.aio is not None
    for number, time in enumerate(TIMES):
        aio = dataclasses.replace(first.aio, nr=1000 + number)
        now = dataclasses.replace(first, time=time, instant=60.0 * number, aio=aio)
        moment = encoder.moment(assess_pass(now, RULES), marked=False)
        store.append(moment, of_record.header(now.origin))
    store.close()
    return str(tmp_path / "record")


def recording(record: str) -> Site:
    """A server that has that record."""
    site = Site()
    site.handlers = Handlers(site.publisher, NAMES, 40, Refusals(float), record=record)
    return site


async def test_a_moment_is_a_page_like_any_other(record: str) -> None:
    """It says of when it is, its links stay there, and its script leaves it as it is."""
    async with recording(record).client() as client:
        async with client.get("/", params={"at": str(TIMES[10] + 5)}) as answer:
            text = await answer.text()
        assert answer.status == 200
        assert "RECORD of 2023-11-14 22:23:20 UTC" in text
        assert "<body data-past>" in text
        assert "?at=2023-11-14T22:23:20Z" in text
        domid = next(iter(full_snapshot().domains.domains[1:])).domid  # type: ignore[union-attr]
        async with client.get(f"/vm/{domid}", params={"at": str(TIMES[10])}) as answer:
            assert "RECORD of 2023-11-14 22:23:20 UTC" in await answer.text()


@pytest.mark.parametrize(
    ("at", "words"),
    [("rubbish", "is not a time such as"), ("1600000000", "at or before 2020-09-13 12:26:40 UTC")],
)
@pytest.mark.parametrize("path", ["/", "/vm/1"])
async def test_what_is_no_moment_is_said(record: str, at: str, words: str, path: str) -> None:
    """With the reason, a field for another time, and links to what there is now."""
    async with recording(record).client() as client:
        async with client.get(path, params={"at": at, "range": "24h"}) as answer:
            text = await answer.text()
        assert answer.status == 404
        assert words in text
        assert f'<form action="{path}" method="get"' in text
        assert f'href="{path}?range=24h#history"' in text


async def test_what_is_no_range_is_said(record: str) -> None:
    """A page without charts would look as if nothing had happened."""
    async with recording(record).client() as client:
        async with client.get("/", params={"range": "5h"}) as answer:
            text = await answer.text()
        assert answer.status == 404
        assert "&#x27;5h&#x27; is not a range; there are: 1h, 24h, 7d" in text
        assert 'href="/?range=24h#history"' in text


async def test_without_a_record_the_page_says_so() -> None:
    """The present is served all the same."""
    async with Site().client() as client:
        async with client.get("/", params={"at": "-5m"}) as answer:
            text = await answer.text()
        assert "nothing is recorded" in text
        assert 'href="/#domains"' in text
        async with client.get("/", params={"range": "24h"}) as answer:
            assert answer.status == 200


async def test_a_range_has_what_was_recorded(record: str) -> None:
    """One point in each step, those of a limit as they were, and nothing outside the range."""
    past = Past(record, Rules)
    trail, found = await past.limits(TIMES[-1], SPANS["1h"])
    part, _ = await past.limits(TIMES[9], dataclasses.replace(SPANS["1h"], seconds=240.0))

    assert [(time, uses["aio_requests"].used) for time, uses in trail.points] == [
        (time, 1000 + number) for number, time in enumerate(TIMES)
    ]
    assert [time for time, _ in part.points] == TIMES[5:10]
    assert trail.unread == found.unread == 0


async def test_a_slow_disk_gives_what_it_has(record: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes too long is left to the next question, the newest first, and is said."""
    past, clock = Past(record, Rules), iter(range(10**6))
    monkeypatch.setattr(past._trails, "_now", lambda: next(clock))
    first, _ = await past.limits(TIMES[-1], SPANS["1h"])
    second, _ = await past.limits(TIMES[-1], SPANS["1h"])

    assert first.unread == len(TIMES) - len(first.points) > 0
    assert first.points[-1][0] == TIMES[-1]
    assert second.unread < first.unread


async def test_one_reads_at_a_time_and_few_wait(
    record: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that hangs costs one thread; more than a few questions are refused at once."""
    monkeypatch.setattr(past_module, "DEADLINE", 0.2)
    past, hanging, started = Past(record, Rules), threading.Event(), []

    def hang(_: float) -> None:
        started.append(1)
        assert hanging.wait(60)

    monkeypatch.setattr(past, "_moment", hang)
    asked = [asyncio.ensure_future(past.at(f"{BEGAN:.0f}")) for _ in range(past_module.WAITING + 3)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    hanging.set()

    assert {type(each) for each in answers} == {BusyError}
    assert len(started) == 1


async def test_a_moment_is_read_once(record: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for the same moment gets the same assessment; few are kept."""
    past = Past(record, Rules)
    first, _ = await past.at(f"{TIMES[3]:.0f}")
    again, _ = await past.at(f"{TIMES[3] + 1:.0f}")
    assert again is first
    for time in TIMES:
        await past.at(f"{time:.0f}")
    assert len(past._moments) == past_module.MOMENTS
    with pytest.raises(PastError, match="no record"):
        await Past(f"{record}/none", Rules).at("-1m")
