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
        for headroom in plan.headrooms:
            yield (name, headroom.limit), headroom.batches


def _seconds_to_full(readings: Readings) -> Iterable[Row]:
    return (((name,), s) for name, s in readings.assessment.seconds_to_full.items())


OUTLOOK_METRICS: Final = (
    Metric(
        "xenwatch_vm_headroom",
        "gauge",
        "Number of additional VMs of the shape that fit, by the counted limits; absent if one of "
        "them is unknown.",
        "limits, costs of a VM and readings",
        _headroom,
        ("shape",),
    ),
    Metric(
        "xenwatch_limit_vm_headroom",
        "gauge",
        "Number of additional VMs of the shape that fit by this limit.",
        "limits, costs of a VM and readings",
        _headroom_by_limit,
        ("shape", "limit"),
    ),
    Metric(
        "xenwatch_limit_seconds_to_full",
        "gauge",
        "Seconds until the limit's first instance is exhausted at its current trend; absent "
        "without a trend.",
        "readings of the last hours",
        _seconds_to_full,
        ("limit",),
    ),
)
"""The metrics of headroom for VMs and of forecasts."""
