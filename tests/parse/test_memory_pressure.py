"""What the kernel tells of memory that runs out: free blocks, kills, uptime."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.model.render.buddyinfo import render_buddyinfo
from xenwatch.model.render.kernel_log import kill_line, render_kmsg
from xenwatch.model.render.text import render_uptime
from xenwatch.parse.buddyinfo import FreeBlocks, parse_buddyinfo
from xenwatch.parse.errors import ParseError
from xenwatch.parse.oom import Kill, parse_kills
from xenwatch.parse.text import uptime

COUNTS = st.lists(st.integers(0, 10**12), min_size=1, max_size=12).map(tuple)
NAMES = st.sampled_from(("DMA", "DMA32", "Normal", "HighMem", "Movable"))
ROWS = st.lists(st.builds(FreeBlocks, st.integers(0, 99), NAMES, COUNTS), min_size=1).map(tuple)


@settings(deadline=None)
@given(ROWS)
def test_free_blocks_survive_their_renderer(rows: tuple[FreeBlocks, ...]) -> None:
    """Zones of any node and counts of any width are the same after rendering and parsing."""
    assert parse_buddyinfo(render_buddyinfo(rows)) == rows


def test_free_blocks_of_a_linux_host() -> None:
    """A row has a count for each order, padded to six columns."""
    data = b"Node 0, zone      DMA      0      0      0      1      2      1      1 \n"

    assert parse_buddyinfo(data) == (FreeBlocks(0, "DMA", (0, 0, 0, 1, 2, 1, 1)),)
    assert render_buddyinfo(parse_buddyinfo(data)) == data


@pytest.mark.parametrize(
    "data", [b"", b"Node 0\n", b"Node 0, zone DMA  \n", b"Node 0, zone DMA x \n"]
)
def test_other_tables_of_blocks_are_refused(data: bytes) -> None:
    """An empty file and rows of another form are errors that name it."""
    with pytest.raises(ParseError, match="/proc/buddyinfo"):
        parse_buddyinfo(data)


@pytest.mark.parametrize(
    "text",
    [
        "Out of memory: Killed process 4711 (qemu-system-i38) total-vm:812kB, anon-rss:4kB, UID:0",
        "Killed process 4711 (qemu-system-i38) total-vm:812kB, anon-rss:4kB, file-rss:0kB",
        "Memory cgroup out of memory: Killed process 4711 (qemu-system-i38) total-vm:812kB",
    ],
    ids=["5.x", "4.x", "cgroup"],
)
def test_a_kill_is_found_in_the_kernel_log(text: str) -> None:
    """Kernels of all ages name the process that was killed in one line."""
    log = f"6,1,20,-;Linux version 6.1\n3,7,1500000,-;{text}\n SUBSYSTEM=x\n".encode()

    assert parse_kills(log) == (Kill(1.5, "qemu-system-i38"),)


def test_a_program_cannot_pretend_a_kill() -> None:
    """Records of programs have a facility of their own, and are no kills."""
    assert parse_kills(b"12,7,1500000,-;Killed process 4711 (xapi) total-vm:812kB\n") == ()


@settings(deadline=None)
@given(st.integers(0, 10**9), st.from_regex(r"[a-z0-9 ()_-]{1,15}", fullmatch=True))
def test_kills_survive_their_renderer(seconds: int, comm: str) -> None:
    """Any name of a process comes back, with its second."""
    kill = Kill(float(seconds), comm)

    assert parse_kills(render_kmsg([kill_line(kill)])) == (kill,)


def test_uptime_is_the_first_number() -> None:
    """The second number is the idle time of all CPUs."""
    assert uptime(render_uptime(86400.25, 7.5)) == 86400.25


@pytest.mark.parametrize("data", [b"", b"5\n", b"5.00\n", b"-1.00 2.00\n", b"\xff 2.00\n"])
def test_another_uptime_is_refused(data: bytes) -> None:
    """What is not two numbers of seconds is an error that names the file."""
    with pytest.raises(ParseError, match="/proc/uptime"):
        uptime(data)
