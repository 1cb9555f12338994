"""A daemon that is killed at any moment: the next one has lost nothing.

`KILLS=200` kills more often than the tests do, half of the times while it starts.
"""

from __future__ import annotations

import http.server
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.running import ROOT, daemon
from tests.tools import IN_CI

KILLS = int(os.environ.get("KILLS", "20" if IN_CI else "4"))


class Receiver(http.server.ThreadingHTTPServer):
    """Counts the alerts that it was told are firing, by the name of the VM."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.firing = Counter[str]()
        self.url = f"http://127.0.0.1:{self.server_port}/"


class _Request(http.server.BaseHTTPRequestHandler):
    """A delivery."""

    server: Receiver

    def do_POST(self) -> None:
        """Accept it."""
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for alert in told["alerts"]:
            if alert["labels"]["alertname"] == "XenwatchBackendErrors":
                self.server.firing[alert["labels"]["name"]] += alert["status"] == "firing"
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver that serves."""
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()


def killed(argv: list[str], environment: dict[str, str], part: float, *, after: bool) -> float:
    """Start a daemon, kill it, `after` it has started or not. Returns how long its start took.

    `part` is when: of the time that a start takes.
    """
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, *argv],
        cwd=ROOT,
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        if after:
            next(line for line in process.stderr if '"event": "started"' in line)
        took = time.monotonic() - began
        time.sleep(part)
        process.kill()
        rest = [json.loads(line) for line in process.stderr if line.endswith("}\n")]
        assert not [line for line in rest if line["level"] == "error"]
    return took


def test_killed_at_any_moment_it_loses_nothing(tmp_path: Path) -> None:
    """After each kill the next daemon gets ready, and each alert is told; twice at times."""
    choose = random.Random(KILLS)
    environment = {"STATE_DIRECTORY": str(tmp_path)}
    took = 1.0
    with receiver() as told:

        def argv(number: int) -> list[str]:
            return ["-m", "tests.daemon.killed", str(number), json.dumps({"webhook.url": told.url})]

        for number in range(1, KILLS + 1):
            after = bool(number % 2)
            part = choose.random() * took
            took = killed(argv(number), environment, part, after=after) if after else took
            if not after:
                killed(argv(number), environment, part, after=False)
        with daemon(*argv(KILLS), environment=environment) as running:
            running.get_ready()
            while len(told.firing) < KILLS:
                time.sleep(0.05)
            assert running.stop() == 0
    names = {f"vm-{number}" for number in range(KILLS)}
    assert told.firing.keys() == names
    assert not any(line["level"] == "error" for line in running.log)
    twice = sum(number - 1 for number in told.firing.values())
    print(f"{KILLS} kills: {len(names)} alerts told, {twice} of them once more")
    assert twice <= KILLS
