"""`xenwatch replay` in a real terminal, that of tmux."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from tests.cli.test_top import ROOT, Terminal, terminal
from tests.night import made
from tests.record.disk import without_a_disk

__all__ = ["terminal", "without_a_disk"]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The record of the first hours of a night: the leak has been told, and has used all."""
    path = tmp_path_factory.mktemp("night") / "record"
    made(path, every=300.0, length=10800.0)
    return str(path)


def started(terminal: Terminal, size: tuple[int, int], *arguments: str) -> None:
    """Start `xenwatch replay` in a terminal of that size."""
    command = shlex.join([sys.executable, "-m", "xenwatch", "replay", *arguments])
    line = (
        f"trap : INT; cd {shlex.quote(str(ROOT))}; {command}; echo left with $?; stty -a; exec cat"
    )
    width, height = map(str, size)
    terminal.tmux("-u", "new-session", "-d", "-x", width, "-y", height, "sh", "-c", line)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
def test_it_steps_through_the_night(terminal: Terminal, night: str, size: tuple[int, int]) -> None:
    """From the newest moment back to the first alert, whose limit is on top; `q` quits."""
    started(terminal, size, f"--source=record:{night}")
    lines = terminal.shows("moment 36 of 36")
    assert lines[0].startswith("2026-01-31 00:55:00 UTC  moment 36 of 36")
    assert any(line.startswith("firing critical grant-table frames of VM") for line in lines)
    assert any(line.startswith("SYNTHETIC, RECORD of 2026-01-31 00:55:00") for line in lines)
    used = next(line for line in lines if line.startswith("grant_frames domid=1"))
    assert used.split()[2:6] == ["62", "64", "96.9%", "critical"]
    assert max(map(len, lines)) <= size[0]
    terminal.tmux("send-keys", "Home")
    lines = terminal.shows("moment 1 of 36")
    assert "no alerts firing" in lines
    terminal.tmux("send-keys", "n")
    lines = terminal.shows(", an alert changed")
    assert any(
        line.startswith("firing critical grant-table frames of a domain will be exhausted")
        for line in lines
    )
    terminal.tmux("send-keys", "q")
    terminal.shows("left with 0")
    terminal.shows(" icanon")


def test_it_begins_where_it_is_asked_and_helps(terminal: Terminal, night: str) -> None:
    """At a time; with larger steps, no farther than there is, a help, and scrolled."""
    started(terminal, (80, 24), f"--source=record:{night}", "--at=2026-01-30T23:01Z")
    terminal.shows("2026-01-30 23:00:00 UTC  moment 13 of 36")
    terminal.tmux("send-keys", "Down")
    terminal.shows("2026-01-30 23:10:00 UTC  moment 15 of 36")
    terminal.tmux("send-keys", "PPage")
    terminal.shows("2026-01-30 22:10:00 UTC  moment 3 of 36")
    terminal.tmux("send-keys", "Left", "Left", "Left")
    terminal.shows("no further moment")
    terminal.tmux("send-keys", "?")
    terminal.shows("PgUp, PgDn")
    terminal.tmux("send-keys", "?")
    first = terminal.shows("moment 1 of 36")
    terminal.tmux("send-keys", "j")
    terminal.until(lambda lines: lines[0] == first[0] and lines[1:] != first[1:])
    terminal.tmux("send-keys", "C-c")
    terminal.shows("left with 130")
    terminal.shows(" icanon")


def test_in_a_pipe_it_is_a_list(night: str) -> None:
    """As its user has it in a script."""
    done = subprocess.run(
        [sys.executable, "-m", "xenwatch", "replay", "--source", f"record:{night}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "36 moments from 2026-01-30 22:00:00 UTC" in done.stdout
    assert "VM dying: backup-0001" in done.stdout
