"""Metrics of headroom for VMs and of forecasts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from xenwatch.metrics.base import Metric, Readings, Row
from xenwatch.planning.capacity import Plan
from xenwatch.planning.estimates import Estimate, Learnt


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


def _learnt(readings: Readings) -> Iterator[tuple[str, Learnt]]:
    for plan in readings.assessment.plans:
        for shape, known in plan.learnt.items():
            yield shape.name, known


def _learnt_vms(readings: Readings) -> Iterable[Row]:
    return (((name,), known.vms) for name, known in _learnt(readings))


def _quantiles(choose: Callable[[Learnt], Estimate | None]) -> Callable[[Readings], Iterable[Row]]:
    def rows(readings: Readings) -> Iterable[Row]:
        for name, known in _learnt(readings):
            estimate = choose(known)
            if estimate is not None and estimate.usable:
                found = estimate.interval
                for quantile, value in (
                    ("0.05", found.low),
                    ("0.5", found.median),
                    ("0.95", found.high),
                ):
                    yield (name, quantile), value

    return rows


_LEARNT: Final = "readings while VMs came and went, on this host or another one"


def _seconds_to_full(readings: Readings) -> Iterable[Row]:
    return (((name,), s) for name, s in readings.assessment.seconds_to_full.items())


def _full_between(readings: Readings) -> Iterable[Row]:
    for name, (soonest, latest) in readings.assessment.full_between.items():
        yield (name, "0.05"), soonest
        yield (name, "0.95"), latest


LEARNT_METRICS: Final = (
    Metric(
        "xenwatch_vm_learnt_vms",
        "gauge",
        "Number of VMs of the shape from which it was learnt what dom0 needs for one.",
        _LEARNT,
        _learnt_vms,
        ("shape",),
    ),
    Metric(
        "xenwatch_vm_dom0_memory_bytes",
        "gauge",
        "Memory of dom0 that a VM of the shape takes, learnt; plans count quantile 0.95. Absent "
        "while too little is known to be counted.",
        _LEARNT,
        _quantiles(lambda known: known.memory),
        ("shape", "quantile"),
    ),
    Metric(
        "xenwatch_vm_dom0_tasks",
        "gauge",
        "Tasks of dom0 that a VM of the shape takes, learnt; plans count quantile 0.95. Absent "
        "while too little is known to be counted.",
        _LEARNT,
        _quantiles(lambda known: known.tasks),
        ("shape", "quantile"),
    ),
)
"""The metrics of what was learnt of VMs."""

OUTLOOK_METRICS: Final = (
    Metric(
        "xenwatch_vm_headroom",
        "gauge",
        "Number of additional VMs of the shape that fit beside the reserve, by the counted limits; "
        "absent if one of "
        "them is unknown, or while xenstored or xapi does not answer.",
        "limits, costs of a VM and readings",
        _headroom,
        ("shape",),
    ),
    Metric(
        "xenwatch_limit_vm_headroom",
        "gauge",
        "Number of additional VMs of the shape that fit beside the reserve by this limit; absent "
        "if it is unknown, or while xenstored or xapi does not answer.",
        "limits, costs of a VM and readings",
        _headroom_by_limit,
        ("shape", "limit"),
    ),
    *LEARNT_METRICS,
    Metric(
        "xenwatch_limit_seconds_to_full",
        "gauge",
        "Seconds until the limit's first instance is exhausted at its current trend; absent "
        "without a trend.",
        "readings of the last hours",
        _seconds_to_full,
        ("limit",),
    ),
    Metric(
        "xenwatch_limit_seconds_to_full_bound",
        "gauge",
        "Seconds until the limit's first instance is exhausted, at the earliest (quantile 0.05) "
        "and at the latest (0.95); absent without a trend.",
        "readings of the last hours",
        _full_between,
        ("limit", "quantile"),
    ),
)
"""The metrics of headroom for VMs and of forecasts."""
