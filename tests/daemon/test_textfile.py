"""The file for node_exporter: whole at any moment, and never a reason for the daemon to stop."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.delivery.support import until
from tests.fake_clock import FakeClock, running
from xenwatch.daemon.textfile import DEADLINE, FILE, NEW, Textfile, without_process

INTERVAL = 10.0
PAGE = b"# HELP xenwatch_ptys_used a\n# TYPE xenwatch_ptys_used gauge\nxenwatch_ptys_used 3\n"
FAILED = "writing the textfile failed; will retry"


class Written:
    """A textfile of which a test sets the page."""

    def __init__(self, directory: Path, page: bytes | None = PAGE) -> None:
        self.page = page
        self.asked = 0
        self.clock = FakeClock()
        self.path = directory / FILE
        self.textfile = Textfile(str(directory), INTERVAL, self.clock, self._page)

    def _page(self) -> bytes | None:
        self.asked += 1
        return self.page

    async def change(self, page: bytes | None = PAGE) -> None:
        """Another page, once it is written or that has failed."""
        await self.begin(page)
        await until(lambda: self.clock.sleeps_until(self.clock.now + INTERVAL))

    async def begin(self, page: bytes | None = PAGE) -> None:
        """Another page, whose write is under way."""
        await self.clock.advance(INTERVAL)
        asked, self.page = self.asked, page
        self.textfile.changed.set()
        await until(lambda: self.asked > asked)

    def holds(self, page: bytes) -> bool:
        """Whether the file is this page."""
        return self.path.exists() and self.path.read_bytes() == page


def failing(number: int) -> Callable[..., None]:
    """A call of the system that fails with this error."""

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


async def test_a_pass_is_written_for_everybody_to_read(tmp_path: Path) -> None:
    """The file is the page, readable by another user whatever the umask, with nothing beside it."""
    written = Written(tmp_path)
    before = os.umask(0o077)
    try:
        async with running(written.textfile.run()):
            await written.change()
            assert written.holds(PAGE)
    finally:
        os.umask(before)

    assert stat.S_IMODE(written.path.stat().st_mode) == 0o644
    assert os.listdir(tmp_path) == [FILE]


async def test_a_second_daemon_leaves_the_file_alone(tmp_path: Path) -> None:
    """It says why it writes nothing, does not remove the file, and takes over after the first."""
    first, second = Written(tmp_path), Written(tmp_path, b"xenwatch_ptys_used 4\n")
    async with running(first.textfile.run()):
        await first.change()
        with capture_logs() as said:
            async with running(second.textfile.run()):
                await second.change(b"xenwatch_ptys_used 4\n")
                assert first.holds(PAGE)
                second.textfile.remove_on_shutdown()
        reason = "another xenwatch writes there; give this one a directory of its own"
        assert [(each["event"], each["reason"]) for each in said] == [(FAILED, reason)]
        assert first.holds(PAGE)
        first.textfile.remove_on_shutdown()
    third = Written(tmp_path)
    async with running(third.textfile.run()):
        await third.change()
        assert third.holds(PAGE)


async def test_it_is_not_written_more_often_than_configured(tmp_path: Path) -> None:
    """Changes within the interval are one write at its end, of the newest page."""
    written = Written(tmp_path)
    async with running(written.textfile.run()):
        await written.change()
        assert written.holds(PAGE)
        for number in range(5):
            written.page = b"xenwatch_ptys_used %d\n" % number
            written.textfile.changed.set()
            await written.clock.advance(INTERVAL / 10)
        assert written.holds(PAGE)
        await written.clock.advance(INTERVAL / 2)
        await until(lambda: written.holds(b"xenwatch_ptys_used 4\n"))

    assert written.asked == 2


async def test_without_metrics_there_is_no_file(tmp_path: Path) -> None:
    """Where `/metrics` would serve nothing, nothing looks current."""
    written = Written(tmp_path)
    async with running(written.textfile.run()):
        await written.change()
        assert written.path.exists()
        await written.change(None)
        assert not written.path.exists()

    assert written.textfile.failures == 0


async def test_what_a_crash_has_left_is_removed(tmp_path: Path) -> None:
    """Half a file and the last values of an earlier run are gone before the first write."""
    (tmp_path / NEW).write_text("xenwatch_pt")
    (tmp_path / FILE).write_text("xenwatch_ptys_used 1\n")
    (tmp_path / "other.prom").touch()
    async with running(Written(tmp_path).textfile.run()):
        await until(lambda: os.listdir(tmp_path) == ["other.prom"])


async def test_no_link_leads_elsewhere(tmp_path: Path) -> None:
    """Links that another user has put there are replaced, and what they point at is untouched."""
    secret, directory = tmp_path / "secret", tmp_path / "textfile"
    secret.write_text("x")
    directory.mkdir()
    written = Written(directory)
    async with running(written.textfile.run()):
        await written.change()
        assert written.holds(PAGE)
        written.path.unlink()
        for name in (FILE, NEW):
            (directory / name).symlink_to(secret)
        await written.change(b"xenwatch_ptys_used 5\n")
        assert written.holds(b"xenwatch_ptys_used 5\n")

    assert secret.read_text() == "x"
    assert not written.path.is_symlink()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
async def test_a_failed_write_costs_that_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    """It is counted each time and logged once, the last whole file stays, and it is retried."""
    written = Written(tmp_path)
    with capture_logs() as logs:
        async with running(written.textfile.run()):
            await written.change()
            assert written.holds(PAGE)
            with monkeypatch.context() as broken:
                broken.setattr(f"xenwatch.daemon.textfile.os.{call}", failing(number))
                for failures in (1, 2, 3):
                    await written.change(b"xenwatch_ptys_used 9\n")
                    assert written.textfile.failures == failures
            assert written.holds(PAGE)
            assert os.listdir(tmp_path) == [FILE]
            await written.change(b"xenwatch_ptys_used 9\n")
            assert written.holds(b"xenwatch_ptys_used 9\n")

    assert [log["event"] for log in logs] == [FAILED, "writing the textfile recovered"]
    assert logs[0]["reason"] == os.strerror(number)


async def test_a_directory_may_come_later(tmp_path: Path) -> None:
    """Where node_exporter is not installed yet, the file is written once its directory is there."""
    written = Written(tmp_path / "later")
    with capture_logs():
        async with running(written.textfile.run()):
            await written.change()
            assert written.textfile.failures
            (tmp_path / "later").mkdir()
            await written.change()
            assert written.holds(PAGE)


async def test_a_missing_directory_is_an_error_at_once(tmp_path: Path) -> None:
    """A directory in which nothing can be written is logged at the start, before any pass."""
    written = Written(tmp_path / "later")
    with capture_logs() as logs:
        async with running(written.textfile.run()):
            await until(lambda: bool(logs))
            await written.change(None)

    assert [(entry["event"], entry["reason"]) for entry in logs] == [
        (FAILED, "No such file or directory")
    ]


async def test_a_write_that_hangs_blocks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop goes on, one thread waits for the disk, and that is a failure until it returns."""
    written, disk = Written(tmp_path), threading.Event()
    monkeypatch.setattr("xenwatch.daemon.textfile.os.fsync", lambda _: disk.wait(60))
    with capture_logs() as logs:
        async with running(written.textfile.run()):
            await written.begin()
            for _ in range(5):
                written.textfile.changed.set()
                await written.clock.advance(DEADLINE)
            hanging = [each for each in threading.enumerate() if each.name == "textfile"]
            assert (len(hanging), written.textfile.failures) == (1, 1)
            disk.set()
            await until(lambda: written.holds(PAGE))
            await until(lambda: len(logs) > 1)

    assert "timed out after 30 s" in logs[0]["reason"]
    assert logs[1]["event"] == "writing the textfile recovered"


async def test_the_file_goes_when_the_daemon_stops(tmp_path: Path) -> None:
    """No value stays as if it were current, not even by a write that was under way."""
    written = Written(tmp_path)
    async with running(written.textfile.run()):
        await written.change()
        assert written.holds(PAGE)
        written.textfile.remove_on_shutdown()
        await written.change()

    assert os.listdir(tmp_path) == []


async def test_without_a_directory_there_is_nothing_to_do() -> None:
    """A daemon without a textfile counts no failures, and removes nothing."""
    textfile = Textfile("", INTERVAL, FakeClock(), lambda: PAGE)
    async with asyncio.timeout(30):
        await textfile.run()
    textfile.remove_on_shutdown()

    assert textfile.failures is None


def test_what_node_exporter_has_of_itself_is_left_out() -> None:
    """`process_*` and its comments are not written, and nothing else is left out."""
    process = b"# HELP process_open_fds a\n# TYPE process_open_fds gauge\nprocess_open_fds 8\n"

    assert without_process(process + PAGE + process) == PAGE


async def test_a_reader_never_finds_half_a_file(tmp_path: Path) -> None:
    """Who reads while it is written has the old page or the new one, whole."""
    pages = [b"xenwatch_ptys_used %d\n" % number * 5000 for number in range(60)]
    written, seen, over = Written(tmp_path), set(), threading.Event()

    def read() -> None:
        while not over.is_set():
            if written.path.exists():
                seen.add(written.path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        async with running(written.textfile.run()):
            for page in pages:
                await written.change(page)
                assert written.holds(page)
    finally:
        over.set()
        reader.join()

    assert seen
    assert seen <= set(pages)
