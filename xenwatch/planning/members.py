"""A host of a pool from its plans."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from xenwatch.display.quantities import quantity
from xenwatch.planning.capacity import Plan
from xenwatch.planning.pool import Member, Vms
from xenwatch.planning.shapes import Shape

_STEP: Final = 128 << 20
"""Bytes to which the memory of running VMs is rounded up, so that those alike are one shape."""


def alike(shapes: Iterable[Shape]) -> Counter[Shape]:
    """Running VMs by shape, whatever their names."""
    return Counter(
        dataclasses.replace(shape, name="", memory_bytes=-(-shape.memory_bytes // _STEP) * _STEP)
        for shape in shapes
    )


def member(name: str, plans: Mapping[Shape, Plan], vms: Vms | None, note: str = "") -> Member:
    """The host that these plans for one VM of each shape are of."""
    left: dict[str, float] = {}
    takes: dict[Shape, Mapping[str, float]] = {}
    uncounted: set[str] = set()
    for shape, plan in plans.items():
        uncounted |= set(plan.uncounted)
        if plan.batches is None:
            note = f"unknown: {', '.join(each.limit for each in plan.unknown)}"
            continue
        rows = {
            f"{each.limit} {each.instance}".strip(): each
            for each in plan.headrooms
            if each.left is not None and each.takes
        }
        takes[shape] = {key: float(each.takes or 0) for key, each in rows.items()}
        for key, each in rows.items():
            left[key] = min(left.get(key, each.left or 0), each.left or 0)
    return Member(name, left, takes, vms, note, frozenset(uncounted))


def from_headrooms(name: str, headrooms: Mapping[Shape, Mapping[str, float]], vms: int) -> Member:
    """The host of which only is known how many VMs of each shape fit by each limit.

    Each of its VMs counts as one of the shape of which fewest fit.
    """
    left: dict[str, float] = {}
    for by_limit in headrooms.values():
        for limit, count in by_limit.items():
            left[limit] = max(left.get(limit, 0.0), count)
    takes = {
        # Of a limit without any room one VM takes more than there is.
        shape: {
            limit: left[limit] / count if count else left[limit] + 1 for limit, count in by.items()
        }
        for shape, by in headrooms.items()
    }
    rooms = {shape: min(by.values()) for shape, by in headrooms.items() if by}
    least = min(rooms, key=lambda shape: (rooms[shape], shape.name), default=None)
    known = None if least is None else {least: vms}
    return Member(name, left, takes, known, "" if rooms else "no headroom is known")


def described(shape: Shape) -> str:
    """A shape in a few words: its name, or what a running VM is."""
    if shape.name:
        return shape.name
    vcpus = f"{shape.vcpus} vCPU{'' if shape.vcpus == 1 else 's'}"
    return f"{shape.type} with {vcpus} and {quantity(shape.memory_bytes, 'bytes')}"
