"""Bodies: rendered when somebody asks, once for all who do, and from what is new alone."""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import threading
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.fake_clock import FakeClock, running, settle
from tests.passes.support import NEVER, RULES, assessed, first_pass, publisher
from tests.support import full_snapshot, labelled
from xenwatch.alerts.states import Alerts
from xenwatch.assessment import Rules
from xenwatch.config.settings import Settings
from xenwatch.exposition import text_format
from xenwatch.exposition.text_format import Page
from xenwatch.metrics import Counts
from xenwatch.passes.asking import Asking
from xenwatch.passes.bodies import PLAIN, Bodies, Renderer
from xenwatch.passes.publisher import AssessedPass, Publisher, assess
from xenwatch.passes.scheduler import Scheduler
from xenwatch.readings.snapshot import Snapshot

PACKED = (False, True)
OPENMETRICS = (True, False)


def counted(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> list[tuple[Any, ...]]:
    """The arguments with which a function is called from now on."""
    calls: list[tuple[Any, ...]] = []
    function = getattr(owner, name)

    def count(*arguments: Any, **named: Any) -> Any:
        calls.append(arguments)
        return function(*arguments, **named)

    monkeypatch.setattr(owner, name, count)
    return calls


class Held:
    """Renderings from now on, which wait until they may `go_on`; the first one sets `entered`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.entered, self.go_on = threading.Event(), threading.Event()
        self._page = text_format.page
        monkeypatch.setattr(text_format, "page", self._held)

    def _held(self, *arguments: Any, **named: Any) -> Page:
        self.calls.append(arguments)
        self.entered.set()
        self.go_on.wait()
        return self._page(*arguments, **named)


async def served(snapshot: Snapshot) -> Publisher:
    """A publisher with a pass that nobody has asked for."""
    _, published = publisher(snapshot, FakeClock())
    published.newest = assess(snapshot, RULES)
    return published


async def test_what_nobody_asks_for_is_not_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first complete pass is rendered; of later ones the alerts are evaluated and no more."""
    pages = counted(monkeypatch, text_format, "page")
    clock = FakeClock()
    scheduler, published = publisher(full_snapshot(), clock)
    published.rules = Rules(NEVER, policy=Settings().alerts())
    scheduler.ready.set()
    told: list[Alerts] = []
    published.on_alerts = lambda alerts, *_: told.append(alerts)
    newest: AssessedPass | None = None
    async with running(published.run()):
        for _ in range(4):
            scheduler.changed.set()
            newest = await assessed(clock, published, newest)

    assert len(told) == 4
    assert all(alerts.states for alerts in told)
    assert len(pages) == 1


async def test_those_who_ask_at_once_share_one_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several who ask for several forms get the same page, rendered once."""
    pages = counted(monkeypatch, text_format, "page")
    published = await served(full_snapshot())
    published.complete = True
    found = await asyncio.gather(
        *(published.body(form) for form in (PLAIN, PLAIN, PACKED, OPENMETRICS)),
        asyncio.to_thread(published.text),
    )

    assert len(pages) == 1
    plain, again, packed, openmetrics, text = found
    assert plain is again is text
    assert plain == gzip.decompress(packed or b"")
    assert labelled("xenwatch_aio_requests_used", plain or b"")
    assert openmetrics is not None
    assert openmetrics.endswith(b"# EOF\n")


async def test_a_body_is_packed_only_for_who_wants_it_packed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a client that accepts gzip nothing is compressed, and with several once."""
    packings = counted(monkeypatch, gzip, "compress")
    published = await served(full_snapshot())
    await published.body(PLAIN)
    await published.body(OPENMETRICS)
    assert packings == []
    first = await published.body(PACKED)
    assert await published.body(PACKED) is first
    assert len(packings) == 1


async def test_rendering_holds_nobody_up() -> None:
    """While a page is rendered the event loop goes on."""
    leave = threading.Event()

    def page() -> Page:
        leave.wait()
        return Page({}, {})

    asked = asyncio.ensure_future(Bodies(page).asked(PLAIN))
    await settle()
    assert not asked.done()
    leave.set()
    assert await asked == b""


def test_a_family_whose_probe_has_not_run_again_is_not_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next pass makes and renders the families of the probe that has run, and no other's."""
    renderer = Renderer()
    full = full_snapshot()
    assert full.aio is not None
    first = assess(full, RULES, renderer=renderer)
    first.metrics[PLAIN]
    rendered = counted(monkeypatch, text_format, "number")
    aio = dataclasses.replace(full.aio, nr=full.aio.nr + 1)
    later = assess(dataclasses.replace(full, aio=aio), RULES, before=first, renderer=renderer)
    body = later.metrics[PLAIN]

    assert labelled("xenwatch_aio_requests_used", body) == {(): aio.nr}
    assert (
        later.families["xenwatch_qemu_wakeups_total"]
        is first.families["xenwatch_qemu_wakeups_total"]
    )
    assert (full.aio.nr,) not in rendered
    assert (aio.nr,) in rendered
    assert len(rendered) < body.count(b"\n") / 4


async def test_what_cannot_be_rendered_leaves_the_last_good_body(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The page before is served in every form, and one failure counted and logged for the pass."""
    published = await served(full_snapshot())
    good = await published.body(PLAIN)
    published.newest = assess(full_snapshot(), RULES)
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.delattr(text_format, "page")
        assert await published.body(PLAIN) is good
        assert gzip.decompress(await published.body(PACKED) or b"") == good

    assert published.failures == 1
    assert [entry["event"] for entry in logs] == [
        "rendering metrics failed; serving the last rendered ones, if any"
    ]


async def test_a_page_that_takes_long_leaves_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A client does not wait for a starved rendering, of which there is one; then it is served."""
    monkeypatch.setattr("xenwatch.passes.publisher.PATIENCE", 0.0)
    published = await served(full_snapshot())
    good = await published.body(PLAIN)
    held = Held(monkeypatch)
    for passes in (1, 2, 3):
        published.newest = assess(full_snapshot(), RULES, counts=Counts({"aio": passes}))
        assert await published.body(PLAIN) is good
        assert gzip.decompress(await published.body(PACKED) or b"") == good
    await asyncio.to_thread(held.entered.wait)
    assert len(held.calls) == 1
    held.go_on.set()
    # The first of them is served as soon as it is there, whatever is newer.
    while (body := await published.body(PLAIN)) is good:
        await asyncio.to_thread(held.entered.wait)
    assert body is not None
    assert b'overruns_total{probe="aio"} 1' in body
    monkeypatch.setattr("xenwatch.passes.publisher.PATIENCE", 600.0)

    assert b'overruns_total{probe="aio"} 3' in (await published.body(PLAIN) or b"")


async def test_a_page_that_will_be_asked_for_is_rendered_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a client at intervals each pass is rendered at once, and the one before is served."""
    monkeypatch.setattr(Scheduler, "shortest_interval", 1e6)  # however long a pass takes
    clock = FakeClock()
    async with first_pass(clock, full_snapshot()) as (scheduler, published, first):
        for _ in range(3):
            before = await published.body(PLAIN)
        held = Held(monkeypatch)
        scheduler.changed.set()
        await assessed(clock, published, first)
        found = await published.body(PLAIN)
        held.go_on.set()
        assert found is before
        while await published.body(PLAIN) is before:
            await asyncio.to_thread(held.go_on.wait)
    assert len(held.calls) == 1


def test_who_asks_is_expected_as_regularly_as_before() -> None:
    """A client alone, one with a second one just after it, and neither once they have stopped."""
    for times in ([0, 60, 120], [0, 2, 60, 62, 120, 122]):
        asking = Asking()
        for time in times:
            asking.note(time)
        assert [now for now in range(125, 400, 10) if asking.expects(now, 10)] == [175]
    assert not Asking().expects(0.0, 10.0)


async def test_a_client_that_comes_seldom_gets_no_old_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It waits for the page that is rendered ahead, where the last one is several passes old."""
    monkeypatch.setattr(Scheduler, "shortest_interval", 10.0)
    monkeypatch.setattr("xenwatch.passes.publisher.PATIENCE", 600.0)
    clock, full = FakeClock(), full_snapshot()
    async with first_pass(clock, full) as (scheduler, published, first):
        for clock.now in (0.0, 60.0, 120.0):
            old = await published.body(PLAIN)
        held = Held(monkeypatch)
        clock.now = 175.0
        scheduler.snapshot = dataclasses.replace(full, instant=full.instant + 60.0)
        scheduler.changed.set()
        await assessed(clock, published, first)
        asked = asyncio.ensure_future(published.body(PLAIN))
        await settle()
        assert not asked.done()
        held.go_on.set()
        assert await asked is not old


async def test_an_older_page_takes_no_newer_ones_place() -> None:
    """A rendering that was starved ends after the next one was rendered for somebody else."""
    published = await served(full_snapshot())
    late = published.newest
    assert late is not None
    newer = dataclasses.replace(full_snapshot(), instant=late.metrics.instant + 10)
    published.newest = assess(newer, RULES)
    found = await published.body(PLAIN)
    await published._render(late, PLAIN)

    assert published._good is published.newest.metrics
    assert await published.body(PLAIN) is found


async def test_without_a_good_body_the_failure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing could ever be rendered, whoever asks gets the error."""
    published = await served(full_snapshot())
    monkeypatch.delattr(text_format, "page")
    with capture_logs(), pytest.raises(AttributeError):
        await published.body(PLAIN)


def domains(full: Snapshot, first: int) -> Snapshot:
    """The snapshot with a hundred domains that have ids from `first` on."""
    assert full.domains is not None
    one = full.domains.domains[-1]
    some = tuple(
        dataclasses.replace(one, domid=domid, uuid=f"{domid:032}")
        for domid in range(first, first + 100)
    )
    return dataclasses.replace(full, domains=dataclasses.replace(full.domains, domains=some))


def test_domains_that_are_gone_are_forgotten() -> None:
    """Whatever came and went, what is kept for the next page is of the page's own series."""
    renderer = Renderer()
    made: AssessedPass | None = None
    for first in range(1, 2001, 100):
        made = assess(domains(full_snapshot(), first), RULES, before=made, renderer=renderer)
        body = made.metrics[PLAIN]

    kept = renderer.newest
    assert kept is not None
    prefixes = [
        prefix for block in kept.blocks.values() for prefix in block.prefixes if prefix is not None
    ]
    assert len(prefixes) <= len(body.splitlines())
    assert any('uuid="00000000000000000000000000002000"' in prefix for prefix in prefixes)
    assert not any('uuid="00000000000000000000000000001900"' in prefix for prefix in prefixes)
