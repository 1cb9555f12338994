"""HTML from values: whatever is not `Html` already is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Final

from xenwatch.display.text import printable


class Html(str):
    """Text that is markup. Joined with other text it is text again, and so escaped when used."""

    __slots__ = ()


Content = str | Iterable[str | None] | None
"""Text or markup, or several of them."""

_VOID: Final = ("meta", "link", "input", "rect", "line", "polyline", "circle")


def tag(name: str, /, *content: Content, **attributes: str | float | bool | None) -> Html:
    """An element.

    Attributes are named as in HTML, `_` for `-` and with one at the end where Python has a word of
    that name; `True` is an attribute without value, `False` and `None` none at all.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{written}>" if name in _VOID[:3] else f"<{name}{written}/>")
    return Html(f"<{name}{written}>{join(*content)}</{name}>")


def join(*content: Content) -> Html:
    """Pieces one after another; those that are no markup are escaped."""
    return Html("".join(_piece(piece) for piece in content))


def untrusted(text: str) -> Html:
    """Text from outside, such as a VM's name: one line, its text direction isolated (`bdi`)."""
    return tag("bdi", printable(text))


def _piece(piece: Content) -> str:
    if piece is None:
        return ""
    if isinstance(piece, Html):
        return piece
    if isinstance(piece, str):
        return html.escape(piece)
    return join(*piece)


def _attribute(key: str, value: str | float | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    text = value if isinstance(value, str) else f"{value:g}"
    return f' {name}="{html.escape(text)}"'
