"""The status page in a browser: accessible, safe, of any width, and fresh."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.page.browser import Browser, Site, browser
from tests.page.look import HEIGHT, HOST, WIDTH, photograph
from tests.page.sample import IMAGE, NOW, newest
from xenwatch.page import errors

__all__ = ["browser"]

SAMPLE = newest(60)
LOOKS = [(1280, 900, "light"), (360, 740, "dark")]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A server with a page that has everything on it."""
    found = Site(SAMPLE)
    with found.serving():
        yield found


@pytest.fixture
def opened(browser: Browser, site: Site) -> Browser:
    """The browser with the page just opened and its logs empty."""
    site.publisher.newest = SAMPLE
    browser.look(*LOOKS[0])
    browser.driver.get("about:blank")
    browser.said()
    browser.asked_for()
    browser.driver.get(site.url)
    return browser


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_it_is_accessible_and_fits(
    opened: Browser, look: tuple[int, int, str], tmp_path: Path
) -> None:
    """With everything unfolded axe finds nothing, and nothing sticks out to the right."""
    opened.look(*look)
    opened.run("document.querySelectorAll('details').forEach(details => details.open = true)")

    assert opened.violations() == []
    width = opened.run("return document.documentElement.scrollWidth")
    assert width <= look[0]
    opened.picture(tmp_path / "page.png")


@pytest.mark.parametrize("look", LOOKS, ids=str)
@pytest.mark.parametrize("query", ["", "?q=maptrack+limit+reached", "?q=nonsense"])
def test_the_page_of_errors_is_accessible_and_fits(
    opened: Browser, site: Site, look: tuple[int, int, str], query: str
) -> None:
    """All error messages, one that was found and none are pages axe finds nothing on, and fit."""
    opened.look(*look)
    opened.driver.get(f"{site.url.rstrip('/')}{errors.PATH}{query}")

    assert opened.violations() == []
    assert opened.run("return document.documentElement.scrollWidth") <= look[0]


def test_a_telephone_shows_it_within_six_screens(opened: Browser, site: Site) -> None:
    """With 154 domains, six alerts and every section the page is no longer than that."""
    site.publisher.newest = newest(127)
    opened.look(390, 844, "light")
    opened.driver.refresh()

    assert "154 domains" in opened.run("return document.querySelector('#facts').textContent")
    assert opened.run("return document.documentElement.scrollHeight") <= 6 * 844
    assert opened.run("return document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("look", LOOKS, ids=str)
@pytest.mark.parametrize("path", ["vm/mail", "vm/nobody", "runbooks/", "runbooks/XenwatchDown"])
def test_the_other_pages_are_accessible_and_fit(
    opened: Browser, site: Site, look: tuple[int, int, str], path: str
) -> None:
    """A VM, none, the list of runbooks and one of them are pages that axe finds nothing on."""
    opened.look(*look)
    opened.driver.get(f"{site.url}{path}")

    assert opened.violations() == []
    assert opened.run("return document.documentElement.scrollWidth") <= look[0]


def test_axe_would_find_something(opened: Browser) -> None:
    """The check is one: a picture without words and pale text are found."""
    opened.run(
        "const pale = document.createElement('p'); pale.textContent = 'pale';"
        "pale.className = 'unknown'; document.querySelector('main').append(pale);"
        "pale.style.setProperty('color', '#ddd'); pale.style.setProperty('background', '#fff');"
        "document.querySelector('main').append(document.createElement('img'))"
    )

    found = {violation.partition(":")[0] for violation in opened.violations()}
    assert found == {"color-contrast", "image-alt"}


def test_a_name_runs_no_script(opened: Browser, site: Site) -> None:
    """The VM called like an image is text; nothing was run, and the console is silent."""
    opened.driver.get(f"{site.url}?q=img")
    assert opened.run("return document.querySelectorAll('img').length") == 0
    names = opened.run("return [...document.querySelectorAll('bdi')].map(name => name.textContent)")
    assert IMAGE in names
    assert opened.said() == []


def test_even_markup_runs_no_script(opened: Browser) -> None:
    """Were a name markup after all, the policy would stop it."""
    opened.run("document.querySelector('main').innerHTML += arguments[0]", IMAGE)

    assert opened.run("return document.querySelectorAll('img').length") == 1
    # An alert would stand open and make the next command fail.
    assert opened.run("return document.title").endswith("xenwatch")
    assert any("Content Security Policy" in line for line in opened.said())


def test_its_picture_names_no_machine(browser: Browser, tmp_path: Path) -> None:
    """The picture for the documents is of a made-up host, and shows what is not scrolled to."""
    whole, shown = tmp_path / "whole.png", tmp_path / "shown.png"

    photograph(browser, SAMPLE.assessment, whole, shown)

    assert browser.run("return document.querySelector('h1').textContent") == HOST
    assert size(shown) == (WIDTH, HEIGHT)
    assert size(whole) > size(shown)


def size(picture: Path) -> tuple[int, int]:
    """Width and height of a PNG."""
    width, height = struct.unpack(">II", picture.read_bytes()[16:24])
    return width, height


def test_it_asks_nobody_else(opened: Browser, site: Site) -> None:
    """Everything the page loads comes from the daemon."""
    asked = opened.asked_for()

    assert site.url in asked
    assert len(asked) >= 3
    assert {address for address in asked if not address.startswith(site.url)} == set()


def test_the_keyboard_leads_through_it(opened: Browser) -> None:
    """The first stop skips to the limits, and each stop shows where it is."""
    opened.keys("tab")
    assert opened.run("return document.activeElement.getAttribute('href')") == "#limits"
    assert opened.run("return document.activeElement.getBoundingClientRect().left") >= 0
    stops = []
    while (name := opened.run("return document.activeElement.tagName")) != "BODY":
        style = "getComputedStyle(document.activeElement).outlineStyle"
        assert opened.run(f"return {style}") == "solid"
        stops.append(name)
        opened.keys("tab")
    reachable = "a, button, input, select, summary"
    assert len(stops) == opened.run(
        "return [...document.querySelectorAll(arguments[0])]"
        ".filter(place => place.checkVisibility()).length",
        reachable,
    )


def test_the_filter_is_a_form(opened: Browser) -> None:
    """What is typed into the filter comes back as the domains that match, without a script."""
    opened.type_into("filter", "mail\n")
    opened.until("return new URLSearchParams(location.search).get('sort') === ''")

    names = opened.run(
        "return [...document.querySelectorAll('#domains tbody th')].map(cell => cell.textContent)"
    )
    assert names == ["mail"]
    assert opened.run("return document.getElementById('filter').value") == "mail"


def refreshed(browser: Browser, state: str) -> None:
    """Let the page's own script look again, and wait until `state` holds."""
    browser.run("document.dispatchEvent(new Event('visibilitychange'))")
    browser.until(f"return {state}")


def later(site: Site, **changes: Any) -> None:
    """Let the site serve a page of other readings."""
    before = site.publisher.newest
    assert before is not None
    snapshot = dataclasses.replace(before.assessment.snapshot, **changes)
    assessment = dataclasses.replace(before.assessment, snapshot=snapshot)
    site.publisher.newest = dataclasses.replace(before, assessment=assessment)


def test_it_stays_fresh_in_place(opened: Browser, site: Site) -> None:
    """New readings appear without a reload; what is unfolded and in focus stays so."""
    opened.run(
        "const details = document.querySelector('#limit-ptys'); details.open = true;"
        "details.querySelector('summary').focus(); window.same = true"
    )
    later(site, time=NOW + 1)
    refreshed(opened, "document.querySelector('#as-of').textContent.includes('08:00:01')")

    assert opened.run("return window.same")
    assert opened.run("return document.querySelector('#limit-ptys').open")
    assert opened.run("return document.activeElement.parentElement.id") == "limit-ptys"
    assert opened.said() == []


def test_old_readings_do_not_look_new(opened: Browser, site: Site) -> None:
    """A daemon that reads nothing new, or does not answer, is told of in words."""
    later(site, time=NOW - 10 * 365 * 86400)
    refreshed(opened, "document.getElementById('freshness').textContent.includes('Stale')")

    site.publisher.newest, before = None, site.publisher.newest
    refreshed(opened, "document.getElementById('freshness').textContent.includes('out of date')")
    assert opened.run("return document.body.classList.contains('stale')")

    site.publisher.newest = before
    later(site, time=NOW)
    # The readings of the sample are of another year than this machine's clock.
    refreshed(opened, "!document.getElementById('freshness').textContent.includes('out of date')")


def test_what_is_selected_stays_and_old_readings_are_told_of(opened: Browser, site: Site) -> None:
    """Text that is selected is not replaced, and a daemon that is gone is told of all the same."""
    opened.run("getSelection().selectAllChildren(document.querySelector('#facts'))")
    later(site, time=NOW + 1)
    refreshed(opened, "true")
    site.publisher.newest = None
    refreshed(opened, "document.getElementById('freshness').textContent.includes('out of date')")

    assert not opened.run(
        "return document.querySelector('#as-of').textContent.includes('08:00:01')"
    )
    assert opened.run("return getSelection().toString()")
