"""The morning after `bad-night`: the daemon that recorded it, and pictures of what it shows."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from unittest.mock import patch

from tests.laws.test_law_11 import RULES, lived, recorded
from tests.night import BEGAN, EVERY, LENGTH
from tests.page.browser import Browser, Site
from tests.page.look import HOST, WIDTH, still
from xenwatch.cli.main import main
from xenwatch.cli.passes import DIRECTORY
from xenwatch.model.scenario_source import ScenarioSource, load
from xenwatch.passes.publisher import assess

MORNING: Final = BEGAN + 8 * 3600
"""2026-01-31 06:00 UTC."""

BACKUP: Final = "bbfcdbbb-2178-5821-bc59-c34edd836b05"
GUEST: Final = "5c77587b-40cf-5ce3-a357-bbaa9337dc48"
UNREAD: Final = "still to be read"
"""The page says so while the record was not read to the begin of the range."""


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """A page that the guide shows: its address, what is first seen of it, and for how far."""

    address: str
    top: str
    height: int


STEPS: Final[Mapping[str, Step]] = {
    "night-range": Step("?range=24h#history", "#history", 860),
    "night-moment": Step("?at=2026-01-31T00:30:00Z", "body", 610),
    "night-vm": Step(f"vm/{BACKUP}?at=2026-01-31T00:16:00Z&range=24h#history", "#limits", 620),
    "night-storm": Step("?at=2026-01-31T02:06:00Z", "#control-path", 330),
    "night-guest": Step(f"vm/{GUEST}?at=2026-01-31T02:30:00Z", "body", 700),
}
"""The pictures of `docs/after-an-incident.md` by name, in the order of the guide."""


@contextlib.contextmanager
def morning(path: Path) -> Iterator[Site]:
    """Record the night in a directory, and serve it with what is read in the morning."""
    now, scenario = [BEGAN], load("bad-night")
    speed = scenario.speed
    source = ScenarioSource(scenario, 0.0, lambda: now[0] / speed, lambda: now[0])
    passes = int(LENGTH / EVERY)

    def step(number: int) -> float:
        now[0] = BEGAN + EVERY * number if number < passes else MORNING
        return now[0]

    found = list(lived(source, step, passes + 1))
    recorded(path, found[:-1]).close()
    last = found[-1]
    site = Site(dataclasses.replace(assess(last.snapshot, RULES), assessment=last), str(path))
    with patch("socket.gethostname", return_value=HOST), site.serving():
        yield site


def read_all(browser: Browser) -> None:
    """Reload the page until all of the range was read, as it says to."""
    while UNREAD in browser.driver.page_source:
        browser.driver.refresh()


def photograph(browser: Browser, site: Site, step: Step, target: Path) -> None:
    """A PNG of a part of a page, as it is without the script."""
    with still(browser):
        browser.look(WIDTH, step.height, "light")
        browser.driver.get(f"{site.url}{step.address}")
        read_all(browser)
        browser.run(
            "document.querySelectorAll('#notices bdi').forEach(notice =>"
            " notice.textContent = notice.textContent.replace(arguments[0], arguments[1]))",
            site.record,
            DIRECTORY,
        )
        browser.scroll_to(step.top)
        assert browser.driver.save_screenshot(str(target))


def photograph_report(browser: Browser, site: Site, target: Path) -> None:
    """A PNG of the begin of the night's report."""
    file = target.with_suffix(".html")
    arguments = (f"--source=record:{site.record}", f"--from={BEGAN:.0f}", f"--output={file}")
    assert main(["report", *arguments]) == 0
    with still(browser):
        browser.look(1000, 700, "light")
        browser.driver.get(file.as_uri())
        assert browser.driver.save_screenshot(str(target))
