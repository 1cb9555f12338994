"""`/proc/zoneinfo` (mm/vmstat.c, zoneinfo_show_print): zones of memory and what is kept of them."""

from __future__ import annotations

import re
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.values import dataclass

PATH: Final = "/proc/zoneinfo"
_HEAD: Final = re.compile(rb"^Node (\d{1,4}), zone +([A-Za-z0-9]{1,16})\n", re.MULTILINE)
_PAGES: Final = re.compile(
    rb"^  pages free +(\d{1,20})\n(?: +boost +\d{1,20}\n)?"
    rb" +min +(\d{1,20})\n +low +(\d{1,20})\n +high +(\d{1,20})\n",
    re.MULTILINE,
)
_PROTECTION: Final = re.compile(rb"^ +protection: \((\d{1,20}(?:, \d{1,20})*)\)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone in pages: what is free, the three watermarks, and what is kept from other zones.

    `protection` is by the index of the zone that an allocation would prefer: so many pages of this
    zone are kept from it (mm/page_alloc.c, lowmem_reserve).
    """

    node: int
    name: str
    free: int
    min: int
    low: int
    high: int
    protection: tuple[int, ...]


def parse_zoneinfo(data: bytes) -> tuple[Zone, ...]:
    """The zones in the file's order. Raises `ParseError`."""
    heads = list(_HEAD.finditer(data))
    if not heads or heads[0].start():
        raise ParseError(PATH, "expected 'Node N, zone NAME'", data)
    ends = [*(head.start() for head in heads[1:]), len(data)]
    return tuple(_zone(head, data[head.end() : end]) for head, end in zip(heads, ends, strict=True))


def _zone(head: re.Match[bytes], body: bytes) -> Zone:
    name = head[2].decode("ascii")
    pages, protection = _PAGES.search(body), _PROTECTION.search(body)
    if pages is None or protection is None:
        raise ParseError(PATH, f"zone {name} has no free pages, watermarks or protection", body)
    kept = tuple(map(int, protection[1].split(b", ")))
    free, lowest, low, high = map(int, pages.groups())
    return Zone(int(head[1]), name, free, lowest, low, high, kept)
