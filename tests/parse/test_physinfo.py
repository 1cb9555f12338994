"""XEN_SYSCTL_physinfo and its renderer."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.model.render.physinfo import render_physinfo
from xenwatch.parse.domaininfo import HEADER_SIZE, X86_LAYOUTS, Layout
from xenwatch.parse.errors import ParseError
from xenwatch.parse.physinfo import PhysInfo, pages_offset, parse_physinfo, physinfo_call

pages = st.integers(0, 1 << 40)
words = st.integers(0, (1 << 32) - 2)
infos = st.builds(PhysInfo, pages, pages, pages, pages, words, words.map(lambda n: n + 1), words)


@settings(deadline=None)
@given(st.sampled_from(sorted(X86_LAYOUTS)), infos)
def test_any_host_survives_renderer_and_parser(version: tuple[int, int], info: PhysInfo) -> None:
    """Pages and CPUs come back from their block; before Xen 4.3 there are no claims."""
    layout = X86_LAYOUTS[version]
    block = render_physinfo(layout, physinfo_call(layout).block, info)
    found = parse_physinfo(layout, block)

    claimed = info.outstanding if version >= (4, 3) else 0
    assert found == dataclasses.replace(info, outstanding=claimed)


@pytest.mark.parametrize(("version", "offset"), [((4, 1), 40), ((4, 16), 40), ((4, 17), 48)])
def test_pages_are_where_the_release_has_them(version: tuple[int, int], offset: int) -> None:
    """Two words were put before the pages in Xen 4.17 (the union begins at byte 8)."""
    assert pages_offset(X86_LAYOUTS[version]) == offset


@settings(deadline=None)
@given(st.sampled_from(list(X86_LAYOUTS.values())), st.binary(max_size=HEADER_SIZE - 1))
def test_a_block_cut_short_is_refused(layout: Layout, block: bytes) -> None:
    """An answer of another size is refused by name."""
    with pytest.raises(ParseError, match="XEN_SYSCTL_physinfo"):
        parse_physinfo(layout, block)
