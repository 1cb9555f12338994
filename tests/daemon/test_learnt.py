"""What was learnt across restarts: saved, restored, and no reason not to start."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.delivery.support import until
from tests.fake_clock import FakeClock, running
from tests.planning.learnt_support import MIB, simulated
from tests.running import xenwatch
from xenwatch.daemon import learnt
from xenwatch.daemon.learnt import FILE, SAVE_EVERY, Keeper, load
from xenwatch.planning.learning import Learning
from xenwatch.planning.learnt_file import dumps, loads

LEARNT = simulated(range(5), 5 * MIB, MIB)
NOTHING = Learning()


def keeper(
    directory: object, learning: Learning = LEARNT, clock: FakeClock | None = None
) -> Keeper:
    """A keeper of what was learnt so far."""
    return Keeper(lambda: learning, clock or FakeClock(), str(directory))


async def test_a_restart_goes_on(tmp_path: Path) -> None:
    """What is saved on shutdown is restored, for a run of its own."""
    keeper(tmp_path).save_on_shutdown()
    found = await keeper(tmp_path).restore()

    assert (found.vms, found.periods) == (LEARNT.vms, LEARNT.periods)
    assert found.run > LEARNT.run


async def test_it_is_saved_at_intervals(tmp_path: Path) -> None:
    """A daemon that is killed has left a whole file, and nothing beside it."""
    clock = FakeClock()
    async with running(keeper(tmp_path, clock=clock).run()):
        await clock.advance(SAVE_EVERY)
        await until((tmp_path / FILE).exists)

    assert os.listdir(tmp_path) == [FILE]
    assert loads((tmp_path / FILE).read_bytes()).vms == LEARNT.vms


async def test_the_first_start_says_nothing(tmp_path: Path) -> None:
    """Without a file, or without a directory for one, nothing is restored and nothing logged."""
    with capture_logs() as logs:
        assert await keeper(tmp_path).restore() == NOTHING
        assert await keeper("").restore() == NOTHING

    assert logs == []


@pytest.mark.parametrize("text", ["", "[]", "{}", "\xff", "[" * 100000, '{"version": 2}'])
async def test_a_damaged_file_is_no_reason_not_to_start(tmp_path: Path, text: str) -> None:
    """A file that holds something else is logged, and set aside before the next one is written."""
    (tmp_path / FILE).write_text(text, encoding="latin-1")
    keeping = keeper(tmp_path, LEARNT)
    with capture_logs() as logs:
        assert await keeping.restore() == NOTHING
    keeping.save_on_shutdown()

    assert [log["event"] for log in logs] == ["what was learnt could not be read"]
    assert (tmp_path / f"{FILE}.bad").read_text(encoding="latin-1") == text
    assert loads((tmp_path / FILE).read_bytes()).vms == LEARNT.vms


async def test_a_file_that_is_not_read_in_time_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weeks of learning are not overwritten, whatever the file system does."""
    (tmp_path / FILE).write_text("kept")
    monkeypatch.setattr(learnt, "READ_DEADLINE", 0.0)
    keeping = keeper(tmp_path, LEARNT)
    assert await keeping.restore() == NOTHING
    keeping.save_on_shutdown()

    assert (tmp_path / f"{FILE}.bad").read_text() == "kept"


async def test_a_carried_file_that_is_missing_is_logged(tmp_path: Path) -> None:
    """The operator has named it, so it should be there."""
    with capture_logs() as logs:
        assert await load(str(tmp_path / "none.json")) is None

    assert len(logs) == 1


async def test_nothing_learnt_writes_nothing(tmp_path: Path) -> None:
    """Without anything learnt, or a directory, no file is written."""
    keeper(tmp_path, NOTHING).save_on_shutdown()
    keeper("").save_on_shutdown()
    async with asyncio.timeout(30):
        await keeper("").run()

    assert os.listdir(tmp_path) == []


async def test_a_failing_disk_is_logged_once(tmp_path: Path) -> None:
    """Where the file cannot be written that is said once, and tried again."""
    clock = FakeClock()
    with capture_logs() as logs:
        async with running(keeper(tmp_path / "none", clock=clock).run()):
            for _ in range(3):
                await clock.advance(SAVE_EVERY)
                await until(lambda: bool(logs))
    keeper(tmp_path / "none").save_on_shutdown()

    assert [log["event"] for log in logs] == ["saving what was learnt failed"]


def test_a_daemon_uses_a_carried_file(tmp_path: Path) -> None:
    """What the configuration names is on the page, as learnt on another host."""
    carried, file = tmp_path / "carried.json", tmp_path / "xenwatch.toml"
    carried.write_text(dumps(LEARNT))
    file.write_text(f'[plan]\nlearnt = "{carried}"\n')
    with xenwatch("--config.file", str(file), "--source", "synthetic:debian-13") as daemon:
        daemon.get_ready()
        assert b'xenwatch_vm_learnt_vms{shape="windows"} 4\n' in daemon.get("metrics")
        assert daemon.stop() == 0
