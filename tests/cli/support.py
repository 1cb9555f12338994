"""Commands run in this process, as somebody without a configuration runs them, and a server."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import logging_restored
from xenwatch.cli.main import main


@dataclass(frozen=True)
class Done:
    """What a command left."""

    status: int
    out: str
    err: str


@pytest.fixture
def no_traces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No configuration of this machine, and logging as it was."""
    monkeypatch.setattr("xenwatch.config.config_file.DEFAULT_FILE", str(tmp_path / "none.toml"))
    with logging_restored():
        yield


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> Done:
    """A command run in this process; bad usage leaves it by an exception."""
    try:
        status = main(arguments)
    except SystemExit as left:
        status = int(left.code or 0)
    out, err = capsys.readouterr()
    return Done(status, out, err)


@contextlib.contextmanager
def serving(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that has a thread serve one connection; its URL. It may end as the client leaves."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            thread.join()
