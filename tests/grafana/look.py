"""Draws the dashboards and the pages, for people: `make dashboards-look`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.grafana.boards import PICTURES, POOL, Gallery, gallery
from tests.grafana.drawing import HERE
from tests.grafana.hosts import Scrape
from tests.page import incident
from tests.page.browser import Browser
from tests.page.look import photograph
from tests.tools import NODE, tool
from xenwatch.assessment import Assessment

WHOLE: Final = NODE / "pictures"
"""Where each picture is drawn to its end, for who has changed what it shows."""
SHOWN: Final[Mapping[str, int]] = {
    "host-healthy": 37,
    "host-full": 37,
    "host-dead": 51,
    "vm-healthy": 32,
    "vm-full": 32,
    "vm-dead": 32,
    POOL: 36,
}
"""What the documents show: the dashboards down to that row of the grid."""
PAGE: Final = "status-page"
"""The picture of the status page."""
REPORT: Final = "report"
"""That of `xenwatch report`, of the night in the guide."""
EARLIER: Final = 10
"""Minutes before the host of that page is as full as on its dashboard."""
TARGET: Final = HERE.parents[1] / "docs/pictures"
BYTES: Final = 100_000
"""Of a picture in the repository, at most."""


def shown_on_page(scrapes: Sequence[Scrape]) -> Assessment:
    """What the picture of the status page shows: the full host, before it is full."""
    return scrapes[-1 - EARLIER].assessment


def _shown(made: Gallery, name: str, drawn: Path) -> bool:
    """Write a picture of a dashboard for the documents. Whether it is small enough."""
    made.show(name, SHOWN[name])
    made.picture(drawn)
    return _shrunk(name, drawn)


def _shrunk(name: str, drawn: Path) -> bool:
    """Write a picture with few colours for the documents. Whether it is small enough."""
    target = TARGET / f"{name}.png"
    target.parent.mkdir(exist_ok=True)
    shrink = [tool("node"), str(HERE / "shrink.cjs"), str(NODE), str(drawn), str(target)]
    subprocess.run(shrink, check=True)
    size = target.stat().st_size
    print(f"{target}: {size:,} bytes", file=sys.stderr)
    return size <= BYTES


def _page(scrapes: Sequence[Scrape], directory: Path) -> bool:
    """Write the pictures of the status page. Whether the shown one is small enough."""
    browser = Browser(directory / "browser")
    drawn = directory / "page.png"
    try:
        photograph(browser, shown_on_page(scrapes), WHOLE / f"{PAGE}.png", drawn)
    finally:
        browser.driver.quit()
    return _shrunk(PAGE, drawn)


def _night(directory: Path) -> bool:
    """Write the pictures of the night in the guide. Whether all are small enough."""
    browser, drawn = Browser(directory / "browser"), directory / "night.png"
    fitting = []
    try:
        with incident.morning(directory / "record") as site:
            for name, step in incident.STEPS.items():
                incident.photograph(browser, site, step, drawn)
                fitting.append(_shrunk(name, drawn))
            incident.photograph_report(browser, site, drawn)
            fitting.append(_shrunk(REPORT, drawn))
    finally:
        browser.driver.quit()
    return all(fitting)


def main() -> int:
    """Draw each picture. Returns the exit status: 1 where one is too large."""
    WHOLE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, gallery(Path(name)) as made:
        for picture in PICTURES:
            made.show(picture)
            made.picture(WHOLE / f"{picture}.png")
            print(f"{WHOLE / picture}.png", file=sys.stderr)
        drawn = Path(name) / "drawn.png"
        fitting = [_shown(made, shown, drawn) for shown in SHOWN]
        fitting.append(_page(made.played["full"], Path(name)))
    with tempfile.TemporaryDirectory() as name:
        fitting.append(_night(Path(name)))
    return int(not all(fitting))


if __name__ == "__main__":
    sys.exit(main())
