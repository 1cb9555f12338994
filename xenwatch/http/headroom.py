"""The JSON API for schedulers: how many more VMs fit, from the newest pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from xenwatch.assessment import Assessment
from xenwatch.config.shape_keys import PARTS
from xenwatch.display.text import meant, printable, shown
from xenwatch.planning import answer, question
from xenwatch.planning.question import PlanError
from xenwatch.planning.shapes import Shape

PARAMETERS: Final = ("shape", "count", *(part.name for part in PARTS))
"""The parameters of a query."""


def headroom(
    query: Iterable[tuple[str, str]], assessment: Assessment, known: Mapping[str, Shape]
) -> dict[str, Any]:
    """The answer to `/api/v1/headroom?QUERY`: see `docs/planning.md`.

    `query` has the names and values as received, `known` the shapes by name. Plans of the pass are
    answered from the assessment; a count, devices, or a shape configured since are planned now.
    Raises `PlanError` with the reason when the query cannot be answered.
    """
    given = _parameters(query)
    devices = {name: given[name] for name in given if name not in ("shape", "count")}
    if "shape" in given and devices:
        raise PlanError(f"shape and {next(iter(devices))} are mutually exclusive")
    if "count" in given and not (devices or "shape" in given):
        raise PlanError("count requires a shape, or the devices of a VM")
    wanted = question.number("count", given["count"]) if "count" in given else None
    shapes = [_shape(devices)] if devices else question.chosen(given.get("shape"), known)
    plans = [assessment.plan({shape: 1}, wanted) for shape in shapes]
    return answer.document(assessment.snapshot, plans)


def _parameters(query: Iterable[tuple[str, str]]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in query:
        if name not in PARAMETERS:
            near = meant(name, PARAMETERS)
            raise PlanError(f"unknown parameter {printable(name[:100])}{near}")
        if name in given:
            raise PlanError(f"{name} is given more than once")
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
                given = shown(devices[part.name])
                raise PlanError(f"{part.name}: {given} {error}") from None
    return Shape("", **found)
