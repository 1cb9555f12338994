"""Readers in this process, for tests to ask."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.sources.fakes import TableSource
from xenwatch.reader import server
from xenwatch.reader.listener import MODE
from xenwatch.reader.server import THREADS_MAX, Server, checked
from xenwatch.reader.verbs import VERBS
from xenwatch.reader.working import Working
from xenwatch.sockets.unix import listen_unix
from xenwatch.sources.base import READ_LIMIT, Source, SourceError
from xenwatch.sources.remote import RemoteSource
from xenwatch.sources.tracefs import PollHistograms

UPTIME = {"/proc/uptime": b"1.0 2.0\n"}


class Hanging(TableSource):
    """A host whose comm files are not answered until `free` is set."""

    def __init__(self) -> None:
        super().__init__(files=UPTIME)
        self.free = threading.Event()
        self.waiting = threading.Semaphore(0)

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """Wait, but not for other files."""
        if not path.endswith("/comm"):
            return super().read(path, limit)
        self.waiting.release()
        self.free.wait()
        return b"late\n"


def reason(source: Source, path: str) -> str:
    """Why a file cannot be read."""
    with pytest.raises(SourceError) as caught:
        source.read(path)
    return str(caught.value)


@contextlib.contextmanager
def serving(
    source: Source,
    path: Path,
    *,
    histograms: PollHistograms | None = None,
    threads_max: int = THREADS_MAX,
) -> Iterator[list[str]]:
    """A reader that serves a source at a path; what it says."""
    said: list[str] = []
    listener = listen_unix(str(path), MODE)
    server = Server(
        source,
        listener,
        serves="a test",
        say=said.append,
        histograms=histograms,
        threads_max=threads_max,
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield said
    finally:
        server.stop()
        thread.join()


@contextlib.contextmanager
def asking(
    source: Source, directory: Path, seconds: float = 30.0, threads_max: int = THREADS_MAX
) -> Iterator[RemoteSource]:
    """A source behind a reader with a socket in a new directory."""
    path = directory / "reader.sock"
    with serving(source, path, threads_max=threads_max):
        remote = RemoteSource(str(path), seconds)
        with contextlib.closing(remote):
            yield remote


def told(verb: str, arguments: list[Any], source: Source | None = None) -> Any:
    """What a question is answered with."""
    asked = checked(verb, arguments, None)
    return VERBS[verb].ask(source or TableSource(), asked)


def standing_clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The server's clock, which shows `now` and stands; no thread looks at the others."""
    clock = SimpleNamespace(thread_time=time.thread_time, now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(server, "time", clock)
    monkeypatch.setattr(Working, "run", lambda _working: None)
    return clock
