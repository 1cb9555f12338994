"""The record the daemon keeps: every pass, whatever a disk does."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import threading
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
from xenwatch.daemon.recorder import DEADLINE, NAME, RETRY, TIDY_EVERY, Recorder
from xenwatch.metrics import Recorded
from xenwatch.record.frames import Moment
from xenwatch.record.header import HeaderError
from xenwatch.record.past import Past, past
from xenwatch.record.segments import Segment, Writer
from xenwatch.record.store import files

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
            full_snapshot(), time=self.clock.moment().time, instant=self.clock.now
        )
        assessment = dataclasses.replace(
            assess_pass(snapshot, rules, self.newest),
            alerts=alerts,
            seconds_to_full={"irqs": 7.0},
            full_between={"irqs": (5.0, 9.0)},
        )
        self.newest = assessment
        self.recorder.note(alerts.changes if alerts else ())
        self.recorder.changed.set()
        return assessment

    def kept(self) -> list[tuple[Past, bool]]:
        """All moments, and whether each is marked."""
        return [
            (past(segment.header, moment, "r"), moment.marked)
            for file in files(self.directory / NAME)
            for segment in (Segment(file.path),)
            for moment in segment.moments()
        ]

    async def holds(self, number: int) -> None:
        """Wait until so many moments are kept."""

        def there() -> bool:
            with contextlib.suppress(HeaderError, FileNotFoundError):  # is being written
                return len(self.kept()) == number
            return False

        await until(there)


async def test_what_was_known_is_known_again(tmp_path: Path) -> None:
    """Readings, alerts, the forecast and the maintenance; marked where an alert has changed."""
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
        assert then.seconds_to_full == {"irqs": 7.0}
        assert then.full_between == {"irqs": (5.0, 9.0)}
        assert then.maintenance == assessment.maintenance
        assert then.snapshot.origin.mark.startswith("RECORD of 2023-11-14 22:13:")


@pytest.mark.parametrize("enabled", [False, True])
async def test_without_a_record_nothing_is_kept(tmp_path: Path, enabled: bool) -> None:
    """Without a state directory, or switched off, there are no files and no metrics of it."""
    settings = Settings({record_keys.ENABLED.path: enabled})
    directory = "" if enabled else str(tmp_path)
    recorder = Recorder(settings, directory, FakeClock(), lambda: None)
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

    assert known is not None
    assert (known.failures, known.successful, known.instant) == (2, False, None)
    assert [log["event"] for log in logs] == [FAILED, "recording recovered"]
    assert logs[0]["reason"] == "No space left on device"
    [(_, marked)] = recording.kept()
    assert marked


async def test_a_write_that_hangs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its deadline it has failed; the next is written when it has returned."""
    recording, release = Recording(tmp_path), threading.Event()
    append = Writer.append

    def hang(writer: Writer, moment: Moment) -> None:
        release.wait()
        append(writer, moment)

    monkeypatch.setattr(Writer, "append", hang)
    with capture_logs() as logs:
        async with running(recording.recorder.run()):
            recording.give()
            await until(lambda: recording.clock.sleeps_until(DEADLINE))
            await recording.clock.advance(DEADLINE)
            await until(lambda: recording.recorder.known == Recorded(1, None, successful=False))
            release.set()
            await recording.holds(1)
            await until(lambda: len(logs) == 2)
        recording.recorder.close_on_shutdown()
    assert [log["event"] for log in logs] == [FAILED, "recording recovered"]
    assert logs[0]["reason"] == "timed out after 30 s; the write still hangs"


async def test_the_record_is_tidied_at_intervals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the start and every ten minutes; by a clock that was set it is not trusted."""
    recording = Recording(tmp_path)
    tidied: list[tuple[float, bool]] = []

    def tidy(now: float, *, trusted: bool) -> int:
        tidied.append((now, trusted))
        return 7

    monkeypatch.setattr(recording.recorder._store, "tidy", tidy)
    async with running(recording.recorder.run()):
        for number in range(1, 8):
            recording.give()
            await recording.holds(number)
            await recording.clock.advance(TIDY_EVERY / 2)
            if number == 4:
                recording.clock.ahead = 3600.0
        await until(
            lambda: (
                recording.recorder.known == Recorded(0, 7, successful=True, instant=3 * TIDY_EVERY)
            )
        )
    recording.recorder.close_on_shutdown()
    every = [at(number * TIDY_EVERY).time for number in range(4)]
    assert tidied == [
        (every[0], False),
        (every[1], True),
        (every[2] + 3600, False),
        (every[3] + 3600, True),
    ]


async def test_a_record_that_cannot_be_tidied_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read is recorded, and the reason is in the log."""
    recording = Recording(tmp_path)

    def tidy(_now: float, *, trusted: bool) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(recording.recorder._store, "tidy", tidy)
    with capture_logs() as logs:
        async with running(recording.recorder.run()):
            recording.give()
            await recording.holds(1)
            await until(lambda: len(logs) == 1)
            known = Recorded(0, None, successful=True, instant=0.0)
            await until(lambda: recording.recorder.known == known)
    recording.recorder.close_on_shutdown()
    assert logs[0]["event"] == "tidying the record failed"


async def test_a_bug_costs_the_record_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is logged with its traceback, and the daemon goes on."""
    recording = Recording(tmp_path)
    monkeypatch.setattr(recording.recorder, "_encoder", None)
    with capture_logs() as logs:
        async with running(recording.recorder.run()):
            recording.give()
            await until(lambda: recording.clock.sleeps_until(RETRY))
    assert logs[0]["event"] == FAILED
    assert isinstance(logs[0]["exc_info"], AttributeError)
    assert recording.recorder.known == Recorded(1, None, successful=False)
