"""netback's rings as debugfs shows them."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.parse.netback import TEMPLATE


def render_io_ring(fields: Mapping[str, str]) -> bytes:
    """`/sys/kernel/debug/xen-netback/VIF/io_ring_qN` of these values, one for each field."""
    return TEMPLATE.format_map(fields).encode("ascii")
