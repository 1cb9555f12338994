"""The status as lines of a terminal: as many as fit, the most urgent first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

from rich.console import Group
from rich.text import Text

from xenwatch.display.quantities import figure
from xenwatch.display.text import printable
from xenwatch.fence import BROKEN, OPEN, Fence, Part
from xenwatch.limits.states import Severity
from xenwatch.readings.snapshot import Status
from xenwatch.status import limit_words
from xenwatch.status.domain_row import DomainRow
from xenwatch.status.host_status import (
    FIRING,
    AlertRow,
    HostStatus,
    LimitRow,
    ShapeRow,
    foremost,
)
from xenwatch.status.order import fullest, relevance

STYLES: Final = {
    Severity.OK.value: "green",
    Severity.WARNING.value: "yellow",
    Severity.CRITICAL.value: "bold red",
    Severity.UNKNOWN.value: "magenta",
}
MOST_ALERTS: Final = 4
MOST_BROKEN: Final = 3
BAR: Final = 20
"""Cells of a bar."""


def draw(
    status: HostStatus, width: int, height: int, *, plain: bool = False, fence: Fence = OPEN
) -> Group:
    """The picture for a terminal of that many columns and lines, one line left free.

    `plain` keeps to ASCII. In the place of what raises within `fence` it says so.
    """

    def part(name: str, make: Callable[[], list[Text]]) -> list[Text]:
        return fence(Part.DISPLAY, name, make, [Text(f"{name} unknown: {BROKEN}", "magenta")])

    above = [
        *part("header", lambda: _head(status)),
        *part("alerts", lambda: _alerts(status, width, max(1, height // 6))),
        *part("headroom", lambda: [_headroom(status)]),
        Text(),
    ]
    below = part("domains", lambda: _broken(status))
    free = max(1, height - 1 - len(above) - len(below))
    limits = part("limits", lambda: _limits(status, width, free, plain))
    lines = [*above, *limits, *below]
    for line in lines:
        line.no_wrap = True
        line.truncate(width, overflow="crop" if plain else "ellipsis")
    return Group(*lines)


def _limits(status: HostStatus, width: int, free: int, plain: bool) -> list[Text]:
    """The fullest limits in so many lines."""
    rows = [row for rows, _ in fullest(status.limits) for row in rows]
    total = len(status.limits)
    shown = rows if total <= free else rows[: free - 1]
    title = min(36, max(12, width - BAR - 42))
    limits = [_limit(row, title, plain) for row in shown]
    if len(shown) < total:
        limits.append(Text(f"and {total - len(shown)} more, less full", "dim"))
    return limits


def _head(status: HostStatus) -> list[Text]:
    notices = [Text(printable(notice), "bold white on red") for notice in status.notices]
    at = datetime.fromtimestamp(status.time, UTC)
    name = Text.assemble(("xenwatch ", "bold"), (printable(status.hostname), "bold"))
    name.append(f"  {at:%H:%M:%S} UTC  {printable(status.host)}")
    states = [row.state for row in status.limits]
    counts = Text("limits: ")
    found = [(state, states.count(state)) for state in STYLES if state in states]
    for number, (state, count) in enumerate(reversed(found)):
        counts.append(", " if number else "").append(f"{count} {state}", STYLES[state])
    failed = sum(probe.status == Status.FAILED.value for probe in status.probes.values())
    domains = "unknown" if status.domains is None else str(len(status.domains))
    counts.append(f"   domains: {domains}   probes failing: ")
    counts.append(str(failed), "bold red" if failed else "")
    return [*notices, name, counts]


def _alerts(status: HostStatus, width: int, most: int) -> list[Text]:
    if status.alerts is None:
        return _maintenance(status)
    found = foremost(status.alerts)
    lines = [_alert(alert) for alert in found[:MOST_ALERTS]]
    # The first one in up to `most` lines, for what to do stands at its end.
    lines[:1] = [part for line in lines[:1] for part in _wrapped(line, width)[:most]]
    if len(found) > MOST_ALERTS:
        lines.append(Text(f"and {len(found) - MOST_ALERTS} more alerts", "dim"))
    if status.alerts_unknown:
        lines.append(Text(f"alert state unknown: {', '.join(status.alerts_unknown)}", "magenta"))
    return [*_maintenance(status), *(lines or [Text("no alerts firing", "green")])]


def _maintenance(status: HostStatus) -> list[Text]:
    said = status.maintenance
    return [Text(printable(str(said)), "bold magenta")] if said is not None else []


def _wrapped(line: Text, width: int) -> list[Text]:
    """A line as lines of that width, broken at blanks where there are some."""
    ends, start = [], 0
    while len(line) - start > width:
        end = line.plain.rfind(" ", start + 1, start + width) + 1 or start + width
        ends.append(end)
        start = end
    return list(line.divide(ends))


def _alert(alert: AlertRow) -> Text:
    style = STYLES.get(alert.severity, "") if alert.state == FIRING else "magenta"
    return Text.assemble((f"{alert.state} {alert.severity}", style), f" {printable(alert.summary)}")


def _headroom(status: HostStatus) -> Text:
    if not status.headroom:
        return Text(f"headroom: {status.obstacle or 'unknown'}")
    return Text("headroom: ").append("   ".join(_shape(shape) for shape in status.headroom))


def _shape(shape: ShapeRow) -> str:
    if shape.at_most == 0:
        return f"0 {shape.shape} ({shape.binding})"
    if shape.headroom is not None:
        most = "at most " if shape.not_counted else ""
        return f"{most}{shape.headroom} {shape.shape} ({shape.binding})"
    most = "unknown" if shape.at_most is None else f"at most {shape.at_most}"
    return f"{most} {shape.shape}"


def _limit(row: LimitRow, title: int, plain: bool) -> Text:
    name = printable(limit_words.name(row))
    style = STYLES.get(row.state, "")
    line = Text(f"{name[:title]:<{title}} ").append(_bar(row, plain), style)
    percent = "      " if row.ratio is None else f"{row.ratio * 100:5.1f}%"
    amounts = f"{figure(row.used, row.unit)} of {figure(row.max, row.unit)}"
    line.append(f" {percent} {amounts:<24} ")
    return line.append(row.state, style)


def _bar(row: LimitRow, plain: bool) -> str:
    """A bar of `BAR` cells; what is unknown is not an empty one."""
    if row.ratio is None:
        return "?" * BAR
    full = min(BAR, round(row.ratio * BAR))
    if row.used:
        full = max(1, full)
    return "#" * full + "." * (BAR - full) if plain else "█" * full + "░" * (BAR - full)


def _broken(status: HostStatus) -> list[Text]:
    found = sorted((domain for domain in status.domains or () if domain.broken), key=relevance)
    lines = [_domain(domain) for domain in found[:MOST_BROKEN]]
    if len(found) > MOST_BROKEN:
        lines.append(Text(f"and {len(found) - MOST_BROKEN} more domains with broken devices"))
    return [Text(), *lines] if lines else []


def _domain(domain: DomainRow) -> Text:
    name = printable(domain.name or "")
    return Text.assemble(
        ("broken", "bold red"), f" {domain.domid} {name}: {_devices(domain.broken or ())}"
    )


def _devices(devices: Iterable[str]) -> str:
    return printable(", ".join(devices))
