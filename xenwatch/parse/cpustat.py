"""`/proc/stat` (fs/proc/stat.c) and the averages of `/proc/loadavg`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from xenwatch.parse.errors import ParseError

MODES: Final = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
"""Columns of a `cpu` row; those of guests, which follow, are part of `user` and `nice`."""
SOFTIRQS: Final = (
    *("hi", "timer", "net_tx", "net_rx", "block", "irq_poll", "tasklet", "sched", "hrtimer"),
    "rcu",
)
"""Columns after the total of the row `softirq`, in this order since Linux 3.2."""
_ROW = re.compile(rb"([a-z_]{1,20}\d{0,5}) {1,2}(\d{1,20}(?: \d{1,20})*) ?\Z")
_LOAD = re.compile(rb"(\d{1,9}\.\d\d) (\d{1,9}\.\d\d) (\d{1,9}\.\d\d) ")


def parse_cpu_stat(data: bytes) -> Mapping[str, tuple[int, ...]]:
    """The numbers of every row by its name, in the file's order. Raises `ParseError`."""
    found = {}
    for line in data.splitlines():
        match = _ROW.match(line)
        if not match:
            raise ParseError("/proc/stat", "expected a name and numbers", line)
        found[match[1].decode("ascii")] = tuple(map(int, match[2].split()))
    return found


def boot_time(data: bytes) -> float:
    """When the kernel booted (Unix time): `btime` of `/proc/stat`. Raises `ParseError`."""
    row = parse_cpu_stat(data).get("btime", ())
    if len(row) != 1:
        raise ParseError("/proc/stat", "row btime is missing", data)
    return float(row[0])


def parse_load(data: bytes) -> tuple[float, float, float]:
    """The averages over 1, 5 and 15 minutes in `/proc/loadavg`. Raises `ParseError`."""
    match = _LOAD.match(data)
    if not match:
        raise ParseError("/proc/loadavg", "expected three averages", data)
    return float(match[1]), float(match[2]), float(match[3])
