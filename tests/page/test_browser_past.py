"""The pages of the past in a browser: charts by keyboard and pointer, and the filter as typed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.test_past import TIMES, record
from tests.page.browser import Browser, Site
from tests.page.sample import newest

__all__ = ["record"]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A Chromium with a profile of its own."""
    found = Browser(tmp_path / "profile")
    try:
        yield found
    finally:
        found.driver.quit()


def told(browser: Browser) -> str:
    """What the first chart tells."""
    return str(browser.run("return document.querySelector('.told').textContent"))


def test_the_past_in_a_browser(browser: Browser, record: str) -> None:
    """Charts tell values by key and pointer, axe finds nothing, and nothing is out of date."""
    site = Site(newest(3), record)
    with site.serving():
        browser.look(390, 844, "dark")
        browser.driver.get(f"{site.url}?range=1h&at={TIMES[-1]:.0f}")
        browser.until("return document.querySelector('.plot[role=slider]') !== null")
        assert browser.violations() == []
        assert browser.run("return document.documentElement.scrollWidth") <= 390

        browser.run("document.querySelector('.plot').focus()")
        browser.keys("home")
        first = told(browser)
        assert browser.run("return document.activeElement.ariaValueText") == first
        browser.keys("right")
        assert told(browser) != first
        browser.keys("left")
        assert told(browser) == first
        browser.run(
            "const plot = document.querySelector('.plot'), area = plot.getBoundingClientRect();"
            "plot.dispatchEvent(new PointerEvent('pointermove', {clientX: area.right}))"
        )
        assert told(browser) != first
        assert browser.run("return document.body.hasAttribute('data-past')")
        assert browser.run("return document.getElementById('freshness').textContent") == ""
        assert browser.said() == []


def test_the_filter_answers_while_it_is_typed(browser: Browser) -> None:
    """Without the button the domains are those that match, and the address says so."""
    site = Site(newest(3))
    with site.serving():
        browser.look(1280, 800, "light")
        browser.driver.get(site.url)
        browser.type_into("filter", "mail")
        browser.until(
            "return [...document.querySelectorAll('#domains tbody th')]"
            ".map(cell => cell.textContent).join() === 'mail'"
        )
        assert browser.run("return location.search") == "?q=mail"
        assert browser.run("return document.activeElement.id") == "filter"
