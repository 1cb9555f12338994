"""Histograms of tracefs; the files are those of a real dom0, Debian 12 with Linux 6.1."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.model.presets import PRESETS
from xenwatch.model.render.hist import render_hists
from xenwatch.model.source import ModelSource
from xenwatch.parse.errors import ParseError
from xenwatch.parse.hist import Hist, HistRow, parse_hists
from xenwatch.sources.histograms import DIRECTORIES, INSTANCE, POLL, SLEEP

REAL = Path(__file__).parent / "real"
POLLS = (REAL / "hist-sys_exit_ppoll").read_bytes()
SLEEPS = (REAL / "hist-sched_switch").read_bytes()
TRIGGER = "hist:keys=common_pid,ret:vals=hitcount:sort=hitcount:size=2048 [active]"
SIGNED = b"""# event histogram
#
# trigger info: %s
#

{ common_pid:        930, ret: 18446744073709551612 } hitcount:          1

Totals:
    Hits: 1
    Entries: 1
    Dropped: 0
""" % TRIGGER.encode()

numbers = st.integers(-(1 << 63), (1 << 63) - 1)
rows = st.builds(
    lambda pid, ret, hits: HistRow((("common_pid", pid), ("ret", ret)), hits),
    *(numbers, numbers, st.integers(0, 1 << 40)),
)


def test_histograms_of_a_real_dom0_are_read() -> None:
    """Keys, counts and totals are those of the kernel's text, each with its trigger."""
    timer, io = parse_hists(POLLS)
    (slept,) = parse_hists(SLEEPS)

    assert timer.rows == (HistRow((("common_pid", 431),), 5),)
    assert io.rows == (HistRow((("common_pid", 431),), 11),)
    assert slept.rows == (HistRow((("prev_pid", 441),), 11), HistRow((("prev_pid", 431),), 17))
    assert (slept.hits, slept.dropped) == (28, 0)
    assert "timer=$slept" in timer.trigger
    assert "io=$slept" in io.trigger


def test_a_negative_key_is_read() -> None:
    """The kernel shows it as an unsigned number."""
    assert parse_hists(SIGNED)[0].rows == (HistRow((("common_pid", 930), ("ret", -4)), 1),)


@pytest.mark.parametrize("text", [POLLS, SLEEPS, SIGNED], ids=["polls", "sleeps", "signed"])
def test_a_file_survives_parser_and_renderer(text: bytes) -> None:
    """The text parsed and rendered is the same bytes."""
    assert render_hists(parse_hists(text)) == text


def test_the_synthetic_host_repeats_triggers_as_the_kernel_does() -> None:
    """What is asked for and what the file says of it are those of a real dom0."""
    source = ModelSource(PRESETS["pulsar-before"]())
    events = f"{DIRECTORIES[0]}/{INSTANCE}"
    for event, text in ((POLL, POLLS), (SLEEP, SLEEPS)):
        invented = parse_hists(source.read(f"{events}/{event}/hist"))
        assert [hist.trigger for hist in invented] == [hist.trigger for hist in parse_hists(text)]


@settings(deadline=None)
@given(st.lists(rows, max_size=5).map(tuple), st.integers(0, 1 << 40), st.integers(0, 9))
def test_what_is_rendered_is_parsed(rows: tuple[HistRow, ...], hits: int, dropped: int) -> None:
    """Any histogram comes back from its own text, beside another one."""
    hists = (Hist(TRIGGER, rows, hits, dropped), Hist("other", rows[:1], 1, 0))

    assert parse_hists(render_hists(hists)) == hists


@pytest.mark.parametrize(
    "data",
    [
        b"",
        SLEEPS.replace(b"Totals", b"Sums"),
        SLEEPS.replace(b"# trigger info: ", b"# "),
        SLEEPS.replace(b"Entries: 2", b"Entries: 4"),
        SLEEPS.replace(b"hitcount:         11", b"hitcount: many"),
        POLLS[:-30],
    ],
)
def test_what_is_no_whole_histogram_is_refused(data: bytes) -> None:
    """A text that is cut, or in which a line cannot be read, is no reading."""
    with pytest.raises(ParseError):
        parse_hists(data)


@settings(deadline=None)
@given(st.binary() | st.binary().map(lambda data: SLEEPS[:150] + data + SLEEPS[150:]))
def test_any_bytes_are_an_answer_or_a_parse_error(data: bytes) -> None:
    """Nothing but a parse error comes out of bytes that are no histogram."""
    with contextlib.suppress(ParseError):
        parse_hists(data)
