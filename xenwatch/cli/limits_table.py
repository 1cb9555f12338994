"""The states of the limits for people, as a table."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Sequence
from typing import Final

from xenwatch.display.columns import columns
from xenwatch.display.quantities import quantity
from xenwatch.display.text import printable
from xenwatch.fence import OPEN, Fence, Part
from xenwatch.limits.states import LimitState, Severity, unread

HEADER: Final = ("LIMIT", "USED", "MAX", "RATIO", "STATE", "ORIGIN OF MAX")
NAME_MIN: Final = 16
"""Characters of a limit that are shown in any width."""
MORE: Final = "~"
"""In place of what a name has no room for."""
SHOWN: Final = 3
"""Max instances of a limit shown while they are ok: a host may have a thousand domains."""


def table(states: Iterable[LimitState], fence: Fence = OPEN, width: int | None = None) -> str:
    """One line per limit and instance, in aligned columns; `-` is what could not be read.

    Of a limit with many instances, those that are not ok and the fullest others. One whose rows
    raise within `fence` is unknown. Names are shortened where the numbers do not fit in `width`.
    """
    rows: list[Sequence[str]] = [HEADER]
    for limit, group in itertools.groupby(states, key=lambda state: state.limit.name):
        instances = list(group)
        rows += fence.either(
            Part.DISPLAY,
            limit,
            functools.partial(_rows, limit, instances),
            functools.partial(_unread, instances[0]),
        )
    return columns(rows if width is None else _shortened(rows, width))


def _shortened(rows: Sequence[Sequence[str]], width: int) -> list[Sequence[str]]:
    """The rows with names of as many characters as there is room for beside numbers and state."""
    numbers = [max(map(len, column)) for column in list(zip(*rows, strict=True))[1:-1]]
    room = max(NAME_MIN, width - sum(numbers) - 2 * (len(numbers) + 1))  # and a mark at the end
    return [
        row if len(row[0]) <= room else (row[0][: room - len(MORE)] + MORE, *row[1:])
        for row in rows
    ]


def _rows(limit: str, instances: Sequence[LimitState]) -> list[Sequence[str]]:
    shown = _worth_showing(instances)
    rows: list[Sequence[str]] = [_row(state) for state in instances if state.instance in shown]
    if len(shown) < len(instances):
        others = f"{limit} ({len(instances) - len(shown)} more, less full)"
        rows.append((others, *[""] * (len(HEADER) - 1)))
    return rows


def _unread(state: LimitState) -> list[Sequence[str]]:
    return [_row(unread(state))]


def _worth_showing(states: Sequence[LimitState]) -> set[str]:
    fullest = sorted(states, key=lambda state: state.ratio or 0, reverse=True)[:SHOWN]
    unwell = (state for state in states if state.severity is not Severity.OK)
    return {state.instance for state in (*fullest, *unwell)}


def _row(state: LimitState) -> tuple[str, ...]:
    limit, maximum = state.limit, state.max
    name = limit.name
    if limit.label is not None and state.instance:
        name += f" {limit.label}={printable(state.instance)}"
    return (
        name,
        quantity(state.used, limit.unit),
        quantity(maximum.value if maximum else None, limit.unit),
        "-" if state.ratio is None else f"{state.ratio:.1%}",
        state.severity.value,
        printable(maximum.origin) if maximum else "-",
    )
