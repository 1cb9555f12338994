"""What the pages share: the head of a document, and the form of a search."""

from __future__ import annotations

from xenwatch.page.html import Html, tag


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
) -> Html:
    """A form that sends `q` to `action`, with a way back to everything.

    `name` is what is searched, `label` what may be typed, `longest` the max characters.
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
        tag("button", button, type="submit"),
        tag("a", "Show all", href=action) if query else None,
        action=action,
        method="get",
        role="search",
        aria_label=name,
    )
