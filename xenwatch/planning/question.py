"""Parses questions to the planner: shape and count of VMs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from xenwatch.display.text import meant, printable, shown
from xenwatch.planning.shapes import Shape
from xenwatch.planning.whole import whole

MOST_VMS: Final = 1_000_000


class PlanError(Exception):
    """An invalid question; the text has the reason and the next step."""


def chosen(name: str | None, known: Mapping[str, Shape]) -> Iterable[Shape]:
    """The shape of that name, or all shapes without a name. Raises `PlanError`."""
    if name is None:
        return known.values()
    if name not in known:
        raise PlanError(f"unknown shape {printable(name[:100])}{meant(name, known)}")
    return [known[name]]


def number(what: str, text: str) -> int:
    """A count of VMs. Raises `PlanError` that starts with `what`."""
    try:
        count = whole(text)
    except ValueError as error:
        raise PlanError(f"{what}: {shown(text)} {error}") from None
    if not 1 <= count <= MOST_VMS:
        raise PlanError(f"{what}: {count} must be between 1 and {MOST_VMS}")
    return count


_SIZES: Final = {"": 0, "KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40}
"""Powers of two by unit; a K, M, G or T alone is the same."""


def size(what: str, text: str) -> int:
    """Bytes of `8GiB`, `8G` or `8589934592`. Raises `PlanError` that starts with `what`."""
    found = re.fullmatch(r"(\d{1,18})([KMGT]?)(?:iB)?", text, re.ASCII)
    if found is None:
        raise PlanError(f"{what}: {shown(text)} must be a size such as 8GiB, or bytes")
    return int(found[1]) << _SIZES[f"{found[2]}iB" if found[2] else ""]
