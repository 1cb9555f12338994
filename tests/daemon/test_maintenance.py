"""The daemon and maintenance: it follows the file, and holds back what begins meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.e2e.programs import free_port
from tests.fake_clock import START, FakeClock, running
from xenwatch.alerts.maintenance import Maintenance, dumps
from xenwatch.cli.source import open_source
from xenwatch.clock import Clock
from xenwatch.config.maintenance_keys import MAINTENANCE_FILE
from xenwatch.config.settings import Settings
from xenwatch.config.web_keys import LISTEN
from xenwatch.daemon import daemon
from xenwatch.daemon.maintenance import EVERY, Follower
from xenwatch.sources.base import Choice

SAID = Maintenance(START + 3600, "disks")


async def test_a_file_is_followed(tmp_path: Path) -> None:
    """What the file says counts, and each change is told once."""
    file, clock, changes = tmp_path / "maintenance.json", FakeClock(), list[object]()
    follower = Follower(str(file), clock, lambda: changes.append(follower.said))
    with capture_logs() as logs:
        await follower.look()
        file.write_text(dumps(SAID))
        await follower.look()
        await follower.look()
        file.unlink()
        await follower.look()

    assert changes == [SAID, None]
    assert logs == [
        {
            "event": "maintenance started",
            "log_level": "warning",
            "until": "2023-11-14T23:13:20.000+00:00",
            "reason": "disks",
        },
        {"event": "maintenance ended", "log_level": "warning"},
    ]


async def test_maintenance_ends_by_itself(tmp_path: Path) -> None:
    """At its end the host is no longer in maintenance, which is logged."""
    file, clock, changes = tmp_path / "maintenance.json", FakeClock(), list[object]()
    file.write_text(dumps(Maintenance(START + EVERY, "disks")))
    follower = Follower(str(file), clock, lambda: changes.append(follower.said))
    with capture_logs() as logs:
        await follower.look()
        await clock.advance(EVERY)
        await follower.look()

    assert changes == [Maintenance(START + EVERY, "disks"), None]
    assert [log["event"] for log in logs] == ["maintenance started", "maintenance ended"]


async def test_the_file_is_read_again_and_again(tmp_path: Path) -> None:
    """A daemon that runs takes up what is written to the file."""
    file, clock = tmp_path / "maintenance.json", FakeClock()
    follower = Follower(str(file), clock, lambda: None)
    async with running(follower.run()):
        for said in (Maintenance(1 << 36, "disks"), Maintenance(1 << 36, "switch")):
            file.write_text(dumps(said))
            while follower.said != said:
                await clock.advance(EVERY)
                await asyncio.sleep(0.001)  # the file is read in a thread


async def test_a_damaged_file_says_nothing(tmp_path: Path) -> None:
    """A file that cannot be read puts no host into maintenance, and is logged once."""
    file, clock = tmp_path / "maintenance.json", FakeClock()
    file.write_text("{")
    follower = Follower(str(file), clock, lambda: None)
    with capture_logs() as logs:
        await follower.look()
        await follower.look()

    assert follower.said is None
    assert [log["event"] for log in logs] == ["maintenance could not be read"]


@pytest.mark.parametrize("directory", ["", "/srv/state"])
async def test_the_daemon_follows_the_file_of_the_command(
    directory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever directory systemd sets for its state, the daemon reads what the command writes."""
    followed: list[str] = []

    def follower(path: str, clock: Clock, changed: Callable[[], None]) -> Follower:
        followed.append(path)
        return Follower(path, clock, changed)

    monkeypatch.setattr(daemon, "Follower", follower)
    monkeypatch.setenv("STATE_DIRECTORY", directory)
    for settings in (Settings(), Settings({MAINTENANCE_FILE.path: "/srv/maintenance.json"})):
        daemon.Daemon(settings, Settings, open_source("synthetic", "/"))

    assert followed == ["/var/lib/xenwatch/maintenance.json", "/srv/maintenance.json"]


async def test_a_daemon_knows_of_maintenance_from_its_first_page_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is read before the first pass: what was held back is not delivered at a restart."""
    file, port = tmp_path / "maintenance.json", free_port()
    file.write_text(dumps(Maintenance(1 << 36, "disks")))
    settings = Settings({MAINTENANCE_FILE.path: str(file), LISTEN.path: (f"127.0.0.1:{port}",)})

    async def never(_: Follower) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Follower, "run", never)
    work = daemon.Daemon(settings, Settings, open_source("synthetic", "/"))

    async def run() -> None:
        await work.run(Choice("synthetic", "as configured"))

    async with running(run()):
        page = ""
        while not page:
            page = await metrics(port)

    assert "\nxenwatch_maintenance 1\n" in page


async def metrics(port: int) -> str:
    """The metrics of a daemon; empty while it has none."""
    with contextlib.suppress(aiohttp.ClientConnectionError):
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/metrics") as answer,
        ):
            return await answer.text() if answer.status == 200 else ""
    return ""
