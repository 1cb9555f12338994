"""Descriptors of hot files: what is kept, for how long, and that nobody can tell."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from xenwatch.sources import kept
from xenwatch.sources.base import SourceError
from xenwatch.sources.host import HostSource
from xenwatch.sources.kept import KeptFiles, raise_limit


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that sleeps until it is killed."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


def read(files: KeptFiles, path: str) -> bytes | None:
    """A file read below the root."""
    return files.read(path, path)


def test_a_hot_file_is_read_anew_through_one_descriptor() -> None:
    """A second read opens nothing and has the present content."""
    files = KeptFiles(8)
    path = f"/proc/{os.getpid()}/schedstat"
    first = read(files, path)
    before = os.listdir("/proc/self/fd")

    second = first
    # The kernel counts a task that runs on at its next tick.
    for _ in range(1_000):
        sum(range(100_000))
        second = read(files, path)
        if second != first:
            break

    assert os.listdir("/proc/self/fd") == before
    assert first is not None
    assert second is not None
    assert int(second.split()[0]) > int(first.split()[0])
    files.close()


@pytest.mark.parametrize("path", ["/proc/meminfo", "/proc/self/stat", "/etc/passwd", "/proc/1/fd"])
def test_no_other_file_is_kept(path: str) -> None:
    """A file that is not one of a process's hot ones is left to be read the usual way."""
    files = KeptFiles(8)

    assert read(files, path) is None
    assert len(files) == 0


@pytest.mark.parametrize(("size", "whole"), [(4095, True), (4096, False), (8192, False)])
def test_a_long_file_is_read_the_usual_way(tmp_path: Path, size: int, whole: bool) -> None:
    """A file that may be longer than one read is left to be read the usual way, each time."""
    files = KeptFiles(8)
    place = tmp_path / "status"
    place.write_bytes(b"x" * size)
    expected = b"x" * size if whole else None

    assert files.read("/proc/1/status", str(place)) == expected
    assert len(files) == 1
    assert files.read("/proc/1/status", str(place)) == expected
    files.close()


def test_what_is_kept_stays_when_there_is_no_room(child: subprocess.Popen[bytes]) -> None:
    """Over the bound another file is read all the same, and takes the place of none."""
    files = KeptFiles(2)
    before = len(os.listdir("/proc/self/fd"))
    home = f"/proc/{child.pid}"
    kept_first = [f"{home}/stat", f"{home}/schedstat"]
    for path in (*kept_first, f"{home}/status"):
        assert read(files, path)
    opened = dict(files._fds)

    for path in (*kept_first, f"{home}/status"):
        assert read(files, path)

    assert {path: fd for path, (fd, _) in files._fds.items()} == {
        path: opened[path][0] for path in kept_first
    }
    assert len(os.listdir("/proc/self/fd")) == before + 2
    files.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_descriptor_that_nobody_reads_is_closed(child: subprocess.Popen[bytes]) -> None:
    """A file not read for five minutes is closed while others are read, room or not."""
    now = [0.0]
    files = KeptFiles(8, lambda: now[0])
    home = f"/proc/{child.pid}"
    before = os.listdir("/proc/self/fd")
    for name in ("stat", "schedstat"):
        read(files, f"{home}/{name}")
    now[0] = kept.IDLE_SECONDS
    read(files, f"{home}/schedstat")
    assert list(files._fds) == [f"{home}/stat", f"{home}/schedstat"]

    now[0] += kept.SWEEP_SECONDS
    read(files, f"{home}/schedstat")

    assert list(files._fds) == [f"{home}/schedstat"]
    assert len(os.listdir("/proc/self/fd")) == len(before) + 1
    files.close()


def test_a_process_that_ended_is_missing(child: subprocess.Popen[bytes]) -> None:
    """Reading a kept file of a process that is gone says that it is missing, and drops it."""
    source = HostSource()
    path = f"/proc/{child.pid}/stat"
    source.read(path)

    child.kill()
    child.wait()
    with pytest.raises(SourceError) as caught:
        source.read(path)

    assert caught.value.missing
    assert len(source._kept) == 0


def test_a_descriptor_of_an_ended_process_gives_way_to_the_new_one(
    child: subprocess.Popen[bytes],
) -> None:
    """When a process's number is taken by another one, the file is that of the new process."""
    files = KeptFiles(8)
    with subprocess.Popen(["sleep", "600"]) as ended:
        read(files, f"/proc/{ended.pid}/stat")
        ended.kill()
    path = f"/proc/{child.pid}/stat"
    files._fds[path] = files._fds.pop(f"/proc/{ended.pid}/stat")

    data = read(files, path)

    assert data is not None
    assert data.startswith(b"%d (sleep)" % child.pid)
    files.close()


def test_nothing_is_kept_without_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """With hardly a descriptor to spare files are read all the same, and closed."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1, 1))
    files = KeptFiles()

    assert read(files, f"/proc/{os.getpid()}/stat")
    assert len(files) == 0


def test_nothing_is_kept_once_closed() -> None:
    """After the end a read still answers and leaves nothing open."""
    files = KeptFiles(8)
    read(files, f"/proc/{os.getpid()}/stat")
    files.close()

    assert read(files, f"/proc/{os.getpid()}/stat")
    assert len(files) == 0


def test_threads_never_get_each_others_file(child: subprocess.Popen[bytes]) -> None:
    """Threads that read more files than are kept each get what they asked for."""
    files = KeptFiles(2)
    pids = (os.getpid(), os.getppid(), child.pid)
    wrong: list[bytes | None] = []

    def work(pid: int) -> None:
        for _ in range(500):
            data = read(files, f"/proc/{pid}/stat")
            if data is None or not data.startswith(b"%d (" % pid):
                wrong.append(data)

    workers = [threading.Thread(target=work, args=(pid,)) for pid in pids * 2]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert wrong == []
    assert len(files) <= 2
    files.close()


@pytest.mark.parametrize(
    ("soft", "hard", "wanted"),
    [(1024, 4096, 4096), (1024, 524288, 2 * kept.FDS_MAX), (524288, 524288, None)],
)
def test_the_limit_is_raised_within_the_hard_one(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, wanted: int | None
) -> None:
    """The soft limit goes up as far as is useful and allowed, and never down."""
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: told.append(limits))

    raise_limit()

    assert told == ([] if wanted is None else [(wanted, hard)])


class Watched(dict[str, tuple[int, float]]):
    """Kept descriptors that nobody may take without the lock."""

    def __init__(self, files: KeptFiles) -> None:
        super().__init__(files._fds)
        self._files = files

    def pop(self, *arguments: object) -> tuple[int, float]:
        """Take one away."""
        assert self._files._lock.locked()
        return super().pop(*arguments)  # type: ignore[call-overload, no-any-return]


def test_a_descriptor_is_taken_under_the_lock() -> None:
    """A reader takes none away while `close` or another reader goes through all of them."""
    files = KeptFiles(8)
    path = f"/proc/{os.getpid()}/schedstat"
    read(files, path)
    files._fds = Watched(files)

    assert read(files, path) is not None
    files.close()
