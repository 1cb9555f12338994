"""`xenwatch top` in a real terminal, that of tmux."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.running import xenwatch
from tests.tools import tool
from xenwatch.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 40.0
"""Seconds to wait for what must come; a busy machine is slow."""
SYNTHETIC = ("--source", "synthetic", "--interval", "0.5")


class Terminal:
    """A terminal of 80 by 24 in which a command runs; the shell stays when it has ended."""

    def __init__(self, directory: Path) -> None:
        self._tmux = [tool("tmux"), "-S", str(directory / "tmux"), "-f", "/dev/null"]

    def tmux(self, *arguments: str) -> str:
        """What tmux says to a command."""
        done = subprocess.run(
            [*self._tmux, *arguments], check=True, capture_output=True, text=True, timeout=PATIENCE
        )
        return done.stdout

    def start(self, *arguments: str) -> None:
        """Start `xenwatch top` with these arguments; its status is shown when it ends."""
        command = shlex.join([sys.executable, "-m", "xenwatch", "top", *arguments])
        # The trap keeps the shell where the command is interrupted.
        after = "echo left with $?; stty -a; exec cat"
        line = f"trap : INT; cd {shlex.quote(str(ROOT))}; {command}; {after}"
        self.tmux("-u", "new-session", "-d", "-x", "80", "-y", "24", "sh", "-c", line)

    def lines(self) -> list[str]:
        """What is to be seen."""
        return self.tmux("capture-pane", "-p").splitlines()

    def until(self, seen: Callable[[list[str]], bool]) -> list[str]:
        """The first picture for which `seen` holds."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            lines = self.lines()
            if seen(lines):
                return lines
            time.sleep(0.1)
        raise AssertionError("it was not seen:\n" + "\n".join(self.lines()))

    def shows(self, text: str) -> list[str]:
        """The first picture with a text on it."""
        return self.until(lambda lines: any(text in line for line in lines))


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal that is gone after the test."""
    found = Terminal(tmp_path)
    yield found
    with contextlib.suppress(subprocess.CalledProcessError):
        found.tmux("kill-server")


def test_it_fills_a_small_terminal_and_quits(terminal: Terminal) -> None:
    """At 80 by 24 everything is there; `q` gives the terminal back as it was."""
    terminal.start(*SYNTHETIC)
    lines = terminal.shows("q quits")

    assert lines[0].startswith("SYNTHETIC: ")
    assert lines[1].startswith("xenwatch")
    assert "xcp-ng 8.3" in lines[1]
    assert lines[3].startswith("headroom: ")
    assert any("aio_requests" in line and "█" in line for line in lines)
    assert lines[-2].startswith("broken ")
    assert lines[-1] == "q quits; every 0.5 s"
    terminal.tmux("send-keys", "q")
    terminal.shows("left with 0")
    left = terminal.shows(" icanon")
    assert not any("headroom" in line for line in left)


def test_it_goes_on_and_follows_the_size(terminal: Terminal) -> None:
    """New readings appear by themselves, and a smaller terminal gets a smaller picture."""
    terminal.start(*SYNTHETIC)
    first = terminal.shows("q quits")[1]
    terminal.until(lambda lines: lines[1].startswith("xenwatch") and lines[1] != first)
    terminal.tmux("resize-window", "-x", "60", "-y", "12")
    lines = terminal.until(lambda lines: len(lines) == 12 and lines[-1].startswith("q quits"))

    assert max(map(len, lines)) <= 60
    assert any(line.endswith("less full") for line in lines)


def test_it_asks_the_daemon_and_says_when_that_is_gone(terminal: Terminal) -> None:
    """It shows what the daemon knows; when the daemon ends the picture stays, marked as old."""
    with xenwatch("--source", "synthetic:debian-12") as running:
        running.get_ready()
        terminal.start("--url", running.url, "--interval", "0.5")
        terminal.shows("debian 12")
        terminal.shows("Domain")  # the alerts are the daemon's
    lines = terminal.shows("stale: http://127.0.0.1")

    assert any("debian 12" in line for line in lines)


def test_a_signal_gives_the_terminal_back(terminal: Terminal) -> None:
    """SIGINT by the keyboard ends it, and lines are edited and echoed again."""
    terminal.start(*SYNTHETIC)
    terminal.shows("q quits")
    terminal.tmux("send-keys", "C-c")

    terminal.shows("left with 130")
    terminal.shows(" icanon")


def test_without_a_terminal_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Its output is for people: in a pipe it ends with status 2 and names the command for that."""
    assert main(["top", "--source=synthetic"]) == 2
    assert "top requires a terminal; in scripts use xenwatch once" in capsys.readouterr().err


def test_without_the_extra_it_says_how_to_get_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where rich is not installed the message has the command that installs it."""
    for name in ("rich", "rich.console", "rich.live", "rich.text"):
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("xenwatch.cli.live_terminal", "xenwatch.cli.status_lines"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delattr("xenwatch.cli.live_terminal", raising=False)

    assert main(["top"]) == 3
    assert f"{sys.executable} -m pip install rich" in capsys.readouterr().err
