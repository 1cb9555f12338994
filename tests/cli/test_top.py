"""`xenwatch top` in a real terminal, that of tmux."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.cli.test_top_batch import record
from tests.laws.test_law_11 import BEGAN
from tests.running import xenwatch
from tests.tools import tool
from xenwatch.terminal.views import VIEWS

__all__ = ["record"]

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
"""Seconds to wait for what must come; a busy machine is slow."""
SYNTHETIC = ("--source", "synthetic", "-d", "0.5")
READY = "q quits"
SIZES = [(80, 24), (120, 40), (200, 50)]


class Terminal:
    """A terminal in which a command runs; the shell stays when it has ended."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._tmux = [tool("tmux"), "-S", str(directory / "tmux"), "-f", "/dev/null"]

    def tmux(self, *arguments: str) -> str:
        """What tmux says to a command."""
        done = subprocess.run(
            [*self._tmux, *arguments], check=True, capture_output=True, text=True, timeout=PATIENCE
        )
        return done.stdout

    def start(
        self,
        *arguments: str,
        size: tuple[int, int] = (80, 24),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start `xenwatch top` with these arguments; its status is shown when it ends."""
        pid = self._directory / "pid"
        command = shlex.join([sys.executable, "-m", "xenwatch", "top", *arguments])
        variables = " ".join(f"{name}={value}" for name, value in (environment or {}).items())
        # The trap keeps the shell where the command is interrupted.
        after = "echo left with $?; stty -a; exec cat"
        job = f"env {variables} sh -c {shlex.quote(f'echo $$ >{pid}; exec {command}')}"
        line = f"trap : INT; cd {shlex.quote(str(ROOT))}; {job}; {after}"
        columns, rows = map(str, size)
        self.tmux("-u", "new-session", "-d", "-x", columns, "-y", rows, "sh", "-c", line)

    def press(self, *keys: str) -> None:
        """Type keys, by their names for tmux."""
        self.tmux("send-keys", *keys)

    def kill(self, number: int) -> None:
        """Send a signal to the command."""
        os.kill(int((self._directory / "pid").read_text()), number)

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


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_it_fills_the_terminal_and_quits(terminal: Terminal, size: tuple[int, int]) -> None:
    """At every size all views are there and the mark is; `q` gives the terminal back as it was."""
    terminal.start(*SYNTHETIC, size=size)
    lines = terminal.shows(READY)

    assert lines[0].startswith("SYNTHETIC: ")
    assert lines[1].startswith("xenwatch")
    assert "xcp-ng 8.3" in lines[1]
    assert lines[3].startswith("headroom: ")
    assert any("aio_requests" in line and "█" in line for line in lines)
    assert any(line.startswith("broken ") for line in lines)
    assert len(lines) == size[1]
    assert READY in lines[-1]
    for number, view in enumerate(VIEWS, 1):
        terminal.press(str(number))
        assert terminal.shows(f"[{number} {view.title}]")[0].startswith("SYNTHETIC: ")
    terminal.press("q")
    terminal.shows("left with 0")
    left = terminal.shows(" icanon")
    assert not any("headroom" in line for line in left)


def test_it_goes_on_and_follows_the_size(terminal: Terminal) -> None:
    """New readings appear by themselves, and a terminal of another size gets another picture."""
    terminal.start(*SYNTHETIC)
    first = terminal.shows(READY)[1]
    terminal.until(lambda lines: lines[1].startswith("xenwatch") and lines[1] != first)
    terminal.tmux("resize-window", "-x", "60", "-y", "12")
    lines = terminal.until(lambda lines: len(lines) == 12 and READY in lines[-1])

    assert max(map(len, lines)) <= 60
    terminal.tmux("resize-window", "-x", "150", "-y", "30")
    wide = terminal.until(lambda lines: len(lines) == 30 and READY in lines[-1])
    assert any("FULL IN" in line for line in wide)


def test_keys_sort_filter_and_show_details(terminal: Terminal) -> None:
    """As they are typed: a filter, a column to sort by, a row's detail, the help, and back."""
    terminal.start(*SYNTHETIC, "--view", "domains")
    terminal.shows(READY)
    terminal.press(">", ">")
    terminal.shows("NAME^")
    terminal.press("/", "D", "o", "m", "a", "i", "n", "-", "0", "Enter")
    terminal.shows("1/1 filter: Domain-0")
    terminal.press("Enter")
    terminal.shows("esc goes back")
    terminal.shows("00000000-0000-0000-0000-000000000000")
    terminal.press("Escape")
    terminal.shows("1/1 filter: Domain-0")
    terminal.press("?")
    terminal.shows("Shift-Tab")
    terminal.press("q")
    terminal.shows("1/1 filter: Domain-0")
    terminal.press("Escape")
    terminal.until(lambda lines: "filter:" not in lines[-1] and READY in lines[-1])


def test_a_pause_holds_the_picture(terminal: Terminal) -> None:
    """While it pauses the time stands still; then it goes on."""
    terminal.start(*SYNTHETIC)
    terminal.shows(READY)
    terminal.press("Space")
    held = terminal.shows("PAUSED")[1]
    terminal.press("2")
    assert terminal.shows("[2 domains]")[1] == held
    terminal.press("Space")
    terminal.until(lambda lines: lines[1].startswith("xenwatch") and lines[1] != held)


def test_the_mouse_chooses(terminal: Terminal) -> None:
    """A click on a view opens it (SGR 1006, as xterm and its kin send it)."""
    terminal.start(*SYNTHETIC)
    lines = terminal.shows(READY)
    row = next(number for number, line in enumerate(lines, 1) if "4 disks" in line)
    column = lines[row - 1].index("4 disks") + 2
    terminal.tmux("send-keys", "-l", f"\x1b[<0;{column};{row}M")

    terminal.shows("[4 disks]")


@pytest.mark.parametrize("term", ["linux", "xterm", "screen", "vt100"])
def test_every_terminal_will_do(terminal: Terminal, term: str) -> None:
    """On the console of Linux, in screen, and on a serial line."""
    terminal.start(*SYNTHETIC, environment={"TERM": term})
    terminal.shows(READY)
    terminal.press("6")
    terminal.shows("[6 control path]")
    terminal.press("q")
    terminal.shows("left with 0")


def test_without_colour_the_picture_says_the_same(terminal: Terminal) -> None:
    """NO_COLOR (no-color.org) sends no colours; state and cursor are still to be seen."""
    terminal.start(*SYNTHETIC, environment={"NO_COLOR": "1"})
    terminal.shows(READY)
    raw = terminal.tmux("capture-pane", "-p", "-e")

    codes = {int(code) for each in re.findall(r"\x1b\[([\d;]+)m", raw) for code in each.split(";")}
    assert not codes & {*range(30, 38), *range(40, 48), *range(90, 98)}
    assert "\x1b[7m" in raw  # the cursor stands out
    terminal.press("q")
    terminal.shows("left with 0")


def test_it_asks_the_daemon_and_says_when_that_is_gone(terminal: Terminal) -> None:
    """It shows what the daemon knows; when the daemon ends the picture stays, marked as old."""
    with xenwatch("--source", "synthetic:debian-12") as running:
        running.get_ready()
        terminal.start("--url", running.url, "--interval", "0.5")
        terminal.shows("debian 12")
        terminal.shows("Domain")  # the alerts are the daemon's
        terminal.press("6")
        terminal.shows("xenconsoled")
        terminal.press("Left")
        terminal.shows("  its record is on the host of that daemon")
    lines = terminal.shows("stale: http://127.0.0.1")

    assert any("debian 12" in line for line in lines)


def test_a_record_is_stepped_through(terminal: Terminal, record: str) -> None:
    """Left and right go from moment to moment, b to a time, l to the newest; both ends are told."""
    terminal.start("--source", f"record:{record}@{BEGAN + 10:.0f}")
    terminal.shows("RECORD of 2023-11-14 22:13:30 UTC")
    terminal.press("Left")
    terminal.shows("RECORD of 2023-11-14 22:13:20 UTC")
    terminal.press("T")
    terminal.shows("nothing was recorded before 2023-11-14 22:13:20 UTC, the oldest")
    terminal.press("l")
    terminal.shows("RECORD of 2023-11-14 22:13:40 UTC")
    terminal.press("Right")
    terminal.shows("nothing was recorded after")
    terminal.press("b", *f"{BEGAN + 12:.0f}", "Enter")
    terminal.shows("RECORD of 2023-11-14 22:13:30 UTC")
    terminal.press("b", "x", "Enter")
    terminal.shows("is not a time such as")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_gives_the_terminal_back(terminal: Terminal, number: int, status: int) -> None:
    """It ends, and lines are edited and echoed again."""
    terminal.start(*SYNTHETIC)
    terminal.shows(READY)
    terminal.kill(number)

    terminal.shows(f"left with {status}")
    terminal.shows(" icanon")


def test_control_c_gives_the_terminal_back(terminal: Terminal) -> None:
    """SIGINT by the keyboard ends it too."""
    terminal.start(*SYNTHETIC)
    terminal.shows(READY)
    terminal.press("C-c")

    terminal.shows("left with 130")
    terminal.shows(" icanon")


@pytest.mark.parametrize("nohup", [False, True])
def test_it_ends_with_its_terminal(nohup: bool) -> None:
    """When the terminal is closed it ends, also where nohup(1) keeps the signal from it."""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 80))
    trap = "trap '' HUP; " if nohup else ""
    command = shlex.join([sys.executable, "-m", "xenwatch", "top", *SYNTHETIC])
    with subprocess.Popen(
        ["sh", "-c", f"{trap}exec {command}"],
        cwd=ROOT,
        stdin=follower,
        stdout=follower,
        stderr=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm", "PYTHONUNBUFFERED": ""},  # output waits in a buffer
        start_new_session=True,
    ) as process:
        os.close(follower)
        seen = b""
        while READY.encode() not in seen and select.select([leader], [], [], PATIENCE)[0]:
            seen += os.read(leader, 65536)
        os.close(leader)
        _, errors = process.communicate(timeout=PATIENCE)

    assert READY.encode() in seen
    assert process.returncode == 129
    assert b"Traceback" not in errors


def test_a_terminal_without_a_cursor_is_refused(terminal: Terminal) -> None:
    """TERM=dumb, as in an editor's shell, is told from a terminal."""
    terminal.start(*SYNTHETIC, environment={"TERM": "dumb"})

    terminal.shows("left with 2")
