"""`xenwatch plan`: how many more VMs fit, and which limit stops the next one."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

from xenwatch.assessment import Assessment, assess_pass
from xenwatch.cli import pool, pool_hosts
from xenwatch.cli.configured import configured, rules
from xenwatch.cli.daemon_address import ACCESS, add_access
from xenwatch.cli.daemon_request import AskError
from xenwatch.cli.exit_status import FINDING, OK, UNKNOWN, USAGE
from xenwatch.cli.faults import Faults
from xenwatch.cli.option_values import filled
from xenwatch.cli.options import add_key, is_given
from xenwatch.cli.output import headed, write
from xenwatch.cli.passes import Live, Replayed, prepare_passes
from xenwatch.cli.pool_hosts import PoolError
from xenwatch.cli.source import synthetic
from xenwatch.config import state_file
from xenwatch.config.common_keys import ROOTFS, SOURCE
from xenwatch.config.errors import ConfigError
from xenwatch.config.keys import LEARNT, RESERVE
from xenwatch.config.settings import Settings
from xenwatch.config.shape_keys import PARTS
from xenwatch.display.columns import columns
from xenwatch.display.quantities import quantity
from xenwatch.display.say import say
from xenwatch.display.text import printable
from xenwatch.display.why import why
from xenwatch.fence import OPEN, Fence, Part
from xenwatch.planning import answer, learnt_file
from xenwatch.planning.answer import is_one_vm, learnt_lines, verdict
from xenwatch.planning.capacity import Batch, LimitHeadroom, Plan
from xenwatch.planning.learning import Learning, learnt_now
from xenwatch.planning.question import PlanError, chosen, number, size
from xenwatch.planning.running import AVERAGE, averages, like
from xenwatch.planning.shapes import TYPES, Shape
from xenwatch.planning.together import together
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import SourceError
from xenwatch.status.notices import notices

EXITS: Final = {
    OK: "the VMs fit, or a plan was made without --count or --add",
    FINDING: "the VMs do not fit; without --count or --add: a pool does not survive the loss of a "
    "host",
    USAGE: "bad usage, or configuration rejected",
    UNKNOWN: "no plan can be made, or stdout cannot be written",
}

HEADER: Final = ("LIMIT", "HEADROOM", "TAKES", "FITS", "REASON")
HEADER_OF_MIX: Final = ("LIMIT", "HEADROOM", "MIX TAKES", "TIMES", "REASON")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--shape",
        metavar="NAME",
        help="plan for VMs of this shape (default: every shape); average: the average running VM "
        "of each type; average-hvm, average-pvh, average-pv: of one type",
    )
    what.add_argument(
        "--like", metavar="VM", help="plan for VMs like this running one: name, UUID or domid"
    )
    what.add_argument(
        "--add",
        "--mix",
        dest="mix",
        metavar="NAME=N,...",
        action="append",
        help="check whether this many VMs of each shape fit together; if not, say how many of "
        "each do; may be repeated",
    )
    parser.add_argument("--count", metavar="N", help="check whether N more VMs fit")
    parser.add_argument(
        "--memory", metavar="SIZE", help="plan for VMs with this memory, such as 8GiB"
    )
    parser.add_argument("--vcpus", metavar="N", help="plan for VMs with N vCPUs")
    parser.add_argument(
        "--platform",
        metavar="PRESET",
        help="plan for this synthetic host instead of --source; xenwatch scenarios lists them",
    )
    parser.add_argument(
        "--empty", action="store_true", help="plan for the platform with no VMs running"
    )
    parser.add_argument(
        "--learn",
        metavar="FILE",
        nargs="?",
        const=True,
        type=filled,
        help="learn how much of dom0's memory and tasks the running VMs use; with FILE, save it "
        "there",
    )
    add_key(parser, LEARNT)
    add_key(parser, RESERVE)
    pool.add_options(parser)
    add_access(parser, "the Prometheus or of the daemons of the pool", "the system's")
    parser.add_argument(
        "--format", choices=("table", "json"), default="table", help="default: %(default)s"
    )


def run(options: argparse.Namespace) -> int:
    """Exit status as `status` has it."""
    if problem := conflict(options):
        say(problem)
        return USAGE
    if options.pool is not None or options.prometheus is not None:
        return run_pool(options)
    return run_host(options)


def run_host(options: argparse.Namespace) -> int:
    """Exit status of a plan for one host."""
    settings, passes = planned_for(options)
    snapshot = passes.take(settings.probes()).snapshot
    try:
        batches, wanted = question(options, settings.shapes(), snapshot)
    except PlanError as error:
        say(str(error))
        return USAGE
    obstacle = answer.obstacle(snapshot)
    if obstacle is not None:
        say(obstacle)
        return UNKNOWN
    learning = None
    if options.learn is not None:
        learning = learnt_now(snapshot)
        if learning is None:
            say("--learn: no running VM could be read; see xenwatch doctor")
            return UNKNOWN
        if options.learn is not True and not save(learning, options.learn):
            return UNKNOWN
    faults = Faults()
    assessment = assess_pass(snapshot, rules(settings), learning=learning, fence=faults.fence)
    found = [_with_together(assessment.plan(batch, wanted), assessment) for batch in batches]
    text = headed(notices(snapshot), table(found, faults.fence))
    if options.format == "json":
        text = answer.dumps(snapshot, found)
    written = write(text)
    faults.say()
    return status(found) if written else UNKNOWN


def run_pool(options: argparse.Namespace) -> int:
    """Exit status of a plan for a pool."""
    settings = configured(options)
    known = settings.shapes()
    try:
        if options.mix is not None:
            wanted: dict[Shape, int] = mix(",".join(options.mix), known)
            shapes = list(wanted)
        else:
            shapes = [_changed(one, options) for one in _chosen("--shape", options.shape, known)]
            count = None if options.count is None else number("--count", options.count)
            wanted = {} if count is None else {shapes[0]: count}
        if options.prometheus is not None:
            members = pool_hosts.from_prometheus(options, known)
        else:
            members = pool_hosts.members(options, settings, rules(settings), shapes)
    except (PlanError, PoolError) as error:
        say(str(error))
        return USAGE
    except AskError as error:
        say(str(error))
        return UNKNOWN
    found = pool.answer(members, shapes, wanted)
    written = write(pool.dumps(found) if options.format == "json" else pool.table(found))
    return pool.status(found) if written else UNKNOWN


def conflict(options: argparse.Namespace) -> str:
    """What is wrong with the options together; empty if nothing is."""
    one = options.shape is not None or options.like is not None
    for name in ("count", "memory", "vcpus"):
        if getattr(options, name) is not None and not one:
            end = "; for several shapes use --add NAME=N" if name == "count" else ""
            return f"--{name} requires --shape NAME or --like VM{end}"
    if options.empty and (problem := _conflict_of_empty(options)):
        return problem
    given = [key.flag for key in (SOURCE, ROOTFS) if is_given(options, key)]
    if options.pool is not None or options.prometheus is not None:
        alone = [f"--{name}" for name in ("like", "platform", "learn") if getattr(options, name)]
        if options.prometheus is not None:
            alone += [f"--{name}" for name in ("memory", "vcpus") if getattr(options, name)]
        pooled = "--pool" if options.pool is not None else "--prometheus"
        return (
            f"{pooled} and {[*given, *alone][0]} are mutually exclusive" if given or alone else ""
        )
    access = [f"--{name}" for name in ACCESS if getattr(options, name) is not None]
    if access:
        return f"{access[0]} requires --pool FILE or --prometheus URL"
    if options.platform is not None and given:
        return f"--platform and {given[0]} are mutually exclusive"
    return ""


def _conflict_of_empty(options: argparse.Namespace) -> str:
    if options.platform is None:
        return "--empty requires --platform PRESET: only a synthetic host can be without VMs"
    if options.learn is not None:
        return "--empty and --learn are mutually exclusive"
    if options.like is not None or (options.shape or "").partition("-")[0] == AVERAGE:
        return "--empty leaves no running VM whose shape could be taken"
    return ""


def planned_for(options: argparse.Namespace) -> tuple[Settings, Live | Replayed]:
    """The settings, and where the passes to plan for come from. Raises `ConfigError`."""
    if options.platform is None:
        return prepare_passes(options)
    try:
        return configured(options), Live(synthetic(options.platform, empty=options.empty))
    except SourceError as error:
        raise ConfigError([f"--platform: {error}"]) from None


def save(learning: Learning, path: str) -> bool:
    """Save what was learnt. Returns whether it could be."""
    try:
        state_file.replace(path, learnt_file.dumps(learning))
    except OSError as error:
        say(f"--learn: {path}: {why(error)}")
        return False
    return True


def question(
    options: argparse.Namespace, configured: Mapping[str, Shape], snapshot: Snapshot
) -> tuple[list[Batch], int | None]:
    """What the options ask for: batches of VMs, and how many of each. Raises `PlanError`."""
    known = {**configured, **{n: s for n, s in averages(snapshot).items() if n not in configured}}
    if options.mix is not None:
        return [mix(",".join(options.mix), known)], 1
    wanted = None if options.count is None else number("--count", options.count)
    if options.like is not None:
        shapes: Iterable[Shape] = [like(snapshot, options.like)]
    elif options.shape == AVERAGE and AVERAGE not in configured:
        shapes = [shape for name, shape in known.items() if name not in configured]
        if not shapes:
            raise PlanError("--shape average: no running VM could be read; see xenwatch doctor")
    else:
        of = configured if options.shape is None else known
        shapes = _chosen("--shape", options.shape, of)
    return [{_changed(shape, options): 1} for shape in shapes], wanted


def _changed(shape: Shape, options: argparse.Namespace) -> Shape:
    """The shape with what the options say it has instead."""
    changes: dict[str, Any] = {}
    if options.memory is not None:
        changes["memory_bytes"] = size("--memory", options.memory)
    if options.vcpus is not None:
        changes["vcpus"] = number("--vcpus", options.vcpus)
    for part in PARTS:
        if part.name in changes:
            try:
                part.convert(changes[part.name])
            except ValueError as error:
                option = part.name.removesuffix("_bytes")
                raise PlanError(f"--{option}: {changes[part.name]} {error}") from None
    return dataclasses.replace(shape, **changes)


def _with_together(plan: Plan, assessment: Assessment) -> Plan:
    """The plan for several shapes with how many of each fit, where not all do."""
    if plan.fits is not False or is_one_vm(plan.batch):
        return plan

    def fits(batch: Batch) -> bool:
        return bool(assessment.plan(batch, 1).at_most)

    return dataclasses.replace(plan, together=together(plan.batch, fits))


def _chosen(option: str, name: str | None, known: Mapping[str, Shape]) -> Iterable[Shape]:
    average, _, kind = (name or "").partition("-")
    if name not in known and average == AVERAGE and kind in TYPES:
        reason = f"the average of the {kind} VMs that run on a host, of which none was read here"
        raise PlanError(f"{option}: {name} is {reason}")
    try:
        return chosen(name, known)
    except PlanError as error:
        raise PlanError(f"{option}: {error}") from None


def mix(text: str, known: Mapping[str, Shape]) -> dict[Shape, int]:
    """The VMs of `windows=200,linux=50`. Raises `PlanError`."""
    batch: dict[Shape, int] = {}
    for item in text.split(","):
        name, equals, count = item.partition("=")
        (shape,) = _chosen("--add", name, known)
        if not equals:
            raise PlanError(f"--add: {name} has no count; write {name}=N")
        if shape in batch:
            raise PlanError(f"--add: {name} is given more than once")
        batch[shape] = number(f"--add {name}", count)
    return batch


def status(found: Iterable[Plan]) -> int:
    """The exit status of an answer; a plan without a count fits when it could be made."""
    return max((_status(plan) for plan in found), default=UNKNOWN)


def _status(plan: Plan) -> int:
    if plan.wanted is None:
        return UNKNOWN if plan.at_most is None else OK
    return {True: OK, False: FINDING, None: UNKNOWN}[plan.fits]


def table(found: Iterable[Plan], fence: Fence = OPEN) -> str:
    """The plans for people, a blank line between them; of one that raises in `fence` its VMs."""
    return "\n".join(
        fence(Part.DISPLAY, words, partial(_section, plan), f"{words}: unknown\n")
        for plan in found
        for words in (_describe(plan.batch),)
    )


def _section(plan: Plan) -> str:
    lines = [f"{_describe(plan.batch)}: {verdict(plan)}\n", "\n"]
    if plan.headrooms:
        header = HEADER if is_one_vm(plan.batch) else HEADER_OF_MIX
        lines.append(columns([header, *(_row(headroom) for headroom in plan.headrooms)]))
    if plan.together is not None:
        lines.append(f"\n{_together(plan)}\n")
    asked = plan.wanted is None or plan.fits is False
    if asked and plan.binding is not None and (remedies := plan.binding.remedies):
        lines.append(f"\nTo raise {plan.binding.limit}:\n")
        lines += [f"  {printable(remedy)}\n" for remedy in remedies]
    learnt = [f"  {line}\n" for line in learnt_lines(plan)]
    if learnt:
        lines += ["\nLearnt:\n", *learnt]
    if plan.uncounted:
        lines.append("\nNot counted:\n")
        lines += [f"  {name}: {why}\n" for name, why in plan.uncounted.items()]
    return "".join(lines)


def _together(plan: Plan) -> str:
    found = plan.together or {}
    words = " and ".join(
        f"{found[shape]} of {count} {shape.name}" for shape, count in plan.batch.items()
    )
    limits = ", as far as counted" if plan.uncounted or plan.unknown else ""
    return f"Of these fit together: {words}{limits}."


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
