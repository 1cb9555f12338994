"""Metrics of headroom for VMs and of forecasts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from xenwatch.metrics.base import Metric, Readings, Row
from xenwatch.planning.capacity import Plan


def _by_shape(readings: Readings) -> Iterator[tuple[str, Plan]]:
    for plan in readings.assessment.plans:
        for shape in plan.batch:
            yield shape.name, plan


def _headroom(readings: Readings) -> Iterable[Row]:
    return (((name,), plan.batches) for name, plan in _by_shape(readings))


def _headroom_by_limit(readings: Readings) -> Iterable[Row]:
    for name, plan in _by_shape(readings):
        for room in plan.rooms:
            yield (name, room.limit), room.batches


def _seconds_to_full(readings: Readings) -> Iterable[Row]:
    return (((name,), s) for name, s in readings.assessment.seconds_to_full.items())


OUTLOOK_METRICS: Final = (
    Metric(
        "xenwatch_vm_headroom",
        "gauge",
        "More VMs of the shape that fit by the limits that are counted; absent if one of them is "
        "unknown.",
        "the table of limits, its costs and readings",
        _headroom,
        ("shape",),
    ),
    Metric(
        "xenwatch_limit_vm_headroom",
        "gauge",
        "More VMs of the shape that fit by this limit.",
        "the table of limits, its costs and readings",
        _headroom_by_limit,
        ("shape", "limit"),
    ),
    Metric(
        "xenwatch_limit_seconds_to_full",
        "gauge",
        "Seconds until the limit's first instance is exhausted at its current trend; absent "
        "without a trend.",
        "the limit's use over the last hours",
        _seconds_to_full,
        ("limit",),
    ),
)
"""The metrics that follow from the readings and are none themselves."""
