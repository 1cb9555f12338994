"""Kills by the OOM killer in the kernel log (mm/oom_kill.c, __oom_kill_process)."""

from __future__ import annotations

import re
from typing import Final

from xenwatch.values import dataclass

_KILL: Final = re.compile(
    rb"^[0-7],\d{1,20},(\d{1,20}),[^;\n]{0,80};"
    rb"[A-Za-z :()_]{0,80}Killed process \d{1,10} \((.{0,64})\) total-vm:",
    re.MULTILINE,
)
_MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Kill:
    """A process that was killed: seconds since boot, and its name as `/proc/PID/comm` has it."""

    seconds: float
    comm: str


def parse_kills(log: bytes) -> tuple[Kill, ...]:
    """The kills in the kernel's own records of `/dev/kmsg`, oldest first. Any input is a log."""
    return tuple(
        Kill(int(match[1]) / _MICROSECONDS, match[2].decode("utf-8", "backslashreplace"))
        for match in _KILL.finditer(log)
    )
