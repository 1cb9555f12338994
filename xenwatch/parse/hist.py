"""Histograms of tracefs: the `hist` file of an event (Documentation/trace/histogram.rst of Linux).

Written by kernel/trace/trace_events_hist.c: a header of comments, a line for each combination of
keys in braces with its count, then totals. Signed keys are shown as unsigned 64-bit numbers.
"""

from __future__ import annotations

import re
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.values import dataclass

_SIGN: Final = 1 << 63
_ROW = re.compile(rb"\{ (\w+: +\d{1,20}(?:, \w+: +\d{1,20})*) \} hitcount: +(\d{1,20})(?:  .*)?\Z")
_KEY = re.compile(rb"(\w+): +(\d{1,20})")
_TOTALS = re.compile(
    rb"\nTotals:\n    Hits: (\d{1,20})\n    Entries: (\d{1,20})\n    Dropped: (\d{1,20})\n"
)
_TRIGGER = re.compile(rb"# trigger info: (.*)\n")
_BEGIN = re.compile(rb"^# event histogram\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class HistRow:
    """One combination of keys, as (name, value) in the order of the file, and its hits."""

    keys: tuple[tuple[str, int], ...]
    hits: int


@dataclass(frozen=True, slots=True)
class Hist:
    """One histogram; `trigger` is its definition as the kernel prints it."""

    trigger: str
    rows: tuple[HistRow, ...]
    hits: int
    dropped: int


def parse_hists(data: bytes) -> tuple[Hist, ...]:
    """The histograms of a `hist` file, one or more. Raises `ParseError`.

    Hits beyond the size of the table are not in the rows: `dropped` counts them.
    """
    return tuple(_hist(text) for text in _BEGIN.split(data)[1:] or [b""])


def _hist(data: bytes) -> Hist:
    trigger, totals = _TRIGGER.search(data), _TOTALS.search(data)
    if not trigger or not totals:
        raise ParseError("hist", "expected trigger info and totals", data)
    rows = []
    for line in data[trigger.end() : totals.start()].splitlines():
        if not line or line.startswith(b"#"):
            continue
        match = _ROW.match(line)
        if not match:
            raise ParseError("hist", "expected '{ key: number } hitcount: number'", line)
        keys = tuple(
            (name.decode("ascii"), _signed(value)) for name, value in _KEY.findall(match[1])
        )
        rows.append(HistRow(keys, int(match[2])))
    if len(rows) != int(totals[2]):
        raise ParseError("hist", f"expected {int(totals[2])} entries, found {len(rows)}")
    words = trigger[1].decode("utf-8", "backslashreplace")
    return Hist(words, tuple(rows), int(totals[1]), int(totals[3]))


def _signed(digits: bytes) -> int:
    value = int(digits)
    return value - 2 * _SIGN if value >= _SIGN else value
