"""The picture of the status page that the documents show."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from unittest.mock import patch

from tests.page.browser import Browser, Site
from xenwatch.assessment import Assessment
from xenwatch.passes.publisher import assess

WIDTH: Final = 1100
HEIGHT: Final = 1120
"""What is seen of the page before it is scrolled: a row of limits is the last."""
HOST: Final = "xen1.example"
"""The name of the host, in place of the one the picture is made on."""


def photograph(browser: Browser, assessment: Assessment, whole: Path, shown: Path) -> None:
    """Two PNGs of the page of a host: all of it, and what is seen before it is scrolled."""
    site = Site(
        dataclasses.replace(assess(assessment.snapshot, assessment.rules), assessment=assessment)
    )
    with patch("socket.gethostname", return_value=HOST), site.serving(), still(browser):
        browser.look(WIDTH, HEIGHT, "light")
        browser.driver.get(site.url)
        assert browser.driver.save_screenshot(str(shown))
        browser.picture(whole)


@contextlib.contextmanager
def still(browser: Browser) -> Iterator[None]:
    """Pages without their script, which would find that the readings are old, or scrollbars."""
    ask = browser.driver.execute_cdp_cmd
    ask("Emulation.setScriptExecutionDisabled", {"value": True})
    ask("Emulation.setScrollbarsHidden", {"hidden": True})
    yield
    ask("Emulation.setScrollbarsHidden", {"hidden": False})
    ask("Emulation.setScriptExecutionDisabled", {"value": False})
