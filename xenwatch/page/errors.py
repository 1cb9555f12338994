"""The page of error messages: a search, and what each message means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from xenwatch.alerts.messages import RUNBOOKS
from xenwatch.errors.pattern import FORM
from xenwatch.explain.search import matches, with_words
from xenwatch.explain.table import ENTRIES, Entry
from xenwatch.page.document import encoded, head, plain_document, search
from xenwatch.page.html import Html, tag
from xenwatch.page.tables import Cell, table

PATH: Final = f"{RUNBOOKS}errors"
"""The path of the page."""
LONGEST: Final = 1000
"""Max characters of a query; more are ignored."""
HEADER: Final = ("Error message", "Meaning", "Look at")
_CODE: Final = re.compile(r"`([^`]+)`")


def render(query: str, style: str, icon: str) -> bytes:
    """The page as UTF-8, for a line of a log or words, with all entries for neither.

    `style` and `icon` are the paths of its files.
    """
    query = query[:LONGEST].strip()
    form = search(
        query,
        PATH,
        name="Error messages",
        label="Message or words",
        identifier="message",
        button="Search",
        longest=LONGEST,
    )
    main = tag("main", form, _found(query), id="main", tabindex="-1")
    header = tag(
        "header",
        tag("h1", "Error messages"),
        tag("p", "Paste a line of a log, or search for words. ", _text(FORM)),
        tag(
            "p", tag("a", "Status of this host", href="/"), " ", tag("a", "Runbooks", href=RUNBOOKS)
        ),
    )
    top = head("Error messages - xenwatch", style, icon)
    return encoded(plain_document(top, header, main))


def _found(query: str) -> Html:
    if not query:
        return _table("All error messages", ENTRIES)
    found = matches(query)
    if found:
        return _table("Known messages found", found)
    found = with_words(query)
    if found:
        return _table("No message matches; these have its words", found)
    return tag("p", "Nothing known. Try fewer words, or show all.")


def _table(caption: str, entries: Sequence[Entry]) -> Html:
    return table(caption, HEADER, [_row(entry) for entry in entries])


def _row(entry: Entry) -> list[Cell]:
    link = tag("a", entry.title, href=f"{RUNBOOKS}{entry.runbook}") if entry.runbook else None
    return [
        Cell(_text(entry.messages), heading=True, free=True),
        Cell(_text(entry.meaning), free=True),
        Cell(tag("span", link, _text(entry.look)), free=True),
    ]


def _text(markdown: str) -> Html:
    """Text with its code spans, as one element: narrow windows lay out a cell's as a row."""
    parts = _CODE.split(markdown)
    return tag(
        "span", [tag("code", part) if place % 2 else part for place, part in enumerate(parts)]
    )
