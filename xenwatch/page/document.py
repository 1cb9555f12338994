"""What the pages share: the head of a document, and the form of a search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xenwatch.page.html import Html, join, tag, untrusted
from xenwatch.page.times import moment
from xenwatch.readings.origin import RECORD
from xenwatch.status.host_status import HostStatus
from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Links:
    """Paths the page links to: its static files, and the daemon's other pages by title.

    `past` is whether there is a record, and so moments to link to.
    """

    style: str
    script: str
    icon: str
    others: Mapping[str, str]
    past: bool = False


def document(
    title: str, top: Html, sections: Iterable[Html | None], status: HostStatus, links: Links
) -> Html:
    """A page about a host, which refreshes itself: head, `top`, its sections, and the footer."""
    script = tag("script", src=links.script, defer=True)
    main = tag("main", *sections, id="main", tabindex="-1")
    parts = head(f"{title} - xenwatch", links.style, links.icon, script)
    return plain_document(parts, top, main, _footer(status, links), past=is_past(status))


def plain_document(top: Html, *body: Html, past: bool = False) -> Html:
    """A page of a `head` and what its body has; one of the `past` does not change any more."""
    made = tag("body", *body, data_past=past)
    return join(Html("<!DOCTYPE html>\n"), tag("html", top, made, lang="en"))


def is_past(status: HostStatus) -> bool:
    """Whether a status is that of a moment of a record."""
    return status.source.kind == RECORD


def encoded(page: str) -> bytes:
    """A page as UTF-8."""
    return page.encode(errors="backslashreplace")


def header(status: HostStatus, name: str, *facts: Html | None, badge: str = "") -> Html:
    """The header of a page: notices, heading, facts, and the time of the readings."""
    notices = [tag("p", untrusted(notice)) for notice in status.notices]
    return tag(
        "header",
        tag("div", notices, id="notices", data_live=True),
        tag(
            "div",
            tag("h1", untrusted(name)),
            tag("span", badge, class_=f"badge {badge}") if badge else None,
            class_="head",
            id="title",
            data_live=True,
        ),
        *facts,
        tag("p", "As of ", moment(status.time), id="as-of", data_live=True),
        tag("p", id="freshness", role="status"),
    )


def _footer(status: HostStatus, links: Links) -> Html:
    others = [tag("li", tag("a", title, href=path)) for title, path in links.others.items()]
    return tag(
        "footer",
        tag("nav", tag("ul", others, class_="plain"), aria_label="More pages"),
        tag("p", f"xenwatch {status.version}"),
    )


def head(title: str, style: str, icon: str, *more: Html) -> Html:
    """The head of a page; `style` and `icon` are the paths of its files."""
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("link", rel="icon", href=icon, type="image/svg+xml"),
        tag("link", rel="stylesheet", href=style),
        *more,
    )


def search(
    query: str,
    action: str,
    *,
    name: str,
    label: str,
    identifier: str,
    button: str,
    longest: int,
    more: Html | None = None,
) -> Html:
    """A form that sends `q` to `action`, with a way back to everything.

    `name` is what is searched, `label` what may be typed, `longest` the max characters, `more` are
    other fields.
    """
    return tag(
        "form",
        tag("label", label, for_=identifier),
        tag(
            "input",
            id=identifier,
            type="search",
            name="q",
            value=query,
            maxlength=longest,
            autocomplete="off",
            spellcheck="false",
        ),
        more,
        tag("button", button, type="submit"),
        tag("a", "Show all", href=action) if query else None,
        action=action,
        method="get",
        role="search",
        aria_label=name,
    )


def choice(name: str, label: str, options: Mapping[str, str], chosen: str) -> Html:
    """A field of a form with one value of several; `options` are their texts."""
    return tag(
        "span",
        tag("label", label, for_=f"by-{name}"),
        " ",
        tag(
            "select",
            [
                tag("option", text, value=value, selected=value == chosen)
                for value, text in options.items()
            ],
            id=f"by-{name}",
            name=name,
        ),
    )
