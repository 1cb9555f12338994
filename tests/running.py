"""Daemons as processes, for tests to start, ask and stop."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


class Process:
    """A running daemon: its log, line by line, and its pages."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.log: list[dict[str, Any]] = []
        self.url = ""

    def until(self, event: str) -> dict[str, Any]:
        """The next line of the log with that event."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(json.loads(line))
            if self.log[-1]["event"] == event:
                return self.log[-1]
        raise AssertionError(f"the log ended without {event!r}: {self.log}")

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self.url.removeprefix("http://").rstrip("/").split(":")
        return host, int(port)

    def get(self, path: str) -> bytes:
        """What it serves at a path."""
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            body: bytes = answer.read()
        return body

    def get_ready(self) -> None:
        """Ask until the first pass is complete."""
        while True:
            try:
                self.get("-/ready")
            except urllib.error.HTTPError as error:
                error.close()
            else:
                return

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end. Returns the exit status."""
        self.process.send_signal(number)
        _, rest = self.process.communicate(timeout=30)
        self.log += [json.loads(line) for line in rest.splitlines()]
        return self.process.returncode


@contextlib.contextmanager
def daemon(
    *arguments: str,
    keep: Iterable[int] = (),
    environment: Mapping[str, str] | None = None,
    user: int | None = None,
) -> Iterator[Process]:
    """A Python process with these arguments and descriptors, once it has said that it started."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=tuple(keep),
        user=user,
    ) as process:
        try:
            running = Process(process)
            running.url = next(iter(running.until("started")["open"]), "")
            yield running
        finally:
            process.kill()


def xenwatch(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> contextlib.AbstractContextManager[Process]:
    """`xenwatch run` with these arguments, on this machine and at a free port."""
    listen = ("--web.listen-address", "127.0.0.1:0")
    return daemon("-m", "xenwatch", "run", *listen, *arguments, environment=environment)
