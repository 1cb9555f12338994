"""A report in a browser: accessible, of any width, and alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.night import BEGAN, made
from tests.page.browser import Browser, browser
from tests.record.disk import without_a_disk
from xenwatch.cli.main import main

__all__ = ["browser", "without_a_disk"]

LOOKS = [(1280, 900, "light"), (1280, 900, "dark"), (390, 844, "light"), (390, 844, "dark")]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a night."""
    directory = tmp_path_factory.mktemp("night")
    made(directory / "record", every=300.0)
    file = directory / "report.html"
    source = (f"--source=record:{directory}/record", f"--from={BEGAN:.0f}", f"--output={file}")
    assert main(["report", *source]) == 0
    return file


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_it_is_accessible_and_fits(
    browser: Browser, report: Path, look: tuple[int, int, str], tmp_path: Path
) -> None:
    """With everything unfolded axe finds nothing, nothing sticks out, and nothing is loaded."""
    browser.look(*look)
    browser.driver.get("about:blank")
    browser.said()
    browser.asked_for()
    browser.driver.get(report.as_uri())
    browser.run("document.querySelectorAll('details').forEach(details => details.open = true)")
    assert browser.violations() == []
    assert browser.run("return document.documentElement.scrollWidth") <= look[0]
    assert browser.run("return document.querySelectorAll('polyline').length") > 3
    assert browser.said() == []
    assert set(browser.asked_for()) == {report.as_uri()}
    browser.picture(tmp_path / "report.png")
