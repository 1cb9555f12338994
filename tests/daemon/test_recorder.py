"""The record the daemon keeps: every pass, whatever a disk does."""

from __future__ import annotations

import dataclasses
import errno
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.delivery.support import until
from tests.delivery.test_notifier import FIRES, OVER, STILL
from tests.fake_clock import FakeClock, at, running
from tests.record.disk import without_a_disk
from tests.support import full_snapshot
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.alerts.states import Alerts
from xenwatch.assessment import Assessment, Rules, assess_pass
from xenwatch.config import record_keys
from xenwatch.config.settings import Settings
from xenwatch.daemon.recorder import NAME, RETRY, TIDY_EVERY, Recorder
from xenwatch.metrics import Recorded
from xenwatch.record.past import Past, past
from xenwatch.record.record import Record
from xenwatch.record.segments import Writer

__all__ = ["without_a_disk"]

FAILED = "recording failed; will retry"


class Recording:
    """A recorder to which a test gives passes."""

    def __init__(self, directory: Path) -> None:
        self.clock = FakeClock()
        self.newest: Assessment | None = None
        self.directory = directory
        self.recorder = Recorder(Settings({}), str(directory), self.clock, lambda: self.newest)

    def give(self, alerts: Alerts | None = None, rules: Rules | None = None) -> Assessment:
        """A pass of now, which is not awaited."""
        snapshot = dataclasses.replace(
            full_snapshot(), time=at(self.clock.now).time, instant=self.clock.now
        )
        assessment = dataclasses.replace(
            assess_pass(snapshot, rules, self.newest), alerts=alerts, seconds_to_full={"irqs": 7.0}
        )
        self.newest = assessment
        self.recorder.note(alerts.changes if alerts else ())
        self.recorder.changed.set()
        return assessment

    def kept(self) -> list[tuple[Past, bool]]:
        """All moments, and whether each is marked."""
        record = Record(f"{self.directory}/{NAME}")
        return [
            (past(*record.load(kept), record.path), kept.marked) for kept in record.moments(0, 1e11)
        ]

    async def holds(self, number: int) -> None:
        """Wait until so many moments are kept."""

        def there() -> bool:
            return (self.directory / NAME).exists() and bool(
                list((self.directory / NAME).iterdir()) and len(self.kept()) == number
            )

        await until(there)


async def test_what_was_known_is_known_again(tmp_path: Path) -> None:
    """Readings, alerts with their changes, the forecast and the maintenance, in each moment."""
    recording = Recording(tmp_path)
    rules = Rules(maintenance=(Maintenance(1e10, "new disks"),))
    async with running(recording.recorder.run()):
        given = [recording.give(FIRES)]
        await recording.holds(1)
        await recording.clock.advance(10)
        given.append(recording.give(STILL, rules))
        await recording.holds(2)
        await recording.clock.advance(10)
        given.append(recording.give(OVER))
        await recording.holds(3)
    recording.recorder.close_on_shutdown()

    found = recording.kept()
    assert [marked for _, marked in found] == [True, False, True]
    for (then, _), assessment, alerts in zip(found, given, (FIRES, STILL, OVER), strict=True):
        assert then.snapshot == assessment.snapshot
        assert then.alerts == dataclasses.replace(alerts, changes=())
        assert then.changes == alerts.changes
        assert then.seconds_to_full == {"irqs": 7.0}
        assert then.maintenance == assessment.maintenance
        assert then.snapshot.origin.mark.startswith("RECORD of 2023-11-14 22:13:")


@pytest.mark.parametrize("enabled", [False, True])
async def test_without_a_record_nothing_is_kept(tmp_path: Path, enabled: bool) -> None:
    """Without a state directory, or switched off, there are no files and no metrics of it."""
    settings = Settings({record_keys.ENABLED.path: enabled})
    directory = "" if enabled else str(tmp_path)
    recorder = Recorder(settings, directory, FakeClock(), lambda: None)
    recorder.note(FIRES.changes)
    await recorder.run()
    recorder.close_on_shutdown()
    assert recorder.known is None
    assert os.listdir(tmp_path) == []


async def test_a_write_that_fails_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is logged once and counted; what alerts did meanwhile is in the next moment."""
    recording = Recording(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with capture_logs() as logs:
        async with running(recording.recorder.run()):
            with monkeypatch.context() as patched:
                patched.setattr(Writer, "append", full)
                for _ in range(2):
                    recording.give(FIRES)
                    now = recording.clock.now
                    await until(lambda: recording.clock.sleeps_until(now + RETRY))  # noqa: B023
                    await recording.clock.advance(RETRY)
                known = recording.recorder.known
            recording.give(STILL)
            await recording.holds(1)
            await until(lambda: any(log["event"] == "recording recovered" for log in logs))
        recording.recorder.close_on_shutdown()

    assert known == Recorded(2, None)
    assert [log["event"] for log in logs] == [FAILED, "recording recovered"]
    assert logs[0]["reason"] == "No space left on device"
    [(then, marked)] = recording.kept()
    assert marked
    assert then.changes == (*FIRES.changes, *FIRES.changes)


async def test_the_record_is_tidied_at_intervals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the start and every ten minutes, and its size is known then."""
    recording = Recording(tmp_path)
    tidied: list[float] = []

    def tidy(now: float) -> int:
        tidied.append(now)
        return 7

    monkeypatch.setattr(recording.recorder._store, "tidy", tidy)
    async with running(recording.recorder.run()):
        for number in range(1, 4):
            recording.give()
            await recording.holds(number)
            await recording.clock.advance(TIDY_EVERY - 100 * number)
        await until(lambda: recording.recorder.known == Recorded(0, 7))
    recording.recorder.close_on_shutdown()
    assert tidied == [at(0).time, at(2 * TIDY_EVERY - 300).time]
