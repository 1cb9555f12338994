"""The status page: one document that needs neither JavaScript nor other servers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from xenwatch.display.text import counted
from xenwatch.fence import BROKEN, OPEN, Fence, Part
from xenwatch.limits.states import LimitInstance
from xenwatch.page import alerts, dom0, domains, headroom, limits, logs, probes
from xenwatch.page.document import Links, document, header
from xenwatch.page.history import NOW, Limits, View, controls, host_charts
from xenwatch.page.html import Html, join, tag
from xenwatch.planning.trend import Point
from xenwatch.status.dom0 import Dom0
from xenwatch.status.host_status import HostStatus
from xenwatch.status.pool import worst_state

_DOMAINS: Final = Html("<!--domains-->")
"""Placeholder of the domains in a frame; text cannot contain it, as text is escaped."""


def frame(
    status: HostStatus,
    series: Mapping[LimitInstance, Sequence[Point]],
    now: float,
    links: Links,
    fence: Fence = OPEN,
    *,
    about_dom0: Callable[[], Dom0] | None = None,
    view: View = NOW,
    charts: Limits | None = None,
) -> Html:
    """The page without its domains, which `fill` adds: all that does not depend on the query.

    `series` are the limits' use over time, `now` is the instant of the status. In the place of a
    section that raises within `fence` it says so. `about_dom0` makes what the sections about dom0
    show, which are left out without it. `view` is the time that is shown, `charts` what those of
    its range are made of.
    """
    name = status.hostname or "xenwatch"
    mark = f"{status.source.mark} - " if status.source.mark else ""
    of_dom0 = functools.cache(about_dom0) if about_dom0 is not None else None
    about: tuple[tuple[str, Callable[[Dom0], Html]], ...] = (
        ("dom0-cpu", dom0.cpu),
        ("control-path", dom0.control_path),
        ("wakeups", lambda found: dom0.wakeups(found, status)),
    )
    sections = (
        _section("alerts", lambda: alerts.section(status), fence),
        _section("headroom", lambda: headroom.section(status), fence),
        _section("history", lambda: _history(status, view, charts), fence) if charts else None,
        _section("limits", lambda: limits.section(status, series, now), fence),
        *(
            _section(part, functools.partial(_of, of_dom0, make), fence)
            for part, make in about
            if of_dom0 is not None
        ),
        _section("logs", lambda: logs.section(status), fence),
        _DOMAINS,
        _section("probes", lambda: probes.section(status), fence),
    )
    top = fence(
        Part.DISPLAY,
        "header",
        lambda: _header(status, name, view, past=links.past),
        tag("h1", name),
    )
    skip = tag("a", "Skip to limits", href="#limits", class_="skip")
    return document(
        f"{mark}{worst_state(status)}: {name}", join(skip, top), sections, status, links
    )


def _of(about_dom0: Callable[[], Dom0], make: Callable[[Dom0], Html]) -> Html:
    return make(about_dom0())


def fill(
    page: Html, status: HostStatus, query: domains.Query = domains.ALL, fence: Fence = OPEN
) -> bytes:
    """The page of that `frame` as UTF-8, with the domains that match `query`."""
    before, _, after = page.partition(_DOMAINS)
    section = _section("domains", lambda: domains.section(status, query), fence)
    return f"{before}{section}{after}".encode(errors="backslashreplace")


def _section(name: str, make: Callable[[], Html], fence: Fence) -> Html:
    said = f"The section {name} could not be made: {BROKEN}."
    return fence(
        Part.DISPLAY, name, make, tag("section", tag("p", said, class_="unknown"), id=name)
    )


def _facts(status: HostStatus) -> str:
    facts = [status.host or "host unknown"]
    if status.domains is not None:
        facts.append(f"{counted(len(status.domains), 'domain')} with dom0")
    return ", ".join(facts)


def _history(status: HostStatus, view: View, charts: Limits | None) -> Html:
    made = host_charts(charts, status, view.span) if charts and view.span else None
    title = f"Last {view.span.title}" if view.span else "History"
    heading = tag("h2", title, id="history-heading")
    return tag("section", heading, made, id="history", aria_labelledby="history-heading")


def _header(status: HostStatus, name: str, view: View, *, past: bool) -> Html:
    return header(
        status,
        name,
        tag("p", _facts(status), id="facts", data_live=True),
        tag("p", _reboot(status), id="reboot", data_live=True),
        controls(status, view, "/") if past else None,
        badge=worst_state(status),
    )


def _reboot(status: HostStatus) -> str:
    """What waits for a reboot; nothing where nothing does, or where that is unknown."""
    lines = status.reboot_pending
    return f"Reboot pending: {'; '.join(lines)}." if lines else ""
