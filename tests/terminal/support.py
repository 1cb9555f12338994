"""Looks to draw, and pictures as lines of text."""

from __future__ import annotations

import dataclasses
from typing import Any

from tests.status.test_host_status import of
from tests.support import full_snapshot
from xenwatch.status.activity import Activity, activity
from xenwatch.status.host_status import HostStatus
from xenwatch.terminal.lines import Line
from xenwatch.terminal.looks import Look
from xenwatch.terminal.picture import Picture, picture
from xenwatch.terminal.state import State
from xenwatch.terminal.views import VIEWS

FULL = of(full_snapshot())
BUSY = activity(full_snapshot())


def view(name: str) -> int:
    """The number of a view."""
    return [each.name for each in VIEWS].index(name)


def changed(**fields: Any) -> HostStatus:
    """The full status with other values."""
    return dataclasses.replace(FULL, **fields)


def look(found: Activity | None = BUSY, **fields: Any) -> Look:
    """A look at the full host, or one with other values."""
    return Look(changed(**fields), found)


def later(seconds: float, found: Activity = BUSY, **parts: Any) -> Activity:
    """An activity whose probes have read again so much later, with other values."""
    instants = {probe: at + seconds for probe, at in found.instants.items()}
    return dataclasses.replace(found, time=found.time + seconds, instants=instants, **parts)


def drawn(
    of: Look, state: State | None = None, width: int = 80, height: int = 24, *, plain: bool = False
) -> Picture:
    """The picture for a terminal of that size."""
    return picture(state or State(), of, (width, height), (), plain=plain)


def text(line: Line) -> str:
    """A line without its styles."""
    return "".join(piece for _, piece in line)


def lines(of: Look, state: State | None = None, *size: int, plain: bool = False) -> list[str]:
    """The lines of a picture, blanks at their ends removed."""
    return [text(line).rstrip() for line in drawn(of, state, *size, plain=plain).lines]
