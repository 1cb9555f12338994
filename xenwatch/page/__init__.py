"""The status page: one document that needs neither scripts nor anything from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xenwatch.display.text import counted
from xenwatch.limits.states import Severity
from xenwatch.page import domains, limits, probes, summary
from xenwatch.page.html import Html, join, tag
from xenwatch.planning.forecast import Key, Point
from xenwatch.status.host_status import FIRING, Overview
from xenwatch.status.order import ORDER


@dataclass(frozen=True, slots=True)
class Links:
    """Paths the page points at: files of its own, and what else the daemon serves by title."""

    style: str
    script: str
    icon: str
    others: Mapping[str, str]


def render(
    overview: Overview, series: Mapping[Key, Sequence[Point]], links: Links, words: str = ""
) -> bytes:
    """The page as UTF-8. `series` is the use of limits over time, `words` filter the domains."""
    name = overview.hostname or "xenwatch"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{_worst(overview)}: {name} - xenwatch"),
        tag("link", rel="icon", href=links.icon, type="image/svg+xml"),
        tag("link", rel="stylesheet", href=links.style),
        tag("script", src=links.script, defer=True),
    )
    main = tag(
        "main",
        summary.alerts(overview),
        summary.room(overview),
        limits.section(overview, series),
        domains.section(overview, words[: domains.LONGEST]),
        probes.section(overview),
        id="main",
        tabindex="-1",
    )
    skip = tag("a", "Skip to the limits", href="#limits", class_="skip")
    body = tag("body", skip, _header(overview), main, _footer(overview, links))
    return join(Html("<!DOCTYPE html>\n"), tag("html", head, body, lang="en")).encode(
        errors="backslashreplace"
    )


def _worst(overview: Overview) -> str:
    """The state of the host in one word: of its most pressing limit, or of an alert that fires."""
    states = {row.state for row in overview.limits}
    states |= {it.severity for it in overview.alerts or () if it.state == FIRING}
    if not states:
        return Severity.UNKNOWN.value
    return next((state for state in ORDER if state in states), Severity.OK.value)


def _header(overview: Overview) -> Html:
    facts = [overview.host or "nothing is known of this host"]
    if overview.domains is not None:
        facts.append(counted(len(overview.domains), "domain"))
    return tag(
        "header",
        tag(
            "div",
            tag("h1", overview.hostname or "xenwatch"),
            tag("span", _worst(overview), class_=f"badge {_worst(overview)}"),
            class_="head",
            id="title",
            data_live=True,
        ),
        tag("p", ", ".join(facts), id="facts", data_live=True),
        tag("p", "As of ", summary.moment(overview.time), id="as-of", data_live=True),
        tag("p", id="freshness", role="status"),
    )


def _footer(overview: Overview, links: Links) -> Html:
    others = [tag("li", tag("a", title, href=path)) for title, path in links.others.items()]
    return tag(
        "footer",
        tag("nav", tag("ul", others, class_="plain"), aria_label="More of this daemon"),
        tag("p", f"xenwatch {overview.version}"),
    )
