"""The pages of runbooks, and their list with a search over error messages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from xenwatch.alerts.messages import RUNBOOKS
from xenwatch.alerts.near_limit import NEAR_LIMIT
from xenwatch.alerts.table import ALERTS
from xenwatch.page import errors, markdown
from xenwatch.page.document import encoded, head, plain_document, search
from xenwatch.page.html import Html, tag

SUFFIX: Final = ".md"
_SECTION: Final = re.compile(r"(?m)^## +Meaning *\n+((?:.+\n)+)")
_SENTENCE: Final = re.compile(r".*?[.:](?=\s|$)", re.DOTALL)
_OF_LIMITS: Final = frozenset(alert.runbook for alert in ALERTS if alert.section == NEAR_LIMIT)


def render(name: str, text: str, names: Sequence[str], style: str, icon: str) -> bytes:
    """The page of the runbook in the file `name` as UTF-8; `names` are those of all files."""

    def address(target: str) -> str | None:
        if target in names:
            return f"{RUNBOOKS}{target.removesuffix(SUFFIX)}"
        return target if urlsplit(target).scheme in ("http", "https") else None

    title = markdown.title(text) or name
    main = tag("main", markdown.render(text, address), id="main", tabindex="-1", class_="text")
    links = tag(
        "nav",
        tag("a", "Status of this host", href="/"),
        " ",
        tag("a", "All runbooks", href=RUNBOOKS),
        " ",
        tag("a", "As Markdown", href=f"{RUNBOOKS}{name}?plain"),
        class_="up",
        aria_label="Where this is",
    )
    return encoded(plain_document(head(f"{title} - xenwatch", style, icon), links, main))


def listed(files: Mapping[str, str], style: str, icon: str) -> bytes:
    """The list of the runbooks as UTF-8; `files` are their texts by name."""
    form = search(
        "",
        errors.PATH,
        name="Error messages",
        label="Log message, or words",
        identifier="message",
        button="Search",
        longest=errors.LONGEST,
    )
    of_limits = {name: text for name, text in files.items() if name in _OF_LIMITS}
    others = {name: text for name, text in files.items() if name not in _OF_LIMITS}
    main = tag(
        "main",
        form,
        _list("Alerts", others),
        _list("Limits near their max", of_limits),
        id="main",
        tabindex="-1",
    )
    header = tag(
        "header",
        tag("h1", "Runbooks"),
        tag("p", "What to do for each alert. Paste a line of a log to find the runbook for it."),
        tag("p", tag("a", "Status of this host", href="/")),
    )
    return encoded(plain_document(head("Runbooks - xenwatch", style, icon), header, main))


def _list(title: str, files: Mapping[str, str]) -> Html:
    items = [
        tag(
            "li",
            tag("a", markdown.title(text), href=f"{RUNBOOKS}{name.removesuffix(SUFFIX)}"),
            " ",
            tag("span", markdown.inline(meaning(text), lambda _: None), class_="muted"),
        )
        for name, text in sorted(files.items())
    ]
    return tag("section", tag("h2", title), tag("ul", items, class_="plain runbooks"))


def meaning(text: str) -> str:
    """The first sentence of the section Meaning; empty where there is none."""
    found = _SECTION.search(text)
    first = _SENTENCE.match(found[1]) if found else None
    return " ".join(first[0].rstrip(":").split()) if first else ""
