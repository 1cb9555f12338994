"""What `run` sets in Python itself, and what no other command does."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cli.support import no_traces, run
from tests.fake_clock import FakeClock, running, settle
from xenwatch.daemon.daemon import Daemon
from xenwatch.daemon.interpreter import EVERY, SWITCH, tune
from xenwatch.sources.base import Choice

__all__ = ["no_traces"]

FREED = """\
import sys
from pathlib import Path
from threading import Thread
from xenwatch.daemon.interpreter import give_back

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1])

def work():
    bytearray(4 << 20)
    for _ in range(16):
        freed.append(b"1" * (1 << 20))
        stays.append(b"1" * 1000)
    freed.clear()

if sys.argv[1:]:
    give_back()
freed, stays = [], []
before = resident()
for _ in range(2):
    thread = Thread(target=work)
    thread.start()
    thread.join()
print((resident() - before) * 4096 >> 20)
"""
"""What stays of 16 pages of a MiB that a thread has freed, in MiB."""


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Undo what is set."""
    seconds, thresholds = sys.getswitchinterval(), gc.get_threshold()
    gc.unfreeze()
    yield
    gc.enable()
    sys.setswitchinterval(seconds)
    gc.set_threshold(*thresholds)
    gc.unfreeze()


async def test_what_is_there_after_the_start_stays() -> None:
    """Threads give way sooner at once; the collector leaves out what start and imports made."""
    started, clock = asyncio.Event(), FakeClock()
    async with running(tune(started, clock)):
        await settle()
        assert sys.getswitchinterval() == pytest.approx(SWITCH)
        assert gc.get_freeze_count() > 1000
        made = [[place] for place in range(10)]
        assert is_looked_through(made)
        started.set()
        await settle()
        assert not is_looked_through(made)


def is_looked_through(found: object) -> bool:
    """Whether an object is one that the collector looks through."""
    return any(each is found for each in gc.get_objects())


async def test_cycles_go_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """All objects are looked through once an hour, however rarely Python itself does."""
    collected: list[float] = []
    started, clock = asyncio.Event(), FakeClock()
    started.set()
    monkeypatch.setattr(gc, "collect", lambda: collected.append(clock.now))
    async with running(tune(started, clock)):
        await clock.advance(2 * EVERY)

    assert collected == [0.0, EVERY, 2 * EVERY]


def test_what_is_freed_goes_back() -> None:
    """Pages are not kept for the next ones, whatever was allocated between them and stays."""
    kept, given_back = (
        int(subprocess.run([sys.executable, "-c", FREED, *words], check=True, stdout=-1).stdout)
        for words in ((), ("give back",))
    )
    assert given_back < 4 < kept


@pytest.mark.usefixtures("no_traces")
def test_run_alone_sets_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon runs with it; a command of one pass leaves Python as it is."""
    seen: list[float] = []

    async def serve(_daemon: Daemon, _choice: Choice) -> int:
        await settle()
        seen.append(sys.getswitchinterval())
        assert gc.isenabled()
        return 0

    monkeypatch.setattr(Daemon, "run", serve)
    before = sys.getswitchinterval(), gc.get_threshold()
    run(capsys, "once", "--source=synthetic")
    assert (sys.getswitchinterval(), gc.get_threshold()) == before
    gc.disable()  # as `xenwatch.__main__` does while it imports
    run(capsys, "run", "--source=synthetic", "--web.listen-address=:1")

    assert seen == [pytest.approx(SWITCH)]
