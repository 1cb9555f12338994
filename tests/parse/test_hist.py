"""Histograms of tracefs.

The text is as kernel/trace/trace_events_hist.c of Linux 4.19 to 6.1 writes it.
"""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.model.render.hist import render_hist
from xenwatch.parse.errors import ParseError
from xenwatch.parse.hist import Hist, HistRow, parse_hist

TRIGGER = "hist:keys=common_pid,ret:vals=hitcount:sort=hitcount:size=16384"
TEXT = (
    f'# event histogram\n#\n# trigger info: {TRIGGER} if comm ~ "*qemu*" [active]\n'.encode()
    + b"""#

{ common_pid:        930, ret: 18446744073709551612 } hitcount:          1
{ common_pid:        930, ret:          1 } hitcount:         60
{ common_pid:        930, ret:          0 } hitcount:        300

Totals:
    Hits: 361
    Entries: 3
    Dropped: 0
"""
)
ROWS = (
    HistRow((("common_pid", 930), ("ret", -4)), 1),
    HistRow((("common_pid", 930), ("ret", 1)), 60),
    HistRow((("common_pid", 930), ("ret", 0)), 300),
)

numbers = st.integers(-(1 << 63), (1 << 63) - 1)
rows = st.builds(
    lambda pid, ret, hits: HistRow((("common_pid", pid), ("ret", ret)), hits),
    *(numbers, numbers, st.integers(0, 1 << 40)),
)


def test_a_histogram_is_read() -> None:
    """Keys, a negative one too, counts and totals are those of the text."""
    found = parse_hist(TEXT)

    assert found.rows == ROWS
    assert (found.hits, found.dropped) == (361, 0)
    assert found.trigger == f'{TRIGGER} if comm ~ "*qemu*" [active]'


def test_a_histogram_survives_parser_and_renderer() -> None:
    """The text parsed and rendered is the same bytes."""
    assert render_hist(parse_hist(TEXT)) == TEXT


@settings(deadline=None)
@given(st.lists(rows, max_size=5).map(tuple), st.integers(0, 1 << 40), st.integers(0, 9))
def test_what_is_rendered_is_parsed(rows: tuple[HistRow, ...], hits: int, dropped: int) -> None:
    """Any histogram comes back from its own text."""
    hist = Hist(TRIGGER, rows, hits, dropped)

    assert parse_hist(render_hist(hist)) == hist


@pytest.mark.parametrize(
    "data",
    [
        b"",
        TEXT.replace(b"Totals", b"Sums"),
        TEXT.replace(b"# trigger info: ", b"# "),
        TEXT.replace(b"Entries: 3", b"Entries: 4"),
        TEXT.replace(b"hitcount:        300", b"hitcount: many"),
    ],
)
def test_what_is_no_whole_histogram_is_refused(data: bytes) -> None:
    """A text that is cut, or in which a line cannot be read, is no reading."""
    with pytest.raises(ParseError):
        parse_hist(data)


@settings(deadline=None)
@given(st.binary() | st.binary().map(lambda data: TEXT[:150] + data + TEXT[150:]))
def test_any_bytes_are_an_answer_or_a_parse_error(data: bytes) -> None:
    """Nothing but a parse error comes out of bytes that are no histogram."""
    with contextlib.suppress(ParseError):
        parse_hist(data)
