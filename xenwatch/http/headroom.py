"""The JSON API for schedulers: how many more VMs fit, from the newest snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from xenwatch.config.shape_keys import PARTS
from xenwatch.display.text import hint, printable
from xenwatch.limits.states import LimitState
from xenwatch.planning import answer, question
from xenwatch.planning.capacity import fit
from xenwatch.planning.question import PlanError
from xenwatch.planning.shapes import Shape
from xenwatch.readings.snapshot import Snapshot

PARAMETERS: Final = ("shape", "count", *(part.name for part in PARTS))
"""What a query may ask with."""


def headroom(
    query: Iterable[tuple[str, str]],
    snapshot: Snapshot,
    states: Sequence[LimitState],
    known: Mapping[str, Shape],
) -> dict[str, Any]:
    """The answer to `/api/v1/headroom?QUERY`: see `docs/planning.md`.

    `query` are the names and values as they came. Raises `PlanError` with the reason when it
    cannot be answered.
    """
    given = _once(query)
    devices = {name: given[name] for name in given if name not in ("shape", "count")}
    if "shape" in given and devices:
        raise PlanError(f"shape and {next(iter(devices))} exclude each other")
    if "count" in given and not (devices or "shape" in given):
        raise PlanError("count needs a shape, or the devices of a VM")
    wanted = question.number("count", given["count"]) if "count" in given else None
    shapes = [_shape(devices)] if devices else question.chosen(given.get("shape"), known)
    return answer.document(snapshot, [fit(states, snapshot, {it: 1}, wanted) for it in shapes])


def _once(query: Iterable[tuple[str, str]]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in query:
        if name not in PARAMETERS:
            meant = hint(name, PARAMETERS) or f"; known are {', '.join(PARAMETERS)}"
            raise PlanError(f"no parameter is called {printable(name[:100])}{meant}")
        if name in given:
            raise PlanError(f"{name} is there twice")
        given[name] = value
    return given


def _shape(devices: Mapping[str, str]) -> Shape:
    """A shape without a name from the parts of a query."""
    found: dict[str, Any] = {}
    for part in PARTS:
        if part.name in devices:
            try:
                found[part.name] = part.parse(devices[part.name])
            except ValueError as error:
                text = printable(devices[part.name][:100])
                raise PlanError(f"{part.name}: {text!r} {error}") from None
    return Shape("", **found)
