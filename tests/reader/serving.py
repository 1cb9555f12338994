"""Readers in this process, for tests to ask."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.sources.fakes import TableSource
from xenwatch.reader.listener import listen
from xenwatch.reader.server import THREADS_MAX, Server, checked
from xenwatch.reader.verbs import VERBS
from xenwatch.sources.base import Source
from xenwatch.sources.remote import RemoteSource
from xenwatch.sources.tracefs import PollHistograms


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
    listener = listen(str(path), {})
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
