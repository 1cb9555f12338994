"""Runbooks as HTML, compared with a whole implementation of Markdown."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.page.test_html import Reader
from xenwatch.alerts.messages import RUNBOOKS
from xenwatch.alerts.runbooks import files
from xenwatch.page import markdown
from xenwatch.page.runbooks import listed, meaning, render

TEXTS = {path.removeprefix(RUNBOOKS): body.decode() for path, body in files().items()}
COMPARED = ("h1", "h2", "h3", "p", "pre", "code", "ul", "ol", "li", "a", "th", "td", "strong", "em")


def seen(markup: str) -> tuple[str, list[tuple[str, str | None]]]:
    """Text without blanks, and the elements with their links."""
    read = Reader(markup)
    tags = [(tag, dict(attrs).get("href")) for tag, attrs in read.tags if tag in COMPARED]
    return re.sub(r"\s+", "", read.text), tags


@pytest.mark.parametrize("name", TEXTS)
def test_a_runbook_is_what_markdown_says(name: str) -> None:
    """Text, elements and links are those that the reference makes of the same file."""
    ours = markdown.render(TEXTS[name], lambda target: target)
    reference = MarkdownIt("commonmark").enable("table").render(TEXTS[name])

    assert seen(ours) == seen(reference)


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("ab`[]()|-#1. \n<&\\\\"), max_size=200))
def test_no_text_breaks_out(text: str) -> None:
    """Whatever stands in a file is shown, and no element is made but those of Markdown."""
    found = {tag for tag, _ in Reader(markdown.render(text, lambda _: None)).tags}

    assert found <= {*COMPARED, "h4", "table", "caption", "thead", "tbody", "tr"}


def test_links_stay_in_the_runbooks() -> None:
    """A link to another runbook leads to its page; one to a file that is none is text."""
    text = "# T\n\n[a](X.md) [b](https://x/) [c](javascript:alert(1)) [d](../no.md)\n"
    tags = Reader(render("T.md", text, ("X.md",), "/s", "/i").decode()).tags
    links = [dict(attrs)["href"] for tag, attrs in tags if tag == "a"]

    assert links == ["/", "/runbooks/", "/runbooks/T.md?plain", "/runbooks/X", "https://x/"]


def test_every_runbook_is_listed_with_its_meaning() -> None:
    """The list has a sentence for each, and the form that searches error messages."""
    alerts = {name: text for name, text in TEXTS.items() if name != "errors.md"}
    text = Reader(listed(alerts, "/s", "/i").decode()).text

    assert {name for name, body in alerts.items() if not meaning(body)} == set()
    assert {name for name in alerts if name.removesuffix(".md") not in text} == set()
    assert "Log message, or words" in text
