"""`/proc/stat` and `/proc/net/dev`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

_HEADER: Final = (
    b"Inter-|   Receive                                                |  Transmit\n"
    b" face |bytes    packets errs drop fifo frame compressed multicast"
    b"|bytes    packets errs drop fifo colls carrier compressed\n"
)
_WIDTHS: Final = (7, 7, 4, 4, 4, 5, 10, 9, 8, 7, 4, 4, 4, 5, 7, 10)


def render_cpu_stat(rows: Mapping[str, Iterable[int]]) -> bytes:
    """`/proc/stat`: the row of all CPUs has two blanks behind its name."""
    lines = (
        f"{name}{'  ' if name == 'cpu' else ' '}{' '.join(map(str, numbers))}\n"
        for name, numbers in rows.items()
    )
    return "".join(lines).encode("ascii")


def render_net_dev(rows: Mapping[str, Iterable[int]]) -> bytes:
    """`/proc/net/dev` (net/core/net-procfs.c: dev_seq_printf_stats)."""
    lines = [_HEADER]
    for name, numbers in rows.items():
        columns = (f"{number:{width}}" for number, width in zip(numbers, _WIDTHS, strict=True))
        lines.append(f"{name:>6}: {' '.join(columns)}\n".encode("utf-8", "surrogateescape"))
    return b"".join(lines)
