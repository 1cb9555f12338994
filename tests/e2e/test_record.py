"""The record of a daemon as people look at it, after the daemon was killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.running import ROOT, Process, xenwatch
from tests.support import labelled
from xenwatch.status import host_status

SOURCE = ("--source", "synthetic:leak-event-channels")


def command(*arguments: str) -> str:
    """What a command prints; it may have a finding."""
    done = subprocess.run(
        [sys.executable, "-m", "xenwatch", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def used(status: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """How much of each limit was used."""
    return {(row["limit"], row["instance"]): row["used"] for row in status["limits"]}


def seen(running: Process, path: Path) -> dict[str, Any]:
    """A status that the daemon has shown, and that is on the disk."""
    while True:
        shown: dict[str, Any] = json.loads(running.get(host_status.PATH.lstrip("/")))
        if any(path.glob("*.moments")):
            kept = json.loads(command("once", f"--source=record:{path}", "--format=json"))
            if kept["time"] >= shown["time"]:
                return shown
        time.sleep(0.1)


def test_what_was_shown_is_shown_again_after_a_kill(tmp_path: Path) -> None:
    """At the time of a page the record has the same of every limit, and says when it was."""
    directory = tmp_path / "state"
    directory.mkdir()
    with xenwatch(*SOURCE, environment={"STATE_DIRECTORY": str(directory)}) as running:
        running.get_ready()
        shown = seen(running, directory / "record")
        page = running.get("metrics")
        running.stop(signal.SIGKILL)

    at = f"record:{directory}/record@{shown['time']:.3f}"
    kept = json.loads(command("once", f"--source={at}", "--format=json"))
    assert kept["time"] == shown["time"]
    assert used(kept) == used(shown)
    assert kept["notices"][0].startswith("SYNTHETIC, RECORD of 20")
    assert "event_channels" in command("once", f"--source=record:{directory}/record")
    assert labelled("xenwatch_record_failures_total", page) == {(): 0}


def test_a_daemon_that_may_not_write_goes_on(tmp_path: Path) -> None:
    """It says so once, and serves as before."""
    state = tmp_path / "state"
    state.write_text("no directory")
    with xenwatch(*SOURCE, environment={"STATE_DIRECTORY": str(state)}) as running:
        failed = running.until("recording failed; will retry")
        running.get_ready()
        while labelled("xenwatch_record_failures_total", running.get("metrics")) != {(): 1}:
            time.sleep(0.1)
        assert running.stop() == 0
    assert failed["reason"] == "Not a directory"
