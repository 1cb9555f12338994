"""`xenwatch plan`: its options, what it answers, and the same answer as JSON."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from xenwatch.config.shape_keys import whole
from xenwatch.display.tables import columns, quantity
from xenwatch.display.text import hint, printable
from xenwatch.limits import costs
from xenwatch.limits.states import LimitState
from xenwatch.planning.capacity import Batch, Plan, Room, fit
from xenwatch.planning.shapes import Shape
from xenwatch.readings.snapshot import Snapshot

FITS: Final = 0
DOES_NOT_FIT: Final = 1
CANNOT_SAY: Final = 2
"""Exit statuses; a plan nobody asked a count of fits when it could be made."""

MOST_VMS: Final = 1_000_000
HEADER: Final = ("LIMIT", "LEFT", "TAKES", "FITS", "NOT KNOWN BECAUSE")


class PlanError(Exception):
    """A question that cannot be asked; the text says why and what to do."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--shape", metavar="NAME", help="VMs of this shape (default: each there is)")
    what.add_argument(
        "--mix", metavar="NAME=N,...", help="whether so many VMs of each shape fit together"
    )
    parser.add_argument("--count", metavar="N", help="whether N more VMs of the shape fit")
    parser.add_argument(
        "--platform", metavar="PRESET", help="plan on this synthetic host instead of --source"
    )
    parser.add_argument("--empty", action="store_true", help="the platform without any VM")
    parser.add_argument(
        "--format", choices=("table", "json"), default="table", help="default: %(default)s"
    )
    parser.epilog = (
        "Exit status with --count or --mix: 0 fits, 1 does not fit, 2 cannot say; "
        "2 also where no plan can be made."
    )


def check(options: argparse.Namespace) -> None:
    """Raise `PlanError` for options that make no sense together."""
    if options.count is not None and options.shape is None:
        raise PlanError("--count needs --shape NAME; for several shapes use --mix NAME=N,...")
    if options.empty and options.platform is None:
        raise PlanError("--empty needs --platform PRESET: only a synthetic host can be emptied")


def plans(
    options: argparse.Namespace,
    snapshot: Snapshot,
    states: Sequence[LimitState],
    known: Mapping[str, Shape],
) -> list[Plan]:
    """The plans the options ask for, of the shapes that are known. Raises `PlanError`."""
    wanted = None if options.count is None else number("--count", options.count)
    batches: list[Batch]
    if options.mix is not None:
        wanted, batches = 1, [mix(options.mix, known)]
    else:
        batches = [{shape: 1} for shape in chosen(options.shape, known)]
    return [fit(states, snapshot, batch, wanted) for batch in batches]


def chosen(name: str | None, known: Mapping[str, Shape]) -> Iterable[Shape]:
    """The shape of that name, or every one. Raises `PlanError`."""
    if name is None:
        return known.values()
    if name not in known:
        raise PlanError(f"no shape is called {printable(name[:100])}{_known(name, known)}")
    return [known[name]]


def number(what: str, text: str) -> int:
    """A count of VMs. Raises `PlanError` that names `what` it is."""
    try:
        count = whole(text)
    except ValueError as error:
        raise PlanError(f"{what}: {printable(text[:100])!r} {error}") from None
    if not 1 <= count <= MOST_VMS:
        raise PlanError(f"{what}: {count} is not between 1 and {MOST_VMS}")
    return count


def mix(text: str, known: Mapping[str, Shape]) -> dict[Shape, int]:
    """The VMs of `windows=200,linux=50`. Raises `PlanError`."""
    batch: dict[Shape, int] = {}
    for item in text.split(","):
        name, equals, count = item.partition("=")
        (shape,) = chosen(name, known)
        if not equals:
            raise PlanError(f"--mix: {name} has no count; write {name}=N")
        if shape in batch:
            raise PlanError(f"--mix: {name} is there twice")
        batch[shape] = number(f"--mix {name}", count)
    return batch


def obstacle(snapshot: Snapshot) -> str | None:
    """Why no plan can be made on this host, and what to do instead; `None` where one can."""
    host = snapshot.host
    if host is None:
        outcome = snapshot.outcomes.get("host")
        detail = outcome.detail if outcome is not None else ""
        return f"what kind of host this is could not be read: {detail}; see xenwatch doctor"
    if host.xen is None:
        return (
            "this is no Xen host, so there is no room for VMs to tell. Plan on an invented host: "
            "xenwatch plan --platform debian-12 --empty; on one you have captured there: "
            "xenwatch plan --source tree:DIR"
        )
    if costs.regime(snapshot) is None:
        place = f"{host.platform} {host.platform_version}".strip() or "this platform"
        return (
            f"what a VM takes is not known for {place}, only for: {', '.join(costs.REGIMES)}. "
            "The limits themselves: xenwatch once"
        )
    return None


def status(found: Iterable[Plan]) -> int:
    """The exit status of an answer."""
    return max((_status(plan) for plan in found), default=CANNOT_SAY)


def _status(plan: Plan) -> int:
    if plan.wanted is None:
        return CANNOT_SAY if plan.at_most is None else FITS
    return {True: FITS, False: DOES_NOT_FIT, None: CANNOT_SAY}[plan.fits]


def table(found: Iterable[Plan]) -> str:
    """The plans for people, a blank line between them."""
    return "\n".join(_section(plan) for plan in found)


def document(snapshot: Snapshot, found: Iterable[Plan]) -> dict[str, Any]:
    """The plans for programs: what `docs/planning.md` describes, ready for JSON."""
    return {
        "time": snapshot.time,
        "regime": costs.regime(snapshot),
        "obstacle": obstacle(snapshot),
        "plans": [_plan(plan) for plan in found],
    }


def dumps(snapshot: Snapshot, found: Iterable[Plan]) -> str:
    """`document` as text, ended by a newline."""
    return json.dumps(document(snapshot, found), indent=2) + "\n"


def _known(name: str, known: Iterable[str]) -> str:
    return hint(name, known) or f"; there is {', '.join(known)}"


def _section(plan: Plan) -> str:
    lines = [f"{_describe(plan.batch)}: {verdict(plan)}\n", "\n"]
    if plan.rooms:
        lines.append(columns([HEADER, *(_row(room) for room in plan.rooms)]))
    if plan.binding is not None and plan.binding.remedies:
        lines.append(f"\nMore room in {plan.binding.limit}:\n")
        lines += [f"  {printable(remedy)}\n" for remedy in plan.binding.remedies]
    if plan.uncounted:
        lines.append("\nNot counted:\n")
        lines += [f"  {name}: {costs.UNCOUNTED[name]}\n" for name in plan.uncounted]
    return "".join(lines)


def _describe(batch: Batch) -> str:
    if _is_one(batch):
        return _devices(next(iter(batch)))
    return " and ".join(f"{count} of {_devices(shape)}" for shape, count in batch.items())


def _is_one(batch: Batch) -> bool:
    return list(batch.values()) == [1]


def _devices(shape: Shape) -> str:
    counts = ((shape.vcpus, "vCPU"), (shape.disks, "disk"), (shape.vifs, "network interface"))
    words = [f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts]
    return f"{shape.name} ({shape.type}, {', '.join(words)}{', UEFI' if shape.uefi else ''})"


def verdict(plan: Plan) -> str:
    """The answer in one line; what is not counted is named in it, for it may stop a VM sooner."""
    left_out = f"; not counted: {', '.join(plan.uncounted)}" if plan.uncounted else ""
    return _counted(plan) + ("" if plan.fits is False else left_out)


def _counted(plan: Plan) -> str:
    names = ", ".join(room.limit for room in plan.unknown)
    if plan.wanted is not None:
        subject, end = (f"{plan.wanted} more", "") if _is_one(plan.batch) else ("they", " together")
        if plan.fits is None:
            return f"cannot say whether {subject} fit{end}; not known: {names}"
        if not plan.fits:
            stopped = f"; {plan.binding.limit} stops them" if plan.binding else ""
            return f"{subject} do not fit{end}{stopped}"
        return f"{subject} fit{end}{' by what is counted' if plan.uncounted else ''}"
    if plan.binding is None or plan.at_most is None:
        return f"cannot say how many more fit; not known: {names}"
    if plan.batches is None:
        return f"at most {plan.at_most} more fit, by {plan.binding.limit}; not known: {names}"
    most = "at most " if plan.uncounted else ""
    return f"{most}{plan.at_most} more fit, then {plan.binding.limit} stops the next one"


def _row(room: Room) -> tuple[str, ...]:
    name = f"{room.limit} {printable(room.instance)}" if room.instance else room.limit
    return (
        name,
        quantity(room.left, room.unit),
        _amount(room),
        "-" if room.batches is None else str(room.batches),
        printable(room.reason),
    )


def _amount(room: Room) -> str:
    if room.takes is None or isinstance(room.takes, int):
        return quantity(room.takes, room.unit)
    return f"{float(room.takes):g}"


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
        "binding": plan.binding.limit if plan.binding is not None else None,
        "limits": [_limit(room) for room in plan.rooms],
        "not_counted": list(plan.uncounted),
    }


def _limit(room: Room) -> dict[str, Any]:
    return {
        "limit": room.limit,
        "instance": room.instance,
        "unit": room.unit,
        "takes": room.takes if isinstance(room.takes, int | None) else float(room.takes),
        "left": room.left,
        "headroom": room.batches,
        "reason": room.reason,
        "remedies": list(room.remedies),
    }
