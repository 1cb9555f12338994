"""The kernel's own clock, read with and without a filter of system calls."""

from __future__ import annotations

import ctypes
import errno
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from xenwatch.parse.timex import MAXERROR_LIMIT, parse_timex
from xenwatch.sources.base import SourceError
from xenwatch.sources.host import HostSource
from xenwatch.sources.timex import ClockReader

NUMBERS = {"x86_64": (159, 305)}.get(platform.machine(), (171, 266))
"""adjtimex and clock_adjtime; of newer machines such as aarch64 (uapi/asm-generic/unistd.h)."""
KILL, EPERM = 0x80000000, 0x00050000 | errno.EPERM
"""SECCOMP_RET_KILL_PROCESS, which systemd's default is, and SECCOMP_RET_ERRNO."""
FILTERED = """
import ctypes, struct, sys
action, *numbers = map(int, sys.argv[1:])
load = struct.pack("<HBBI", 0x20, 0, 0, 0)
checks = b"".join(
    struct.pack("<HBBI", 0x15, len(numbers) - n, 0, number) for n, number in enumerate(numbers)
)
ends = struct.pack("<HBBI", 6, 0, 0, 0x7FFF0000) + struct.pack("<HBBI", 6, 0, 0, action)
code = ctypes.create_string_buffer(load + checks + ends)
program = ctypes.create_string_buffer(
    struct.pack("@HP", len(numbers) + 3, ctypes.addressof(code))
)
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, program, 0, 0) == 0, ctypes.get_errno()
from xenwatch.sources.base import SourceError
from xenwatch.sources.host import HostSource
source = HostSource()
for _ in range(2):
    try:
        print(source.adjtimex())
    except SourceError as error:
        print(error.errno, error)
"""
"""Denies the system calls of those numbers to itself, then reads the clock twice."""


def test_the_error_is_that_of_the_kernel() -> None:
    """Both numbers are the kernel's, as another call of adjtimex gives them."""
    found = parse_timex(HostSource().adjtimex())
    words = (ctypes.c_long * 64)()
    ctypes.CDLL(None).adjtimex(words)  # modes, offset, freq, maxerror, esterror

    assert 0 <= found.maxerror <= words[3] <= MAXERROR_LIMIT
    assert found.esterror == words[4]


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (KILL, "a filter of system calls would kill xenwatch for it"),
        (EPERM, "Operation not permitted"),
    ],
    ids=["killed", "refused"],
)
def test_a_filter_of_system_calls_costs_the_clock_alone(action: int, reason: str) -> None:
    """Under a unit that denies the call, with either action, every reading is an error."""
    argv = [sys.executable, "-c", FILTERED, str(action), *map(str, NUMBERS)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == 2 * f"{errno.EPERM} adjtimex: {reason}\n"


def test_a_filter_that_allows_the_call_costs_nothing() -> None:
    """Under a filter that denies other calls the clock is read."""
    argv = [sys.executable, "-c", FILTERED, str(KILL), str(0xFFFF)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)

    assert done.stdout.count("b'") == 2, done.stderr


def test_without_a_status_nothing_is_tried(tmp_path: Path) -> None:
    """Where it is not known whether there is a filter, the call is not made."""
    reader = ClockReader(str(tmp_path / "status"))

    with pytest.raises(SourceError, match="status: No such file or directory"):
        reader.read()
