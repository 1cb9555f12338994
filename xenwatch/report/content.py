"""What a report says, as plain values: for HTML and for Markdown."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from xenwatch import metrics
from xenwatch.alerts.by_vm import DOMID
from xenwatch.alerts.conditions import Selector
from xenwatch.assessment import assess_pass
from xenwatch.display.quantities import quantity
from xenwatch.display.text import counted, printable
from xenwatch.limits.base import Limit
from xenwatch.readings.snapshot import Snapshot
from xenwatch.report import timeline
from xenwatch.report.events import Event, Kind, Vm, words
from xenwatch.report.gather import Course, Fired, Gathered, Point, moved_by, uses
from xenwatch.report.timeline import at
from xenwatch.values import dataclass

MOST_LIMITS: Final = 10
MOST_VMS: Final = 3
NOUNS: Final = {
    "xenwatch_domain_disks": "disk",
    "xenwatch_domain_event_channels": "event channel",
    "xenwatch_qemu_threads": "QEMU thread",
}
"""What a metric counts that limits of other things have by VM: a disk is not one aio request."""
MOST_QEMUS: Final = 8
MOST_EVENTS: Final = 500
"""Lines of the timeline in a report; `xenwatch replay --list` has them all."""
TOPS: Final = (0.1, 0.25, 0.5, 1.0)
"""Ends of axes of ratios; without one, a small move of a large limit would be a flat line."""
SMALLEST: Final = 0.01
"""Of the max that a limit must have moved to be named."""


@dataclass(frozen=True, slots=True)
class Plot:
    """Values over time: `title` of all, the values as the axis has them at 0, half and `top`."""

    title: str
    points: tuple[Point, ...]
    top: float
    marks: tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text below a header, and what to say where there are none."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    none: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report: sentences, a table, plots."""

    title: str
    said: tuple[str, ...] = ()
    table: Table | None = None
    plots: tuple[Plot, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A report: `mark` is the notice that a host is not a real one.

    `begin` and `end` are the Unix times of the first and the last moment, `alerts` what is drawn
    over the plots.
    """

    mark: str
    title: str
    facts: tuple[str, ...]
    begin: float
    end: float
    alerts: tuple[Fired, ...]
    sections: tuple[Section, ...]


Look = Callable[[float], Snapshot]
"""The readings at a Unix time."""


def content(
    gathered: Gathered, look: Look, *, version: str, hostname: str = "", damaged: int = 0
) -> Report:
    """The report of what was gathered, of one moment at least. `look` may read the record.

    `damaged` is the number of files whose moments are left out.
    """
    first, last = gathered.first, gathered.last
    if first is None or last is None:
        raise ValueError("no moment")
    begin, end = first.past.snapshot.time, last.past.snapshot.time
    sections = (
        _summary(gathered, begin, end),
        _alerts(gathered.alerts),
        _events("What happened", gathered.events, "Nothing of note happened."),
        _vms(gathered),
        _limits(gathered, look),
        _control_path(gathered),
        _wakeups(gathered),
        _logs(gathered),
    )
    host = last.past.snapshot.host
    facts = [f"{at(begin)} to {at(end)}, {counted(gathered.moments, 'moment')}"]
    if host is not None:
        parts = (f"{host.platform} {host.platform_version}".strip(), f"Xen {host.xen_version}")
        facts.append(f"{', '.join(parts)}, Linux {host.kernel_release}")
    if damaged:
        facts.append(f"{counted(damaged, 'file')} of the record damaged: moments are left out")
    facts.append(f"Made by xenwatch {version} from its record")
    return Report(
        mark=timeline.warning(last.past.snapshot.origin),
        title=f"Report of {hostname or 'a Xen host'}",
        facts=tuple(facts),
        begin=begin,
        end=end,
        alerts=tuple(gathered.alerts),
        sections=sections,
    )


def _summary(gathered: Gathered, begin: float, end: float) -> Section:
    first, last = gathered.first, gathered.last
    said = []
    if first is not None and last is not None:
        said = [
            f"At the beginning: {timeline.standing(first.past)}.",
            f"At the end: {timeline.standing(last.past)}.",
        ]
    critical = sum(alert.severity == "critical" for alert in gathered.alerts)
    said.append(f"{counted(len(gathered.alerts), 'alert')} fired, {critical} of them critical.")
    counts = ", ".join(f"{_count(gathered, *key)} {key[1]}" for key in _COUNTED)
    said.append(f"VMs: {counts}; devices that broke: {_count(gathered, Kind.DEVICE, 'broken')}.")
    if critical:
        said.append("In the plots, times at which a critical alert fired are shaded.")
    said += [f"{words(event)}." for event in gathered.events if event.kind is Kind.RECORD]
    return Section("Summary", tuple(said))


_COUNTED: Final = tuple(
    (Kind.VM, what) for what in ("started", "stopped", "restarted", "crashed", "dying")
)


def _count(gathered: Gathered, kind: Kind, what: str) -> int:
    """How many VMs something happened to."""
    found = (event for event in gathered.events if (event.kind, event.what) == (kind, what))
    return sum(len(event.vms) for event in found)


def _alerts(alerts: Iterable[Fired]) -> Section:
    rows = tuple(
        (
            at(one.begin),
            "still firing" if one.end is None else at(one.end),
            one.severity,
            printable(one.summary),
        )
        for one in sorted(alerts, key=lambda each: each.begin)
    )
    header = ("From", "Until", "Severity", "Alert")
    return Section("Alerts", table=Table(header, rows, "No alert fired."))


def _events(title: str, events: Sequence[Event], none: str) -> Section:
    rows = tuple((at(event.time), words(event)) for event in events[:MOST_EVENTS])
    left = len(events) - len(rows)
    said = (f"and {left} more; xenwatch replay --list lists all",) if left else ()
    return Section(title, said, Table(("Time", "What"), rows, none))


def _vms(gathered: Gathered) -> Section:
    """VMs that started, stopped and broke, one by one."""
    rows = tuple(
        (at(event.time), event.what, printable(vm.name) or "-", vm.uuid, event.text)
        for event in gathered.events
        if event.kind in (Kind.VM, Kind.DEVICE)
        for vm in event.vms
    )
    header = ("Time", "What", "Name", "UUID", "Device")
    left = len(rows) - MOST_EVENTS
    said = (f"and {left} more; xenwatch replay --list --format json lists all",) if left > 0 else ()
    table = Table(header, rows[:MOST_EVENTS], "No VM started, stopped or broke.")
    top = max((value for _, value in gathered.vms), default=0.0)
    plot = _plot("VMs", gathered.vms, top, lambda value: f"{value:.0f}")
    return Section("VMs", said, table, plot)


def _limits(gathered: Gathered, look: Look) -> Section:
    """The limits that moved most, with the VMs that moved them."""
    moved = [one for one in gathered.limits.values() if one.move.size >= SMALLEST]
    most = sorted(moved, key=lambda one: -one.move.size)[:MOST_LIMITS]
    rows = tuple(_limit(course, look) for course in most)
    header = ("Limit", "From", "To", "Highest", "At the end", "Moved by")
    plots = tuple(
        plot
        for course in most
        for plot in _plot(
            f"{course.limit.title}: used ({course.limit.name})",
            course.points,
            _top(course),
            lambda value: f"{value:.0%}",
        )
    )
    said = ("For a limit that each VM, bridge or file system has, the fullest instance is shown.",)
    none = f"No limit moved by {SMALLEST:.0%} of its max."
    return Section("Limits that moved most", said, Table(header, rows, none), plots)


def _top(course: Course) -> float:
    """The top of an axis of ratios: a round one above the highest."""
    high = course.high[1] if course.high else 0.0
    return next((top for top in TOPS if high <= top), high)


def _limit(course: Course, look: Look) -> tuple[str, ...]:
    move, limit, last = course.move, course.limit, course.last
    values = dict(course.points)
    first, then = values[move.begin], values[move.end]
    end = "" if last is None or last.ratio is None else f"{last.ratio:.1%}"
    if last is not None and last.max is not None:
        end += f" ({quantity(last.used, limit.unit)} of {quantity(last.max.value, limit.unit)})"
    high = course.high or (0.0, 0.0)
    return (
        f"{limit.title} ({limit.name})",
        f"{first:.1%} at {at(move.begin)}",
        f"{then:.1%} at {at(move.end)}",
        f"{high[1]:.1%}",
        end,
        _movers(limit, look(move.begin), look(move.end)),
    )


def _movers(limit: Limit, before: Snapshot, now: Snapshot) -> str:
    metric = limit.used_metric if limit.label == DOMID else limit.by_domain
    if not metric:
        return "not known by VM"
    every = moved_by(_use(metric, before), _use(metric, now))
    found = [f"{vm} {_signed(size, limit.unit, metric)}" for vm, size in every[:MOST_VMS]]
    more = f" and {len(every) - MOST_VMS} more" if len(every) > MOST_VMS else ""
    return f"{', '.join(found)}{more}" if found else "no VM"


def _signed(size: float, unit: str, metric: str) -> str:
    sign, amount = "+" if size > 0 else "-", round(abs(size))
    noun = NOUNS.get(metric)
    return sign + (quantity(amount, unit) if noun is None else counted(amount, noun))


def _use(metric: str, snapshot: Snapshot) -> Mapping[Vm, float]:
    families = metrics.by_name(assess_pass(snapshot))
    found: dict[str, float] = {}
    for labels, value in Selector(metric).find(families).items():
        domid = dict(labels)[DOMID]
        found[domid] = found.get(domid, 0.0) + value
    return uses(found, snapshot)


def _control_path(gathered: Gathered) -> Section:
    rows, plots = [], list[Plot]()
    for target, found in gathered.targets.items():
        medians = sorted(value for _, value in found.points)
        median = _seconds(medians[len(medians) // 2]) if medians else "no answer"
        slowest = "-" if found.slowest is None else _seconds(found.slowest)
        rows.append((target, str(found.answered), str(found.failed), median, slowest))
        title = f"{target}: seconds to an answer, median of the last requests"
        plots += _plot(title, found.points, max(medians, default=0.0), _seconds)
    header = ("Daemon", "Answers", "Failures", "Median", "Slowest seen")
    table = Table(header, tuple(rows), "The control path was not read.")
    return Section("Control path", (), table, tuple(plots))


def _wakeups(gathered: Gathered) -> Section:
    wakeups = gathered.wakeups
    most = wakeups.by_vm.most_common(MOST_QEMUS)
    rows = tuple(
        (str(vm), vm.uuid, f"{count / wakeups.seconds:.1f}") for vm, count in most if count
    )
    top = max((value for _, value in wakeups.points), default=0.0)
    table = Table(("VM", "UUID", "Wakeups a second"), rows, "No wakeups of QEMUs were counted.")
    plot = _plot("QEMU wakeups a second", wakeups.points, top, lambda value: f"{value:.0f}")
    return Section("QEMU wakeups", (), table, plot)


def _logs(gathered: Gathered) -> Section:
    rows = tuple(
        (log, kind, str(found.count), found.text)
        for (log, kind), found in sorted(gathered.logs.items())
    )
    header = ("Log", "Kind", "Messages", "Last one")
    return Section("Messages of trouble in the logs", table=Table(header, rows, "None were new."))


def _plot(
    title: str, points: Sequence[Point], top: float, said: Callable[[float], str]
) -> tuple[Plot, ...]:
    """A plot from 0 to the top, none of fewer than two points."""
    if len(points) < 2:
        return ()
    top = top or 1.0
    return (Plot(title, tuple(points), top, (said(0.0), said(top / 2), said(top))),)


def _seconds(value: float) -> str:
    return f"{value:.3g} s" if value >= 1 or not value else f"{value * 1000:.3g} ms"


def mapped(value: Any, change: Callable[[str], str]) -> Any:
    """The same with each text in it changed, however deep."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, tuple):
        return tuple(mapped(one, change) for one in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        found = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
        return dataclasses.replace(
            value, **{name: mapped(one, change) for name, one in found.items()}
        )
    return value
