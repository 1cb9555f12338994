"""`/proc/zoneinfo`."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.captures import LAB
from xenwatch.model.render.zoneinfo import render_zoneinfo
from xenwatch.parse.errors import ParseError
from xenwatch.parse.zoneinfo import Zone, parse_zoneinfo

PAGES = st.integers(0, (1 << 64) - 1)
NAMES = st.sampled_from(("DMA", "DMA32", "Normal", "HighMem", "Movable", "Device"))
KEPT = st.lists(PAGES, min_size=1, max_size=6).map(tuple)
ZONES = st.builds(Zone, st.integers(0, 99), NAMES, PAGES, PAGES, PAGES, PAGES, KEPT)


@settings(deadline=None)
@given(st.lists(ZONES, min_size=1, max_size=8).map(tuple))
def test_what_is_rendered_is_parsed(zones: tuple[Zone, ...]) -> None:
    """The renderer and the parser agree on any zones of any nodes."""
    assert parse_zoneinfo(render_zoneinfo(zones)) == zones


def test_the_zones_of_a_real_host() -> None:
    """Counters, pages by CPU and the boost of newer kernels are passed over."""
    found = parse_zoneinfo((LAB / "5-guests/proc/zoneinfo").read_bytes())

    assert [zone.name for zone in found] == ["DMA", "DMA32", "Normal", "Movable", "Device"]
    assert found[0] == Zone(0, "DMA", 3903, 11, 14, 17, (0, 1859, 1859, 1859, 1859))
    assert (found[1].free, found[1].high) == (390236, 2323)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"Node 0, zone DMA",
        b"Node 0, zone      DMA\n  pages free     708\n",
        b"cpu: 0\n" + render_zoneinfo([Zone(0, "DMA", 1, 2, 3, 4, (5,))]),
        render_zoneinfo([Zone(0, "DMA", 1, 2, 3, 4, (5,))]).replace(b"protection", b"present"),
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    """A file that is cut off or of another form is an error that names it."""
    with pytest.raises(ParseError, match="/proc/zoneinfo"):
        parse_zoneinfo(data)
