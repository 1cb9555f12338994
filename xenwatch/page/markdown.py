"""The Markdown of runbooks as HTML: the forms that they have, and no others.

Headings, paragraphs, lists, tables, blocks of code, code spans and links. What else stands in a
file is text: nothing in it becomes markup. A test compares with a whole implementation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from xenwatch.page.html import Html, join, tag
from xenwatch.page.tables import Cell, table

_SPAN: Final = re.compile(r"`([^`]+)`|\[((?:[^\]`]|`[^`]*`)+)\]\(([^)\s]+)\)")
_HEADING: Final = re.compile(r"(#{1,4}) +(.*)")
_ITEM: Final = re.compile(r"(?:-|(\d{1,3})\.) +(.*)")
_RULE: Final = re.compile(r"\|(?: *:?-+:? *\|)+ *")
_CELL_END: Final = re.compile(r"(?<!\\)\|")
_FENCE: Final = "```"

Address = Callable[[str], str | None]
"""Where a link leads, `None` where it is to be text."""


def render(text: str, address: Address) -> Html:
    """The document as HTML; `address` is that of the target of a link as written."""
    return join(*_blocks(text.splitlines(), address))


def title(text: str) -> str:
    """The first heading, empty where there is none."""
    first = next(iter(text.splitlines()), "")
    found = _HEADING.fullmatch(first)
    return found[2] if found else ""


def inline(text: str, address: Address) -> Html:
    """Text with its code spans and links."""
    parts, end = [], 0
    for found in _SPAN.finditer(text):
        parts.append(join(text[end : found.start()]))
        end = found.end()
        if found[1] is not None:
            parts.append(tag("code", found[1]))
            continue
        href, words = address(found[3]), inline(found[2], address)
        parts.append(words if href is None else tag("a", words, href=href))
    return join(*parts, text[end:])


def _blocks(lines: list[str], address: Address) -> Iterator[Html]:
    place = 0
    while place < len(lines):
        line = lines[place]
        end = place + 1
        if line.startswith(_FENCE):
            end = _until(lines, end, lambda each: each.startswith(_FENCE))
            yield _code(lines[place + 1 : end])
            end += 1
        elif found := _HEADING.fullmatch(line):
            yield tag(f"h{len(found[1])}", inline(found[2], address))
        elif _ITEM.fullmatch(line):
            end = _until(lines, end, lambda each: not each.strip() or each.startswith(_FENCE))
            yield _list(lines[place:end], address)
        elif line.startswith("|") and end < len(lines) and _RULE.fullmatch(lines[end]):
            end = _until(lines, end, lambda each: not each.startswith("|"))
            yield _table(lines[place], lines[place + 2 : end], address)
        elif line.strip() and not (line.startswith("<!--") and line.endswith("-->")):
            end = _until(lines, end, _ends_paragraph)
            yield tag("p", [join(inline(each, address), "\n") for each in lines[place:end]])
        place = end


def _until(lines: list[str], start: int, ends: Callable[[str], bool]) -> int:
    """The number of the first line from `start` on that ends a block."""
    return next((n for n in range(start, len(lines)) if ends(lines[n])), len(lines))


def _ends_paragraph(line: str) -> bool:
    return (
        not line.strip()
        or line.startswith(_FENCE)
        or _HEADING.fullmatch(line) is not None
        or _ITEM.fullmatch(line) is not None
    )


def _code(lines: list[str]) -> Html:
    code = tag("code", "".join(f"{line}\n" for line in lines))
    # Long lines scroll, also by keyboard.
    return tag("pre", code, tabindex="0")


def _list(lines: list[str], address: Address) -> Html:
    """A list, whose items may have further lines, indented."""
    items: list[list[str]] = []
    for line in lines:
        found = _ITEM.fullmatch(line)
        if found:
            items.append([found[2]])
        else:
            items[-1].append(line.strip())
    written = [tag("li", [join(inline(line, address), "\n") for line in item]) for item in items]
    first = _ITEM.fullmatch(lines[0])
    number = first[1] if first else None
    if number is None:
        return tag("ul", written)
    return tag("ol", written, start=None if number == "1" else number)


def _table(head: str, rows: list[str], address: Address) -> Html:
    header = [join(cell) for cell in _cells(head)]
    lines = [
        [Cell(tag("span", inline(cell, address)), free=True) for cell in _cells(row)]
        for row in rows
    ]
    width = len(header)
    filled = [(line + [Cell("")] * width)[:width] for line in lines]
    return table("", header, filled)


def _cells(row: str) -> list[str]:
    inner = row.strip().removeprefix("|").removesuffix("|")
    return [cell.strip().replace("\\|", "|") for cell in _CELL_END.split(inner)]
