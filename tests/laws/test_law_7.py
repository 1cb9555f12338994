"""Law 7: a recording, replayed, is the host that was recorded."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from tests.laws.hosts import HOSTS, captured, readings, small_dom0
from tests.sources.fakes import TableSource
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.readings.snapshot import Status
from xenwatch.sources.base import TOPICS, Source
from xenwatch.sources.recording import RecordingSource
from xenwatch.sources.tree import TreeSource


@pytest.mark.parametrize("host", HOSTS)
def test_a_replay_is_the_host(host: str, tmp_path: Path) -> None:
    """Every probe reads the same from the capture, and fares the same, as from the live host."""
    live, source = captured(host, tmp_path / "capture")
    replayed = take(source, PROBES, clock=lambda: source.time).snapshot
    assert readings(replayed) == readings(live)
    assert replayed.time == source.time
    assert live.outcomes["memory"].status is Status.OK


@pytest.mark.parametrize("topic", TOPICS)
async def test_a_replay_says_what_the_host_said(topic: str, tmp_path: Path) -> None:
    """Events a recording has heard come from its replay in the same bytes and order."""
    said = [b"", bytes(range(256)), b"", b"\0"]
    recorder = RecordingSource(TableSource(heard={topic: said}), tmp_path / "capture")
    assert await heard(recorder, topic, len(said)) == said
    recorder.close()

    assert await heard(TreeSource(tmp_path / "capture"), topic, len(said)) == said


async def heard(source: Source, topic: str, count: int) -> list[bytes]:
    """So many items of a topic."""
    async with contextlib.aclosing(source.events(topic)) as events:
        return [await asyncio.wait_for(anext(events), 30) for _ in range(count)]


def test_the_small_dom0_answers_every_probe() -> None:
    """The host made by hand has something to read for each probe that is on by default."""
    outcomes = take(small_dom0(), PROBES).snapshot.outcomes
    assert {
        name: outcome.detail
        for name, outcome in outcomes.items()
        if outcome.status is not Status.OK
    } == {probe.name: outcomes[probe.name].detail for probe in PROBES if not probe.enabled}
