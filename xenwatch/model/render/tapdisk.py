"""The page of statistics tapdisk3 keeps of a virtual disk."""

from __future__ import annotations

import dataclasses
from typing import Final

from xenwatch.parse.tapdisk import LAYOUT, TapdiskStats

PAGE: Final = 4096


def render_tapdisk(stats: TapdiskStats) -> bytes:
    """`/dev/shm/vbd3-DOMID-DEVID/statistics`: the words, and the page's rest."""
    return LAYOUT.pack(*dataclasses.astuple(stats)).ljust(PAGE, b"\0")
