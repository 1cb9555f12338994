"""The part of the page that says how many more VMs fit."""

from __future__ import annotations

import re
from typing import Final

from xenwatch.display.quantities import quantity
from xenwatch.page.alerts import TITLES
from xenwatch.page.html import Html, tag
from xenwatch.status.host_status import HostStatus, ShapeRow

_WORD: Final = re.compile(r"\w+")


def section(status: HostStatus) -> Html:
    """How many more VMs of each shape fit."""
    return tag(
        "section",
        tag("h2", "Headroom for VMs", id="headroom-heading"),
        tag("p", status.obstacle) if status.obstacle else None,
        tag("ul", [_shape(row) for row in status.headroom], class_="cards shapes")
        if status.headroom
        else None,
        id="headroom",
        aria_labelledby="headroom-heading",
        data_live=True,
    )


def _shape(shape: ShapeRow) -> Html:
    names, full = _titles(*shape.unknown), shape.at_most == 0
    binding = _titles(shape.binding or "")
    if full:
        number, text = "0", f"more fit: full; the next one is stopped by {binding}"
    elif shape.headroom is not None:
        number, text = str(shape.headroom), f"more fit; the next one is stopped by {binding}"
        if shape.not_counted:
            number, text = f"≤ {number}", f"{text}; not counted: {_titles(*shape.not_counted)}"
    elif shape.at_most is not None:
        number = f"≤ {shape.at_most}"
        text = f"more fit, by {binding}; unknown: {names}"
    else:
        number, text = "?", f"cannot say how many fit; unknown: {names}"
    state = "full critical" if full else "unknown" if shape.headroom is None else ""
    return tag(
        "li",
        tag("h3", shape.shape),
        tag("p", tag("span", number, class_="big"), " ", text),
        tag("p", f"each with {quantity(shape.memory_bytes, 'bytes')} of memory")
        if shape.memory_bytes
        else None,
        [tag("p", titled(line), class_="muted") for line in shape.learnt],
        class_=f"card {state}".rstrip(),
    )


def _titles(*names: str) -> str:
    return ", ".join(TITLES.get(name, name) for name in names)


def titled(line: str) -> str:
    """A line that begins with the name of a limit, with the limit's title instead."""
    return _WORD.sub(lambda found: TITLES.get(found[0], found[0]), line, count=1)
