"""The night of `docs/after-an-incident.md`, found by the pages alone, as the guide says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from tests.page.browser import Browser, Site, browser
from tests.page.incident import STEPS, morning, read_all
from tests.record.disk import without_a_disk

__all__ = ["browser", "without_a_disk"]

GUIDE = Path(__file__).parents[2] / "docs/after-an-incident.md"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The daemon in the morning."""
    with morning(tmp_path_factory.mktemp("night") / "record") as found:
        yield found


def follow(browser: Browser, text: str, within: str = "body") -> None:
    """Click the first link of that text in a part of the page."""
    browser.driver.find_element(By.CSS_SELECTOR, within).find_element(By.LINK_TEXT, text).click()
    read_all(browser)


def events(browser: Browser) -> list[str]:
    """What happened, as it is listed: time and line."""
    found = browser.driver.find_elements(By.CSS_SELECTOR, ".events li")
    return [each.text.replace("\n", " ") for each in found]


def event(browser: Browser, line: str) -> str:
    """The selector of the first event with that text."""
    number = next(n for n, each in enumerate(events(browser), 1) if line in each)
    return f".events li:nth-child({number})"


def test_the_night_is_found_by_its_links(browser: Browser, site: Site) -> None:
    """From `/` to the leak, the boot storm and the broken guest, by what the guide says."""
    at = {name: f"{site.url}{step.address}" for name, step in STEPS.items()}

    def text(selector: str) -> str:
        return browser.driver.find_element(By.CSS_SELECTOR, selector).text

    browser.look(1100, 900, "light")
    browser.driver.get(site.url)
    follow(browser, "Last 24 h")
    assert browser.driver.current_url == at["night-range"]
    assert "highest 62, backup-0001" in text(".chart-box")
    assert len([line for line in events(browser) if "12 VMs started" in line]) == 2

    follow(browser, "2026-01-31 00:30:00 UTC", event(browser, "96.88% used"))
    assert browser.driver.current_url == at["night-moment"]
    assert "backup-0001: 96.88% used" in text("#alerts")
    assert "is stuck in state dying" in text("#alerts")

    browser.driver.get(at["night-range"])
    follow(browser, "backup-0001", event(browser, "84.38% used"))
    assert "54 of 64" in text("#limits")
    follow(browser, "Last 24 h")
    assert browser.driver.current_url == at["night-vm"]
    assert "highest 54" in text("#history .chart-box")

    browser.driver.get(at["night-range"])
    follow(browser, "2026-01-31 02:06:00 UTC")
    assert browser.driver.current_url == at["night-storm"]
    assert "xenstored 350.3 ms" in text("#control-path table")

    browser.driver.get(at["night-range"])
    follow(browser, "desktop-0002", event(browser, "critical: VM desktop-0002"))
    assert browser.driver.current_url == at["night-guest"]
    assert "in no bridge" in text("#devices")


def test_the_guide_names_what_is_followed() -> None:
    """Each step has its picture, and the numbers that the pages show."""
    guide = GUIDE.read_text()
    pictures = [guide.index(f"(pictures/{name}.png)") for name in STEPS]

    assert pictures == sorted(pictures)
    for shown in ("Last 24 h", "62", "54 of 64", "350 ms", "in no bridge"):
        assert shown in guide[guide.index("## On the status page") :]


@pytest.mark.parametrize("look", [(390, 844, "dark"), (1280, 900, "light")], ids=str)
def test_what_happened_is_accessible(
    browser: Browser, site: Site, look: tuple[int, int, str]
) -> None:
    """Of any width, and with nothing that axe finds."""
    browser.look(*look)
    for name in ("night-range", "night-vm"):
        browser.driver.get(f"{site.url}{STEPS[name].address}")
        browser.until("return document.querySelector('.plot[role=slider]') !== null")
        assert browser.violations() == []
        assert browser.run("return document.documentElement.scrollWidth") <= look[0]


def test_a_chart_leads_to_the_moment_it_tells(browser: Browser, site: Site) -> None:
    """Enter shows the moment of the point that the arrow keys have chosen."""
    browser.look(1100, 900, "light")
    browser.driver.get(f"{site.url}{STEPS['night-range'].address}")
    read_all(browser)
    browser.until("return document.querySelector('.plot[role=slider]') !== null")
    browser.run("document.querySelector('.plot').focus()")
    browser.keys("home")
    assert browser.run("return document.querySelector('.peak').textContent") == "Show this moment"
    browser.keys("enter")
    browser.until("return document.body.hasAttribute('data-past')")
    assert browser.driver.current_url == f"{site.url}?at=2026-01-30T22%3A00%3A00Z"
