"""A scenario as a source: by the clock, from any moment on, and for several threads at once."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from concurrent.futures import ThreadPoolExecutor

import pytest

from xenwatch.cli.source import open_source
from xenwatch.events.names import of_rtnetlink
from xenwatch.model.events import Announced, messages
from xenwatch.model.render.rtnl import render_event
from xenwatch.model.render.xenstore import render_watch_event
from xenwatch.model.scenario_source import ScenarioSource, load, names
from xenwatch.parse.evtchn import parse_status, status_call
from xenwatch.parse.rtnl import Link
from xenwatch.parse.xenstore import DIRECTORY, path_payload
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.readings.snapshot import Status
from xenwatch.sources.base import DOMAINS as DOMAINS_TOPIC
from xenwatch.sources.base import LINKS, PROCESSES, SourceError

DOMAINS = path_payload("/local/domain")


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def domains(source: ScenarioSource) -> int:
    """How many guests xenstore has."""
    return source.xenstore(DIRECTORY, DOMAINS).payload.count(b"\0") - 1


def test_time_runs_as_fast_as_the_scenario_says() -> None:
    """A second of the clock is so many of the scenario, from where it begins."""
    clock = Clock()
    source = ScenarioSource(load("fill-windows-6.1"), 95, clock)  # one every 10 s, 10 s a second

    assert domains(source) == 10
    clock.now += 1
    assert domains(source) == 11
    clock.now -= 5
    assert domains(source) == 11


def test_a_scenario_is_opened_by_its_name() -> None:
    """Behind @ stands the second to begin at."""
    source = open_source("synthetic:linux-3000@300")
    assert isinstance(source, ScenarioSource)

    assert domains(source) >= 300


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("synthetic:linux-300", "did you mean linux-3000?"),
        ("synthetic:linux-3000@soon", "the part after @ must be 0 to 9999999 (seconds)"),
    ],
)
def test_what_is_no_scenario_is_refused(spec: str, reason: str) -> None:
    """An unknown name and a moment that is none are refused with the reason."""
    with pytest.raises(SourceError) as caught:
        open_source(spec)

    assert reason in str(caught.value)


@pytest.mark.parametrize("name", names())
def test_probes_read_a_scenario_on_its_way(name: str) -> None:
    """In the middle of a scenario each probe succeeds, does not apply, or finds a file too long.

    20,000 channels make a table of interrupts that no read may take whole.
    """
    clock = Clock()
    scenario = dataclasses.replace(load(name), speed=1.0)
    snapshot = take(ScenarioSource(scenario, 400, clock), PROBES).snapshot

    failed = {
        key: outcome.detail
        for key, outcome in snapshot.outcomes.items()
        if outcome.status is Status.FAILED
    }
    too_long = {"irqs": "/proc/interrupts: longer than 4194304 bytes"}
    assert failed == (too_long if name == "channels-45000" else {})


def test_a_full_xenstored_answers_nobody() -> None:
    """Once its descriptors have leaked away only what asks xenstored fails."""
    source = ScenarioSource(load("leak-xenstored-fds"), 6000, Clock())
    snapshot = take(source, PROBES).snapshot

    failed = {key for key, outcome in snapshot.outcomes.items() if outcome.status is Status.FAILED}
    assert {"xenstore", "xenstore_devices"} <= failed
    assert snapshot.domains is not None
    assert len(snapshot.domains.domains) == 21


def test_threads_may_ask_while_time_goes_on() -> None:
    """Answers to many threads are whole while VMs start and stop between them."""
    clock = Clock()
    source = ScenarioSource(load("boot-storm"), 0, clock)

    def ask(number: int) -> bool:
        clock.now += 0.5
        source.links()
        source.read("/proc/interrupts")
        source.listdir("/proc")
        reply = source.hypercall(status_call(0, 1))
        return parse_status(reply.block).port == 1

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(200)))


async def test_what_happens_in_a_scenario_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """A VM that starts is introduced and has links, in the kernel's and xenstored's bytes."""
    monkeypatch.setattr("xenwatch.model.scenario_source.EVENT_SECONDS", 0.0)
    clock = Clock()
    source = ScenarioSource(load("fill-windows-6.1"), 95, clock)
    heard: dict[str, bytes] = {}
    for topic in (DOMAINS_TOPIC, LINKS):
        async with contextlib.aclosing(source.events(topic)) as events:
            assert await anext(events) == b""
            clock.now += 1
            heard[topic] = await asyncio.wait_for(anext(events), 30)

    assert render_watch_event("@introduceDomain") in heard[DOMAINS_TOPIC]
    assert of_rtnetlink(heard[LINKS])


def test_links_that_go_are_heard_of() -> None:
    """The messages between two states are those of links that came, changed and went."""
    lo, old, new = Link(1, "lo", None, ""), Link(4, "vif1.0", 2, ""), Link(5, "vif2.0", 2, "")
    moved = dataclasses.replace(lo, name="lo0")
    before = Announced({1: lo, 4: old}, frozenset({1, 2}), {"vif-1-0": "Connected"})
    now = Announced({1: moved, 5: new}, frozenset({2}), {"vif-1-0": "Closed"})

    assert messages(LINKS, before, now) == b"".join(
        [render_event(old, gone=True), render_event(moved), render_event(new)]
    )
    assert messages(DOMAINS_TOPIC, before, now) == b"".join(
        map(render_watch_event, ["@releaseDomain", "backend/vif/1/0/state"])
    )
    assert messages(PROCESSES, before, now) == b""
    assert messages(LINKS, before, before) == b""
