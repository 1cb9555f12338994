"""How many of each shape fit where not all do together."""

from __future__ import annotations

from collections.abc import Callable

from xenwatch.planning.capacity import Batch
from xenwatch.planning.shapes import Shape

Fits = Callable[[Batch], bool]


def together(batch: Batch, fits: Fits) -> dict[Shape, int]:
    """The VMs of the batch that fit: in its proportion as far as they do, then what still fits.

    What then still fits is taken in the order of the batch. Each shape is there, some with 0.
    """
    total = sum(batch.values())

    def part(step: int) -> dict[Shape, int]:
        return {shape: count * step // total for shape, count in batch.items()}

    found = part(_most(total, lambda step: _fit(part(step), fits)))
    for shape, count in batch.items():
        least = found[shape]

        def more(step: int, shape: Shape = shape, least: int = least) -> bool:
            return _fit({**found, shape: least + step}, fits)

        found[shape] = least + _most(count - least, more)
    return found


def _fit(batch: Batch, fits: Fits) -> bool:
    some = {shape: count for shape, count in batch.items() if count}
    return not some or fits(some)


def _most(high: int, holds: Callable[[int], bool]) -> int:
    """The largest number up to `high` that something holds for, which holds for 0."""
    low = 0
    while low < high:
        middle = (low + high + 1) // 2
        if holds(middle):
            low = middle
        else:
            high = middle - 1
    return low
