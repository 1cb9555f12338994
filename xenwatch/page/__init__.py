"""The status page: one document that needs neither JavaScript nor other servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from xenwatch.display.text import counted
from xenwatch.fence import BROKEN, OPEN, Fence, Part
from xenwatch.limits.states import LimitInstance, Severity
from xenwatch.page import domains, limits, logs, probes, summary
from xenwatch.page.document import head
from xenwatch.page.html import Html, join, tag, untrusted
from xenwatch.planning.trend import Point
from xenwatch.status.host_status import FIRING, HostStatus
from xenwatch.status.notices import NO_XEN
from xenwatch.status.order import ORDER


@dataclass(frozen=True, slots=True)
class Links:
    """Paths the page links to: its static files, and the daemon's other pages by title."""

    style: str
    script: str
    icon: str
    others: Mapping[str, str]


_DOMAINS: Final = Html("<!--domains-->")
"""Placeholder of the domains in a frame; text cannot contain it, as text is escaped."""


def frame(
    status: HostStatus,
    series: Mapping[LimitInstance, Sequence[Point]],
    now: float,
    links: Links,
    fence: Fence = OPEN,
) -> Html:
    """The page without its domains, which `fill` adds: all that does not depend on the query.

    `series` are the limits' use over time, `now` is the instant of the status. In the place of a
    section that raises within `fence` it says so.
    """
    name = status.hostname or "xenwatch"
    mark = f"{status.source.mark} - " if status.source.mark else ""
    top = head(
        f"{mark}{_worst(status)}: {name} - xenwatch",
        links.style,
        links.icon,
        tag("script", src=links.script, defer=True),
    )
    main = tag(
        "main",
        _section("alerts", lambda: summary.alerts(status), fence),
        _section("headroom", lambda: summary.headroom(status), fence),
        _section("limits", lambda: limits.section(status, series, now), fence),
        _section("logs", lambda: logs.section(status), fence),
        _DOMAINS,
        _section("probes", lambda: probes.section(status), fence),
        id="main",
        tabindex="-1",
    )
    skip = tag("a", "Skip to limits", href="#limits", class_="skip")
    header = fence(Part.DISPLAY, "header", lambda: _header(status), tag("h1", name))
    body = tag("body", skip, header, main, _footer(status, links))
    return join(Html("<!DOCTYPE html>\n"), tag("html", top, body, lang="en"))


def fill(page: Html, status: HostStatus, query: str = "", fence: Fence = OPEN) -> bytes:
    """The page of that `frame` as UTF-8, with the domains that match `query`."""
    before, _, after = page.partition(_DOMAINS)
    asked = query[: domains.LONGEST]
    section = _section("domains", lambda: domains.section(status, asked), fence)
    return f"{before}{section}{after}".encode(errors="backslashreplace")


def _section(name: str, make: Callable[[], Html], fence: Fence) -> Html:
    said = f"The section {name} could not be made: {BROKEN}."
    return fence(
        Part.DISPLAY, name, make, tag("section", tag("p", said, class_="unknown"), id=name)
    )


def _worst(status: HostStatus) -> str:
    """The state of the host in one word: of its most urgent limit, or of a firing alert."""
    states = {row.state for row in status.limits}
    states |= {alert.severity for alert in status.alerts or () if alert.state == FIRING}
    if not states or NO_XEN in status.notices:
        return Severity.UNKNOWN.value
    return next((state for state in ORDER if state in states), Severity.OK.value)


def _notices(status: HostStatus) -> Html:
    """What stands above all else; an empty element where nothing is to be said."""
    found = [tag("p", untrusted(notice)) for notice in status.notices]
    return tag("div", found, id="notices", data_live=True)


def _header(status: HostStatus) -> Html:
    facts = [status.host or "host unknown"]
    if status.domains is not None:
        facts.append(f"{counted(len(status.domains), 'domain')} with dom0")
    return tag(
        "header",
        _notices(status),
        tag(
            "div",
            tag("h1", status.hostname or "xenwatch"),
            tag("span", _worst(status), class_=f"badge {_worst(status)}"),
            class_="head",
            id="title",
            data_live=True,
        ),
        tag("p", ", ".join(facts), id="facts", data_live=True),
        tag("p", _reboot(status), id="reboot", data_live=True),
        tag("p", "As of ", summary.moment(status.time), id="as-of", data_live=True),
        tag("p", id="freshness", role="status"),
    )


def _reboot(status: HostStatus) -> str:
    """What waits for a reboot; nothing where nothing does, or where that is unknown."""
    lines = status.reboot_pending
    return f"Reboot pending: {'; '.join(lines)}." if lines else ""


def _footer(status: HostStatus, links: Links) -> Html:
    others = [tag("li", tag("a", title, href=path)) for title, path in links.others.items()]
    return tag(
        "footer",
        tag("nav", tag("ul", others, class_="plain"), aria_label="More pages"),
        tag("p", f"xenwatch {status.version}"),
    )
