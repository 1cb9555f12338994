"""Pages that take over from the page before: the same bytes as without, and nothing of the past."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.exposition import text_format
from xenwatch.exposition.text_format import Family, Histogram, page

KEYS = st.sampled_from([("1",), ("2",), ("a b",), ("\udcff",), ("\\xff",), ('"\n',)])
VALUES = st.sampled_from([0, 7, 2.5, math.inf, math.nan])
SAMPLES = st.lists(st.tuples(KEYS, VALUES), max_size=6)
HISTOGRAMS = st.lists(
    st.tuples(
        KEYS, st.sampled_from([Histogram((1.0,), (2, 3), 4.5), Histogram((1.0,), (2, 4), 5)])
    ),
    max_size=2,
)
FAMILIES = st.lists(
    st.builds(
        Family,
        st.sampled_from(["xw_a", "xw_b"]),
        st.just("gauge"),
        st.just("Help."),
        st.just(("name",)),
        SAMPLES,
        HISTOGRAMS,
    ),
    max_size=2,
    unique_by=lambda family: family.name,
)
LABELS = st.sampled_from([{}, {"site": "a"}, {"site": "b"}])


@settings(deadline=None)
@given(st.lists(st.tuples(FAMILIES, LABELS), min_size=2, max_size=4))
def test_a_page_after_others_has_the_bytes_of_the_first(
    course: list[tuple[list[Family], dict[str, str]]],
) -> None:
    """Whatever was on the pages before, both bodies are those of a daemon just started."""
    before = None
    for families, labels in course:
        found = page(families, labels, before)
        for openmetrics in (False, True):
            assert found.body(openmetrics) == page(families, labels).body(openmetrics)
        before = found


def family(value: float) -> Family:
    """A family of two series."""
    return Family("xw_a", "gauge", "Help.", ("name",), [(("1",), 1), (("2",), value)])


def test_lines_of_a_family_that_is_the_same_are_the_same() -> None:
    """A family made anew with the same values is not written again, one with others is."""
    first = page([family(1)])
    same, other = page([family(1)], before=first), page([family(2)], before=first)

    assert same.blocks["xw_a"].lines is first.blocks["xw_a"].lines
    assert other.blocks["xw_a"].lines == b'xw_a{name="1"} 1\nxw_a{name="2"} 2\n'


def test_what_stands_before_new_values_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names and labels are escaped for a series that was not on the page before, and no other."""
    first = page([family(1)])
    escaped: list[str] = []

    def escape(value: str) -> str:
        escaped.append(value)
        return value

    monkeypatch.setattr(text_format, "escape", escape)
    page([family(2)], before=first)
    assert escaped == []
    more = Family("xw_a", "gauge", "Help.", ("name",), [*family(3).samples, (("3",), 3)])
    found = page([more], before=first)

    assert escaped == ["3"]
    assert found.blocks["xw_a"].lines.endswith(b'xw_a{name="3"} 3\n')


def test_a_page_of_any_size_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a page with more series than a cache would have places, none is made again."""
    samples = [((str(number),), 1.5) for number in range(70_000)]
    first = page([Family("xw_a", "gauge", "Help.", ("name",), samples)])
    monkeypatch.delattr(text_format, "escape")
    later = [(key, 2.5) for key, _ in samples]
    found = page([Family("xw_a", "gauge", "Help.", ("name",), later)], before=first)

    assert found.blocks["xw_a"].lines.count(b" 2.5\n") == len(samples)
