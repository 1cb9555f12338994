"""The form of error messages: what a pattern of the tables finds in a line of a log."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.errors.pattern import LONGEST, Pattern, normal, patterns, plain, words


def pattern(text: str) -> Pattern:
    """The one pattern of a message."""
    (found,) = patterns(f"`{text}` somewhere")
    return found


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("maptrack limit reached", "Jan  3 04:05:06 host kernel: [12.3] maptrack limit reached, x"),
        ("deferring g.e. N", "xen:grant_table: deferring g.e. 0x1c3f (pfn 0x1)"),
        ("domain N console", "libxl: error: domain 12 console tty: timed out"),
        ("add NAME to bridge NAME: full", "cannot add vif5.0 to bridge xenbr0: full"),
        ("vifN.N is down", "(vif5.0 is down)"),
        ("can't do", "can\u2019t   do it"),
        ("can't do", 'CAN"T DO'),
        ("failed to receive NAME message", "tap-err: failed to receive 'close' message"),
        ("a ... limit", "a large number of disks, up to the limit"),
        ("[Hardware Error]", "mce: [Hardware Error]: CPU 3"),
        ('open("NAME")', 'x: open(\\"/var/lib/xcp\\")'),
    ],
)
def test_it_is_found_in_a_line(text: str, line: str) -> None:
    """Numbers, names, quotes, case, blanks and what stands before make no difference."""
    assert pattern(text).find(normal(line)) is not None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("1 allocating event channel", "11 allocating event channel"),
        ("28 allocating event channel", "1 allocating event channel"),
        ("FAILURE_44", "FAILURE_440"),
        ("event channel", "event channels"),
        ("a ... b ... c", "a c b"),
        ("domain N", "domain five"),
        ("add NAME to", "add  to"),
    ],
)
def test_it_is_not_found_in_another(text: str, line: str) -> None:
    """A number that is part of the message must be that number, and a word that word."""
    assert pattern(text).find(normal(line)) is None


def test_code_is_matched_and_prose_is_not() -> None:
    """Of a message in Markdown each code span is a pattern, the rest only says where."""
    assert [each.text for each in patterns("`a b`, `c N` in a guest")] == ["a b", "c N"]
    assert patterns("dom0 is slow") == ()
    assert plain("`a b`, `c N` in a guest") == "a b, c N in a guest"


def test_words_are_names_and_codes() -> None:
    """Words for a search keep codes in one piece and lose quotes and case."""
    assert words("`SR_BACKEND_FAILURE_44`, g.e. N's vm-pool") == {
        "sr_backend_failure_44",
        "g.e",
        "ns",
        "vm-pool",
    }


LITERALS = st.text("abcdef 0123(:.", min_size=1).filter(lambda text: bool(text.strip()))


@given(LITERALS, st.integers(0, 1 << 64), st.text("ghij/-._", min_size=1), st.text("xyz ;"))
def test_what_was_filled_in_is_found(before: str, number: int, name: str, rest: str) -> None:
    """A message with any number and any name in its places is found, wherever it stands."""
    message = f"{before} {number:#x} or {number} by {name} end"

    assert pattern(f"{before} N or N by NAME end").find(normal(f"{rest} {message} {rest}"))


@settings(deadline=None)
@given(st.text("aN.E f(0\"'", min_size=1, max_size=40), st.text(max_size=200))
def test_any_pattern_meets_any_line(text: str, line: str) -> None:
    """Neither the compiler nor the matcher fails, whatever a table or a log holds."""
    for each in patterns(f"`{text}`"):
        place = each.find(normal(line))
        assert place is None or 0 <= place[0] <= place[1] <= LONGEST * 3


@pytest.mark.no_cover
@pytest.mark.parametrize("unit", ["a", "a ", "a: ", "0", "ab 1 "])
def test_a_hostile_line_costs_little(unit: str) -> None:
    """A line made of what a pattern begins with is looked at once, not once for each beginning."""
    line = normal(unit * LONGEST)
    before = time.process_time()
    for text in ("aNAME: x", "a ... a ... a ... x", "ab N NAME N x", "a NAME a NAME x"):
        pattern(f"{text} never there, a 0 ab").find(line)
        Pattern(text, pattern(text).pieces, "").find(line)

    assert time.process_time() - before < 2
