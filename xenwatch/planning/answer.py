"""The answer of a plan: as one line, and as JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator
from typing import Any, Final

from xenwatch.display.quantities import quantity
from xenwatch.limits import dom0_memory, tasks
from xenwatch.planning.capacity import Batch, LimitHeadroom, Plan, unresponsive
from xenwatch.planning.estimates import Estimate, Learnt
from xenwatch.planning.shapes import Shape
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.regimes import REGIMES
from xenwatch.release.release import release, toolstack_unread

DOM0_MEMORY: Final = dom0_memory.LIMIT.name
TASKS: Final = tasks.LIMIT.name
_STATED: Final = {DOM0_MEMORY: "dom0_memory_bytes", TASKS: "tasks"}
"""The field of a shape that states what it takes of a limit."""


def obstacle(snapshot: Snapshot) -> str | None:
    """Why no plan can be made on this host, and the next step; `None` if one can."""
    host = snapshot.host
    if host is None:
        outcome = snapshot.outcomes.get("host")
        detail = outcome.detail if outcome is not None else ""
        return f"host type could not be read: {detail}; see xenwatch doctor"
    if host.xen is None:
        return (
            "not a Xen host, so there is no headroom for VMs. To plan for a synthetic host: "
            "xenwatch plan --platform debian-12 --empty; for a captured one: "
            "xenwatch plan --source tree:DIR"
        )
    if toolstack_unread(snapshot):
        return "the toolstack is unknown: probe daemons failed or is disabled; see xenwatch doctor"
    if release(snapshot).regime is None:
        platform = f"{host.platform} {host.platform_version}".strip() or "this platform"
        return (
            f"the cost of a VM is unknown for {platform}; known for: {', '.join(REGIMES)}. "
            "To see the limits: xenwatch once"
        )
    silent = unresponsive(snapshot)
    if silent:
        return f"{silent}, so whether another VM starts is unknown; see xenwatch doctor"
    return None


def verdict(plan: Plan) -> str:
    """The answer in one line; it names uncounted limits, which may stop a VM sooner."""
    left_out = f"; not counted: {', '.join(plan.uncounted)}" if plan.uncounted else ""
    # What is already full or too little stays so, whatever else is counted.
    decided = plan.fits is False or (plan.wanted is None and plan.at_most == 0)
    kept = f"; kept in reserve: {plan.reserve}" if str(plan.reserve) else ""
    return _answer(plan) + kept + ("" if decided else left_out)


def _answer(plan: Plan) -> str:
    names = ", ".join(headroom.limit for headroom in plan.unknown)
    if plan.wanted is not None:
        return _of_wanted(plan, plan.wanted, names)
    if plan.binding is None or plan.at_most is None:
        return f"cannot say how many more fit; unknown: {names}"
    if plan.at_most == 0:
        return f"no more fit; {plan.binding.limit} stops the next one"
    if plan.batches is None:
        return f"at most {plan.at_most} more fit, by {plan.binding.limit}; unknown: {names}"
    most = "at most " if plan.uncounted else ""
    return f"{most}{plan.at_most} more fit, then {plan.binding.limit} stops the next one"


def _of_wanted(plan: Plan, wanted: int, unknown: str) -> str:
    one = is_one_vm(plan.batch)
    subject, end = (f"{wanted} more", "") if one else ("they", " together")
    if plan.fits is None:
        return f"cannot say whether {subject} fit{end}; unknown: {unknown}"
    if not plan.fits:
        stopped = f"; {plan.binding.limit} stops them" if plan.binding else ""
        most = "at most " if plan.uncounted or plan.unknown else ""
        some = f", {most}{plan.at_most} do" if one and plan.at_most else ""
        return f"{subject} do not fit{end}{some}{stopped}"
    return f"{subject} fit{end}{', as far as counted' if plan.uncounted else ''}"


def document(snapshot: Snapshot, found: Iterable[Plan]) -> dict[str, Any]:
    """The plans as JSON values, as described in `docs/planning.md`."""
    return {
        "time": snapshot.time,
        "source": dataclasses.asdict(snapshot.origin),
        "regime": release(snapshot).regime,
        "obstacle": obstacle(snapshot),
        "plans": [_plan(plan) for plan in found],
    }


def dumps(snapshot: Snapshot, found: Iterable[Plan]) -> str:
    """`document` as text, ended by a newline."""
    return json.dumps(document(snapshot, found), indent=2) + "\n"


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "shapes": [
            {"count": count, **dataclasses.asdict(shape)} for shape, count in plan.batch.items()
        ],
        "verdict": verdict(plan),
        "wanted": plan.wanted,
        "fits": plan.fits,
        "headroom": plan.batches,
        "at_most": plan.at_most,
        "reserve": str(plan.reserve) or None,
        "together": None
        if plan.together is None
        else [{"name": shape.name, "count": count} for shape, count in plan.together.items()],
        "binding": plan.binding.limit if plan.binding is not None else None,
        "limits": [_limit(headroom) for headroom in plan.headrooms],
        "not_counted": list(plan.uncounted),
        "learnt": [_estimate(*one) for one in _estimates(plan)],
    }


def learnt_lines(plan: Plan) -> Iterator[str]:
    """What was learnt of the shapes of a plan, a line for each shape and limit."""
    for shape, known, limit, estimate in _estimates(plan):
        stated = getattr(shape, _STATED[limit])
        unit = "bytes" if limit == DOM0_MEMORY else ""
        if stated:
            end = f"; counted: {quantity(stated, unit)}, as the shape states"
        elif not estimate.usable:
            end = "; too uncertain to count: narrows down as such VMs start and stop"
        else:
            end = ""
        yield f"{limit} of {shape.name or 'this VM'}: {_sentence(known, estimate, unit)}{end}"


def _sentence(known: Learnt, estimate: Estimate, unit: str) -> str:
    found = estimate.interval
    low, middle, high = (
        quantity(math.ceil(value), unit) for value in (found.low, found.median, found.high)
    )
    where = " on another host" if known.carried else ""
    each = f"{middle} each, 95 % below {high}"
    if not estimate.complete:
        each = f"between {low} and {high} each"
    return f"learnt from {known.vms} VMs{where}: {each}"


def _estimates(plan: Plan) -> Iterator[tuple[Shape, Learnt, str, Estimate]]:
    for shape, known in plan.learnt.items():
        for limit, estimate in ((DOM0_MEMORY, known.memory), (TASKS, known.tasks)):
            if estimate is not None:
                yield shape, known, limit, estimate


def _estimate(shape: Shape, known: Learnt, limit: str, estimate: Estimate) -> dict[str, Any]:
    return {
        "shape": shape.name,
        "limit": limit,
        "vms": known.vms,
        "carried": known.carried,
        "complete": estimate.complete,
        "counted": estimate.usable and not getattr(shape, _STATED[limit]),
        **dataclasses.asdict(estimate.interval),
    }


def _limit(headroom: LimitHeadroom) -> dict[str, Any]:
    return {
        "limit": headroom.limit,
        "instance": headroom.instance,
        "unit": headroom.unit,
        "takes": headroom.takes
        if isinstance(headroom.takes, int | None)
        else float(headroom.takes),
        "left": headroom.left,
        "headroom": headroom.batches,
        "reason": headroom.reason,
        "remedies": list(headroom.remedies),
    }


def is_one_vm(batch: Batch) -> bool:
    """Whether the batch is a single VM."""
    return list(batch.values()) == [1]
