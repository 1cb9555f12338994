"""The daemon and maintenance: it follows the file, and holds back what begins meanwhile."""

from __future__ import annotations

from pathlib import Path

from structlog.testing import capture_logs

from tests.delivery.support import until
from tests.fake_clock import START, FakeClock, running
from xenwatch.alerts.maintenance import Maintenance, dumps
from xenwatch.daemon.maintenance import EVERY, Follower

SAID = Maintenance(START + 3600, "disks")


async def test_a_file_is_followed(tmp_path: Path) -> None:
    """What the file says counts within seconds, and each change is told once."""
    file, clock, changes = tmp_path / "maintenance.json", FakeClock(), list[object]()
    follower = Follower(str(file), clock, lambda: changes.append(follower.said))
    with capture_logs() as logs:
        async with running(follower.run()):
            file.write_text(dumps(SAID))
            await clock.advance(EVERY)
            await until(lambda: follower.said == SAID)
            await clock.advance(EVERY)
            file.unlink()
            await clock.advance(EVERY)
            await until(lambda: follower.said is None)

    assert changes == [SAID, None]
    assert [log["now"] for log in logs] == [str(SAID), "not in maintenance"]


async def test_maintenance_ends_by_itself(tmp_path: Path) -> None:
    """At its end the host is no longer in maintenance, which is logged."""
    file, clock, changes = tmp_path / "maintenance.json", FakeClock(), list[object]()
    file.write_text(dumps(Maintenance(START + EVERY, "disks")))
    follower = Follower(str(file), clock, lambda: changes.append(follower.said))
    with capture_logs() as logs:
        async with running(follower.run()):
            await until(lambda: follower.said is not None)
            await clock.advance(EVERY)
            await until(lambda: follower.said is None)

    assert changes == [Maintenance(START + EVERY, "disks"), None]
    assert [log["now"] for log in logs] == [str(changes[0]), "not in maintenance"]


async def test_a_damaged_file_says_nothing(tmp_path: Path) -> None:
    """A file that cannot be read puts no host into maintenance, and is logged once."""
    file, clock = tmp_path / "maintenance.json", FakeClock()
    file.write_text("{")
    follower = Follower(str(file), clock, lambda: None)
    with capture_logs() as logs:
        async with running(follower.run()):
            await until(lambda: bool(logs))
            await clock.advance(EVERY)
            await clock.advance(EVERY)

    assert follower.said is None
    assert [log["event"] for log in logs] == ["maintenance could not be read"]
