"""The picture of the status page that the documents show."""

from __future__ import annotations

import dataclasses
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
    ask = browser.driver.execute_cdp_cmd
    with patch("socket.gethostname", return_value=HOST), site.serving():
        browser.look(WIDTH, HEIGHT, "light")
        # The page's script would find that the readings are old.
        ask("Emulation.setScriptExecutionDisabled", {"value": True})
        ask("Emulation.setScrollbarsHidden", {"hidden": True})
        browser.driver.get(site.url)
        assert browser.driver.save_screenshot(str(shown))
        browser.picture(whole)
        ask("Emulation.setScrollbarsHidden", {"hidden": False})
        ask("Emulation.setScriptExecutionDisabled", {"value": False})
