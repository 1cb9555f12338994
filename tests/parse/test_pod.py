"""XENMEM_get_pod_target and its renderer."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenwatch.model.render.pod import render_pod_target
from xenwatch.parse.errors import ParseError
from xenwatch.parse.pod import POD_TARGET, PodTarget, parse_pod_target, pod_target_call

pages = st.integers(0, 1 << 40)
targets = st.builds(PodTarget, st.integers(0, 0x7FEF), pages, pages, pages)


@given(targets)
def test_any_target_survives_renderer_and_parser(target: PodTarget) -> None:
    """Domid and pages come back from the block made of them."""
    assert parse_pod_target(render_pod_target(target)) == target


@given(targets)
def test_owed_is_what_the_cache_cannot_serve(target: PodTarget) -> None:
    """Entries that the cache covers are no debt, and a larger cache is no credit."""
    assert target.owed >= 0
    assert target.owed == 0 or target.cache + target.owed == target.entries


def test_the_call_names_the_domain_where_xen_reads_it() -> None:
    """memory_op 17 has four 64-bit words before the domid (xen/include/public/memory.h)."""
    call = pod_target_call(0x1234)

    assert (call.number, call.args[0]) == (12, 17)
    assert struct.unpack_from("<H", call.block, 32) == (0x1234,)


@given(st.binary(max_size=POD_TARGET.size - 1))
def test_a_block_cut_short_is_refused(block: bytes) -> None:
    """An answer of another size is refused by name."""
    with pytest.raises(ParseError, match="XENMEM_get_pod_target"):
        parse_pod_target(block)
