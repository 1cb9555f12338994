"""Markup: nothing but what is meant as markup is markup."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.page.html import Html, join, tag, untrusted


class Reader(HTMLParser):
    """What a parser of HTML sees: tags with attributes, and text."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        """Keep text."""
        self.text += data


@settings(deadline=None)
@given(st.text(), st.text())
def test_text_stays_text(text: str, value: str) -> None:
    """Whatever text and attribute are, a parser sees one element with just them."""
    read = Reader(tag("p", text, title=value))

    assert read.tags == [("p", [("title", value)])]
    assert read.text == text


def test_markup_is_not_escaped_again() -> None:
    """Elements within elements stay what they are."""
    assert tag("p", "a < b ", tag("b", "c"), [tag("i"), None]) == "<p>a &lt; b <b>c</b><i></i></p>"


def test_markup_joined_with_text_is_text() -> None:
    """A concatenation by hand is no markup any more, so a slip is seen and does no harm."""
    assert join(tag("b", "x") + "<script>") == "&lt;b&gt;x&lt;/b&gt;&lt;script&gt;"


def test_attributes_are_named_as_in_html() -> None:
    """Underscores are hyphens, a flag has no value, what is not there is left out."""
    markup = tag("input", class_="a", aria_label="b", required=True, hidden=False, value=None)

    assert markup == '<input class="a" aria-label="b" required>'
    assert tag("rect", width=2.5) == '<rect width="2.5"/>'


@settings(deadline=None)
@given(st.text())
def test_a_strangers_text_is_one_line(text: str) -> None:
    """Text from outside has no control characters, nor any that turn the text around it."""
    markup = untrusted(text)

    assert isinstance(markup, Html)
    assert Reader(markup).text.isprintable()
    assert Reader(markup).tags == [("bdi", [])]
