"""What another host or a record says moves no cursor, whichever text of it is hostile."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from tests.page.test_page import GUEST, alert
from tests.terminal.support import BUSY, FULL, later, lines, view
from xenwatch.status.activity import Activity
from xenwatch.status.host_status import HostStatus, ProbeRow, ShapeRow
from xenwatch.terminal.batch import text
from xenwatch.terminal.looks import follow
from xenwatch.terminal.state import Page, State
from xenwatch.terminal.table import Sort
from xenwatch.terminal.views import VIEWS

HOSTILE = "\x1b]0;x\x07\n\u202e"
STATUS = dataclasses.replace(
    FULL,
    headroom=(ShapeRow("linux", 5, 5, "ptys", ()), ShapeRow("linux", None, 5, None, ("irqs",))),
    alerts=(alert("critical", domid="5"), alert("warning", "pending")),
    alerts_unknown=("XenwatchY",),
    domains=(dataclasses.replace(GUEST, domid=5, broken=("vif 0",)), *(FULL.domains or ())),
)
EMPTY = dataclasses.replace(
    STATUS,
    headroom=(),
    obstacle="no Xen",
    alerts=(),
    domains=None,
    probes={name: ProbeRow("failed", "gone", 0.0, 0.0, 0.0, "", "retry") for name in FULL.probes},
)


def hostile(value: Any, kept: tuple[str, ...] = ()) -> Any:
    """The value with the hostile text before each text but in the fields that are kept."""
    kept = (*kept, "instants")  # by name of probe
    match value:
        case str():
            return HOSTILE + value
        case tuple():
            return tuple(hostile(each, kept) for each in value)
        case Mapping():
            return {HOSTILE + str(key): hostile(each, kept) for key, each in value.items()}
    if not dataclasses.is_dataclass(value):
        return value
    fields = (field.name for field in dataclasses.fields(value) if field.name not in kept)
    changes = {name: hostile(getattr(value, name), kept) for name in fields}
    return dataclasses.replace(value, **changes)  # type: ignore[type-var]


@pytest.mark.parametrize(
    "kept", [(), ("state",), ("state", "kind", "device", "uuid", "role", "labels")], ids=str
)
@pytest.mark.parametrize(
    ("status", "found"), [(STATUS, BUSY), (EMPTY, None)], ids=["full", "empty"]
)
@pytest.mark.parametrize("each", VIEWS, ids=lambda each: each.name)
def test_no_text_reaches_the_terminal_raw(
    each: Any, status: HostStatus, found: Activity | None, kept: tuple[str, ...]
) -> None:
    """Tables, details and --batch have the escapes as text; the states may be well known ones."""
    probes = {name: hostile(probe) for name, probe in status.probes.items()}
    status = dataclasses.replace(hostile(status, kept), probes=probes)
    look = follow(None, status, hostile(found, kept))
    if found is not None:
        look = follow(look, status, hostile(later(10.0), kept))
    number = view(each.name)
    shown = [*text(look, each, Sort(), "").split("\n"), *lines(look, State(view=number), 200, 60)]
    for subject in {row.subject for row in each.make(look, True).rows}:
        state = State(view=number, page=Page.DETAIL, subject=subject)
        shown += lines(look, state, 200, 200)
    assert [line for line in shown if not line.isprintable()] == []
