"""The lines above every view: what must be known of the host before any number is read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from xenwatch.display.text import counted, printable
from xenwatch.fence import BROKEN, Fence, Part
from xenwatch.readings.snapshot import Status
from xenwatch.status.host_status import FIRING, AlertRow, HostStatus, ShapeRow, foremost
from xenwatch.status.order import relevance
from xenwatch.terminal.figures import CRITICAL, OK, UNKNOWN_STATE
from xenwatch.terminal.lines import BOLD, DIM, NOTICE, Line, line, wrapped
from xenwatch.terminal.looks import Look
from xenwatch.terminal.views import alert_style, counts

MOST_ALERTS: Final = 4
MOST_BROKEN: Final = 3

Ranked = tuple[int, Line]
"""A line, and how long it stays where there is no room: the least goes first."""


def header(look: Look, width: int, height: int, *, alerts: bool, fence: Fence) -> list[Ranked]:
    """The lines for a terminal of that size; with `alerts` as many of them as may be.

    In the place of what raises within `fence` it says so.
    """
    status = look.status

    def part(name: str, rank: int, make: Callable[[], list[Ranked]]) -> list[Ranked]:
        unknown = [(rank, line((UNKNOWN_STATE, f"{name} unknown: {BROKEN}")))]
        return fence(Part.DISPLAY, name, make, unknown)

    most = max(1, height // 6)
    return [
        *part("header", 9, lambda: _head(look)),
        *part("maintenance", 8, lambda: _maintenance(status)),
        *part("alerts", 7, lambda: _alerts(status, width, most) if alerts else _firing(status)),
        *part("headroom", 4, lambda: [(4, line(_headroom(status)))]),
        *part("domains", 3, lambda: _broken(status)),
    ]


def _head(look: Look) -> list[Ranked]:
    status = look.status
    notices = [(10, line((NOTICE, printable(notice)))) for notice in status.notices]
    at = datetime.fromtimestamp(status.time, UTC)
    name = f"xenwatch {printable(status.hostname)}".rstrip()
    states: list[tuple[str, str] | str] = ["limits: "]
    for number, (text, state) in enumerate(counts(look)):
        states += [", "] if number else []
        states.append((state, text))
    failed = sum(probe.status == Status.FAILED.value for probe in status.probes.values())
    domains = "unknown" if status.domains is None else str(len(status.domains))
    states += [
        f"   domains: {domains}   probes failing: ",
        (CRITICAL if failed else "", str(failed)),
    ]
    return [
        *notices,
        (6, line((BOLD, name), f"  {at:%H:%M:%S} UTC  {printable(status.host)}")),
        (8, line(*states)),
    ]


def _maintenance(status: HostStatus) -> list[Ranked]:
    said = status.maintenance
    return [(8, line((UNKNOWN_STATE, printable(str(said)))))] if said is not None else []


def _firing(status: HostStatus) -> list[Ranked]:
    """How many alerts fire, and the first of them, in a line."""
    if status.alerts is None:
        return []
    found = foremost(status.alerts)
    firing = [alert for alert in found if alert.state == FIRING]
    if not firing:
        return [] if found else _silence(status)
    first = firing[0]
    text = f"{counted(len(firing), 'alert')} firing: "
    return [
        (
            7,
            line(
                text,
                (alert_style(first), printable(first.severity)),
                f" {printable(first.summary)}",
            ),
        )
    ]


def _silence(status: HostStatus) -> list[Ranked]:
    if status.alerts_unknown:
        said = printable(f"alert state unknown: {', '.join(status.alerts_unknown)}")
        return [(5, line((UNKNOWN_STATE, said)))]
    return [(5, line((OK, "no alerts firing")))]


def _alerts(status: HostStatus, width: int, most: int) -> list[Ranked]:
    if status.alerts is None:
        return []
    found = foremost(status.alerts)
    lines: list[Ranked] = []
    for number, alert in enumerate(found[:MOST_ALERTS]):
        # The first one in up to `most` lines, for what to do stands at its end.
        first, *others = _alert(alert, width, 1 if number else most)
        lines += [(5 - number if number else 7, first), *((5, other) for other in others)]
    if len(found) > MOST_ALERTS:
        lines.append((2, line((DIM, f"and {len(found) - MOST_ALERTS} more alerts"))))
    if status.alerts_unknown or not found:
        lines += _silence(status)
    return lines


def _alert(alert: AlertRow, width: int, most: int) -> list[Line]:
    state = printable(f"{alert.state} {alert.severity}")
    text = f"{state} {printable(alert.summary)}"
    if most == 1:
        return [line((alert_style(alert), state), text[len(state) :])]
    first, *others = wrapped(text, width)[:most]
    return [
        line((alert_style(alert), first[: len(state)]), first[len(state) :]),
        *(line(other) for other in others),
    ]


def _headroom(status: HostStatus) -> str:
    if not status.headroom:
        return printable(f"headroom: {status.obstacle or 'unknown'}")
    return "headroom: " + "   ".join(shape_text(shape) for shape in status.headroom)


def shape_text(shape: ShapeRow) -> str:
    """How many VMs of a shape fit, as far as it is known."""
    name, binding = printable(shape.shape), printable(str(shape.binding))
    if shape.at_most == 0:
        return f"0 {name} ({binding})"
    if shape.headroom is not None:
        most = "at most " if shape.not_counted else ""
        return f"{most}{shape.headroom} {name} ({binding})"
    most = "unknown" if shape.at_most is None else f"at most {shape.at_most}"
    return f"{most} {name}"


def _broken(status: HostStatus) -> list[Ranked]:
    """The domains with broken devices, in a line."""
    found = sorted((domain for domain in status.domains or () if domain.broken), key=relevance)
    if not found:
        return []
    each = [
        printable(f"{domain.domid} {domain.name or ''}: {', '.join(domain.broken or ())}")
        for domain in found[:MOST_BROKEN]
    ]
    more = [f"and {len(found) - MOST_BROKEN} more domains"] if len(found) > MOST_BROKEN else []
    return [(3, line((CRITICAL, "broken"), " " + "; ".join([*each, *more])))]
