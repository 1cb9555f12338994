"""The metrics of what is to come: room for VMs, and when limits are full."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from xenwatch.metrics.base import Metric, Readings, Row
from xenwatch.planning.capacity import Plan


def _by_shape(readings: Readings) -> Iterator[tuple[str, Plan]]:
    for plan in readings.outlook.plans:
        for shape in plan.batch:
            yield shape.name, plan


def _headroom(readings: Readings) -> Iterable[Row]:
    return (((name,), plan.batches) for name, plan in _by_shape(readings))


def _headroom_by_limit(readings: Readings) -> Iterable[Row]:
    for name, plan in _by_shape(readings):
        for room in plan.rooms:
            yield (name, room.limit), room.batches


OUTLOOK_METRICS: Final = (
    Metric(
        "xenwatch_vm_headroom",
        "gauge",
        "VMs of the shape that still fit by the limits that count; absent where one of them is not "
        "known.",
        "the table of limits, its costs and readings",
        _headroom,
        ("shape",),
    ),
    Metric(
        "xenwatch_limit_vm_headroom",
        "gauge",
        "VMs of the shape for which the limit has room.",
        "the table of limits, its costs and readings",
        _headroom_by_limit,
        ("shape", "limit"),
    ),
    Metric(
        "xenwatch_limit_seconds_to_full",
        "gauge",
        "Seconds until the limit's first instance is full if its trend goes on; absent where "
        "there is no trend.",
        "the limit's use over the last hours",
        lambda readings: (((name,), s) for name, s in readings.outlook.seconds_to_full.items()),
        ("limit",),
    ),
)
"""The metrics that follow from the readings and are none themselves."""
