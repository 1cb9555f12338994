"""`/proc/interrupts` (kernel/irq/proc.c, arch/x86/kernel/irq.c, arch/arm64/kernel/smp.c)."""

from __future__ import annotations

import re

from xenwatch.parse.errors import ParseError
from xenwatch.values import dataclass

_ROW = re.compile(rb" *([0-9A-Za-z]{1,16}):((?: +\d{1,20}(?!\d))*)(.*)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class InterruptRow:
    """One line: label (number or a name such as NMI), a count for each CPU, the rest as it is.

    The rest (chip, handler, actions) differs between kernels and is kept as bytes: action names may
    be empty or hold blanks and commas.
    """

    label: str
    counts: tuple[int, ...]
    rest: bytes


@dataclass(frozen=True, slots=True)
class Interrupts:
    """The table. `cpus` are the header's CPU numbers, `width` that of the label column."""

    cpus: tuple[int, ...]
    width: int
    rows: tuple[InterruptRow, ...]

    @property
    def descriptors(self) -> int:
        """Rows of Linux interrupt descriptors: those labelled with a number."""
        return sum(row.label.isdigit() for row in self.rows)


def parse_interrupts(data: bytes) -> Interrupts:
    """The whole table. Raises `ParseError`."""
    lines = data.split(b"\n")
    header = lines[0].split()
    cpus = [re.fullmatch(rb"CPU(\d{1,9})", cell) for cell in header]
    if not header or None in cpus or lines[-1]:
        raise ParseError("/proc/interrupts", "expected a header of CPUs and whole lines", data)
    numbers = tuple(int(match[1]) for match in cpus if match)
    rows = tuple(_row(line, len(numbers)) for line in lines[1:-1])
    width = min((line.index(b":") for line in lines[1:-1]), default=3)
    return Interrupts(numbers, width, rows)


def _row(line: bytes, cpus: int) -> InterruptRow:
    match = _ROW.match(line)
    if not match:
        raise ParseError("/proc/interrupts", "expected 'label: counts chip actions'", line)
    cells = re.findall(rb" +\d+", match[2])
    counts, surplus = cells[:cpus], cells[cpus:]
    return InterruptRow(match[1].decode(), tuple(map(int, counts)), b"".join(surplus) + match[3])
