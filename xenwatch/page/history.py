"""The parts of the pages that are about the past: which time is shown, and charts of a range."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final
from urllib.parse import urlencode

from xenwatch.display.quantities import figure, quantity
from xenwatch.display.text import counted
from xenwatch.limits import LIMITS
from xenwatch.page.happened import Happened, listed
from xenwatch.page.html import Html, join, tag
from xenwatch.page.plots import grid, plot
from xenwatch.page.times import asked
from xenwatch.readings.origin import RECORD
from xenwatch.record.times import FORMS
from xenwatch.status.history import SPANS, Point, Span, Use, VmUse, ratio, risen
from xenwatch.status.host_status import HostStatus
from xenwatch.status.order import fullest
from xenwatch.values import dataclass

_COUNTERS: Final = ("cpu_seconds", "wakeups")
SHOWN: Final = 12
"""Charts shown; the others are folded."""
LONGEST: Final = 40
"""Max characters of a time; more are ignored."""
STEP: Final = 600
"""Seconds by which the links lead to an earlier and a later moment."""
_UNITS: Final = {limit.name: limit.unit for limit in LIMITS}
_TITLES: Final = {limit.name: limit.title for limit in LIMITS}


@dataclass(frozen=True, slots=True)
class View:
    """Which time a page shows: `at` as asked (empty: now), and the range of its charts, if any."""

    at: str = ""
    span: Span | None = None

    @classmethod
    def of(cls, given: Mapping[str, str]) -> View:
        """The view of the parameters of a query."""
        return cls(given.get("at", "").strip()[:LONGEST], SPANS.get(given.get("range", "")))

    @property
    def parameters(self) -> dict[str, str]:
        """It as parameters of a query; none for now."""
        given = {"at": self.at, "range": self.span.name if self.span is not None else ""}
        return {name: value for name, value in given.items() if value}

    def hidden(self) -> Html:
        """It as hidden fields of a form."""
        return join(
            [
                tag("input", type="hidden", name=name, value=value)
                for name, value in self.parameters.items()
            ]
        )

    def href(self, path: str, *, at: str | None = None, span: str | None = None) -> str:
        """The address of another time or range."""
        name = self.span.name if self.span is not None else ""
        given = {"at": self.at if at is None else at, "range": name if span is None else span}
        query = urlencode({name: value for name, value in given.items() if value}, safe=":")
        return f"{path}?{query}" if query else path


NOW: Final = View()


@dataclass(frozen=True, slots=True)
class Limits:
    """The use of limits over a range, by Unix time, and how many moments were not read yet.

    `happened` is what happened in it, ascending.
    """

    points: Sequence[tuple[float, Mapping[str, Use]]]
    unread: int
    happened: Sequence[Happened] = ()


@dataclass(frozen=True, slots=True)
class OfVm:
    """The numbers of a VM over a range, and how many moments were not read yet."""

    points: Sequence[tuple[float, VmUse | None]]
    unread: int


def moment_of(status: HostStatus) -> str:
    """The moment of the record that a status is of, as in a query; empty if current."""
    origin = status.source
    return asked(origin.captured) if origin.kind == RECORD and origin.captured else ""


def controls(status: HostStatus, view: View, path: str) -> Html:
    """Links to ranges and moments, and a form for any moment."""
    at = moment_of(status)
    spans = {"": "Now" if not view.at else "This moment"}
    spans |= {span.name: f"Last {span.title}" for span in SPANS.values()}
    chosen = view.span.name if view.span is not None else ""
    links = [
        tag(
            "a",
            title,
            href=view.href(path, span=name) + ("#history" if name else ""),
            aria_current="true" if name == chosen else None,
        )
        for name, title in spans.items()
    ]
    time = status.time
    steps = [
        tag("a", text, href=view.href(path, at=asked(time + seconds)))
        for text, seconds in (("10 min earlier", -STEP), ("10 min later", STEP))
        if seconds < 0 or at
    ]
    back = [tag("a", "Back to now", href=view.href(path, at=""))] if at else []
    form = tag(
        "form",
        tag("label", "Moment", for_="at"),
        tag(
            "input",
            id="at",
            name="at",
            value=view.at,
            maxlength=LONGEST,
            autocomplete="off",
            placeholder="03:12Z or -15m",
        ),
        tag("input", type="hidden", name="range", value=chosen) if chosen else None,
        tag("button", "Show", type="submit"),
        tag("span", "Z is UTC; without it, dom0's time zone", class_="muted"),
        tag("span", f"such as {FORMS}", class_="spoken"),
        action=path,
        method="get",
    )
    return tag("nav", *links, *steps, *back, form, class_="times-of", aria_label="Time")


def _axis(end: float, span: Span) -> tuple[float, float, float]:
    return end - span.seconds, end, span.step


def host_charts(found: Limits, status: HostStatus, span: Span) -> Html:
    """A chart of the fullest instance of each limit, the most urgent ones first."""
    axis, charts = _axis(status.time, span), []
    for name in dict.fromkeys(rows[0].limit for rows, _ in fullest(status.limits)):
        used = [(at, float(uses[name].used)) for at, uses in found.points if name in uses]
        if used and name in _TITLES:
            of = [uses[name].name for _, uses in found.points if name in uses]
            words = partial(_count, unit=_UNITS[name])
            charts.append(plot(_TITLES[name], used, axis, words, of=of))
    others = charts[SHOWN:]
    return join(
        _unread(found.unread),
        listed(found.happened, whole=not found.unread),
        tag("h3", "Limits"),
        grid(charts[:SHOWN]) if charts else _nothing(),
        tag(
            "details",
            tag("summary", counted(len(others), "more limit")),
            grid(others),
            id="history-others",
        )
        if others
        else None,
    )


def vm_charts(found: OfVm, status: HostStatus, span: Span, path: str) -> Html:
    """The charts of the VM whose page is at `path`."""
    ran = [(at, use) for at, use in found.points if use is not None]
    if not ran:
        return join(_unread(found.unread), _nothing())
    axis = _axis(status.time, span)
    requests = [(at, use.requests) for at, use in ran]
    latency = ratio([(at, use.wait_seconds) for at, use in ran], requests)
    cpu, wakeups = ([(at, getattr(use, name)) for at, use in ran] for name in _COUNTERS)
    own = {
        name: [(at, float(use.limits[name])) for at, use in ran if name in use.limits]
        for name in _TITLES
    }
    drawn = partial(plot, path=path)
    charts = [
        *(
            drawn(_TITLES[name], used, axis, partial(_count, unit=_UNITS[name]))
            for name, used in own.items()
            if used
        ),
        drawn("CPUs in use", risen(cpu), axis, "{:.2f}".format),
        drawn("Wakeups of its QEMU", risen(wakeups), axis, "{:.1f}/s".format),
        drawn("Disk requests", risen(requests), axis, "{:.1f}/s".format),
        drawn("Disk latency", latency, axis, lambda value: f"{value * 1000:.1f} ms"),
        drawn("Memory", _known(ran, "memory_bytes"), axis, _bytes),
        drawn("Memory of dom0 for it", _known(ran, "dom0_memory_bytes"), axis, _bytes),
        drawn("Event channels of dom0", _known(ran, "event_channels"), axis, "{:.0f}".format),
    ]
    return join(_unread(found.unread), grid(charts))


def _known(points: Sequence[tuple[float, VmUse]], name: str) -> list[Point]:
    found = [(at, getattr(use, name)) for at, use in points]
    return [(at, float(value)) for at, value in found if value is not None]


def _bytes(value: float) -> str:
    return quantity(math.floor(value), "bytes")


def _count(value: float, unit: str) -> str:
    return figure(math.floor(value), unit)


def _nothing() -> Html:
    return tag("p", "Nothing was recorded in that period.", class_="muted")


def _unread(number: int) -> Html | None:
    if not number:
        return None
    text = f"{counted(number, 'moment')} still to be read: reload the page for more."
    return tag("p", text, class_="unknown")
