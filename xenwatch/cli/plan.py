"""`xenwatch plan`: how many more VMs fit, and which limit stops the next one."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Final

from xenwatch.assessment import Assessment, assess_pass
from xenwatch.cli.options import add_key, configured, rules
from xenwatch.cli.output import say, write
from xenwatch.cli.source import open_source, synthetic
from xenwatch.config import state_file
from xenwatch.config.keys import LEARNT, ROOTFS, SOURCE
from xenwatch.config.settings import ConfigError
from xenwatch.display.columns import columns
from xenwatch.display.quantities import quantity
from xenwatch.display.text import printable
from xenwatch.passes.scheduler import one_pass
from xenwatch.planning import answer, learnt_file
from xenwatch.planning.answer import is_one_vm, learnt_lines, verdict
from xenwatch.planning.capacity import Batch, LimitHeadroom, Plan
from xenwatch.planning.learning import Learning, learnt_now
from xenwatch.planning.question import PlanError, chosen, number
from xenwatch.planning.shapes import Shape
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import SourceError

HELP: Final = "Show how many more VMs fit, and which limit stops the next one."

FITS: Final = 0
DOES_NOT_FIT: Final = 1
CANNOT_SAY: Final = 2
"""Exit statuses; a plan without a count fits when it could be made."""

HEADER: Final = ("LIMIT", "HEADROOM", "TAKES", "FITS", "REASON")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--shape", metavar="NAME", help="VMs of this shape (default: every shape)")
    what.add_argument(
        "--mix", metavar="NAME=N,...", help="whether this many VMs of each shape fit together"
    )
    parser.add_argument("--count", metavar="N", help="whether N more VMs of the shape fit")
    parser.add_argument(
        "--platform", metavar="PRESET", help="plan for this synthetic host instead of --source"
    )
    parser.add_argument(
        "--empty", action="store_true", help="plan for the platform with no VMs running"
    )
    parser.add_argument(
        "--learn",
        metavar="FILE",
        nargs="?",
        const="",
        help="learn what the running VMs take of dom0's memory and tasks; with FILE, save it there",
    )
    add_key(parser, LEARNT)
    parser.add_argument(
        "--format", choices=("table", "json"), default="table", help="default: %(default)s"
    )
    parser.epilog = (
        "Exit status with --count or --mix: 0 fits, 1 does not fit, 2 unknown; "
        "also 2 if no plan can be made."
    )


def run(options: argparse.Namespace) -> int:
    """Exit status as `status` has it; `CANNOT_SAY` also for an error."""
    try:
        check(options)
        settings = configured(options)
        if options.platform is None:
            source = open_source(settings[SOURCE], settings[ROOTFS])
        else:
            source = synthetic(options.platform, empty=options.empty)
        snapshot = one_pass(source, settings.probes()).snapshot
        obstacle = answer.obstacle(snapshot)
        if obstacle is not None:
            raise PlanError(obstacle)
        learning = None if options.learn is None else learn(snapshot, options.learn)
        found = plans(options, assess_pass(snapshot, rules(settings), learning=learning))
    except (ConfigError, PlanError, SourceError, OSError) as error:
        # Status 1 says that VMs do not fit: nothing else may.
        say(*str(error).splitlines())
        return CANNOT_SAY
    text = answer.dumps(snapshot, found) if options.format == "json" else table(found)
    return status(found) if write(text) else CANNOT_SAY


def check(options: argparse.Namespace) -> None:
    """Raise `PlanError` for options that exclude each other, or need another."""
    if options.count is not None and options.shape is None:
        raise PlanError("--count requires --shape NAME; for several shapes use --mix NAME=N,...")
    if options.empty and options.platform is None:
        raise PlanError(
            "--empty requires --platform PRESET: only a synthetic host can be without VMs"
        )


def learn(snapshot: Snapshot, path: str) -> Learning:
    """What the VMs of the snapshot teach, saved at `path` unless that is empty.

    Raises `PlanError` and `OSError`.
    """
    found = learnt_now(snapshot)
    if found is None:
        raise PlanError("--learn: no running VM could be read; see xenwatch doctor")
    if path:
        state_file.replace(path, learnt_file.dumps(found))
    return found


def plans(options: argparse.Namespace, assessment: Assessment) -> list[Plan]:
    """The plans the options ask for, of the shapes of the rules. Raises `PlanError`."""
    known = assessment.rules.shapes
    wanted = None if options.count is None else number("--count", options.count)
    batches: list[Batch]
    if options.mix is not None:
        wanted, batches = 1, [mix(options.mix, known)]
    else:
        batches = [{shape: 1} for shape in chosen(options.shape, known)]
    return [assessment.plan(batch, wanted) for batch in batches]


def mix(text: str, known: Mapping[str, Shape]) -> dict[Shape, int]:
    """The VMs of `windows=200,linux=50`. Raises `PlanError`."""
    batch: dict[Shape, int] = {}
    for item in text.split(","):
        name, equals, count = item.partition("=")
        (shape,) = chosen(name, known)
        if not equals:
            raise PlanError(f"--mix: {name} has no count; write {name}=N")
        if shape in batch:
            raise PlanError(f"--mix: {name} is given more than once")
        batch[shape] = number(f"--mix {name}", count)
    return batch


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


def _section(plan: Plan) -> str:
    lines = [f"{_describe(plan.batch)}: {verdict(plan)}\n", "\n"]
    if plan.headrooms:
        lines.append(columns([HEADER, *(_row(headroom) for headroom in plan.headrooms)]))
    if plan.binding is not None and plan.binding.remedies:
        lines.append(f"\nTo raise {plan.binding.limit}:\n")
        lines += [f"  {printable(remedy)}\n" for remedy in plan.binding.remedies]
    learnt = [f"  {line}\n" for line in learnt_lines(plan)]
    if learnt:
        lines += ["\nLearnt:\n", *learnt]
    if plan.uncounted:
        lines.append("\nNot counted:\n")
        lines += [f"  {name}: {why}\n" for name, why in plan.uncounted.items()]
    return "".join(lines)


def _describe(batch: Batch) -> str:
    if is_one_vm(batch):
        return _devices(next(iter(batch)))
    return " and ".join(f"{count} of {_devices(shape)}" for shape, count in batch.items())


def _devices(shape: Shape) -> str:
    counts = ((shape.vcpus, "vCPU"), (shape.disks, "disk"), (shape.vifs, "network interface"))
    words = [f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts]
    words.append(quantity(shape.memory_bytes, "bytes"))
    return f"{shape.name} ({shape.type}, {', '.join(words)}{', UEFI' if shape.uefi else ''})"


def _row(headroom: LimitHeadroom) -> tuple[str, ...]:
    name = (
        f"{headroom.limit} {printable(headroom.instance)}" if headroom.instance else headroom.limit
    )
    return (
        name,
        quantity(headroom.left, headroom.unit),
        _amount(headroom),
        "-" if headroom.batches is None else str(headroom.batches),
        printable(headroom.reason),
    )


def _amount(headroom: LimitHeadroom) -> str:
    if headroom.takes is None or isinstance(headroom.takes, int):
        return quantity(headroom.takes, headroom.unit)
    return f"{float(headroom.takes):g}"
