"""The dashboards as they are drawn: a healthy host, a full one, a dead control path, a pool."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.generate.boards import BOARDS, PREFIX, expressions, panels_of
from tests.grafana.drawing import View, draw, site
from tests.grafana.hosts import SCENARIOS, STEP, Scrape, play, samples
from tests.grafana.pool import AGES, pool
from tests.grafana.store import serving
from tests.page.browser import Browser
from tests.tools import tool

END: Final = 1_750_000_000.0
"""The time of the last scrape: a fixed one, so that a picture is the same each day."""
MINUTES: Final = 60
POOL: Final = "pool"


def address(kind: str) -> str:
    """The address of one of the hosts that are played; no host of the pool has it."""
    return f"{kind}.example:10730"


@dataclass(frozen=True, slots=True)
class Picture:
    """One drawing: the dashboard, its title for people, and the values of variables."""

    board: str
    title: str
    values: Mapping[str, str]
    host: str = ""


PICTURES: Final[Mapping[str, Picture]] = {
    **{
        f"host-{kind}": Picture("xenwatch-host", title, {"instance": address(kind)}, kind)
        for kind, title in {
            "healthy": "a host on which all is well",
            "full": "a host whose aio requests are used up while its storage fills",
            "dead": "a host whose xapi and xenstored answer nobody",
        }.items()
    },
    "vm-healthy": Picture(
        "xenwatch-domains",
        "a VM with three disks",
        {"instance": address("healthy"), "vm": "db-0009"},
        "healthy",
    ),
    "vm-full": Picture(
        "xenwatch-domains",
        "a VM whose grant-table frames are used up",
        {"instance": address("full"), "vm": "windows-0001"},
        "full",
    ),
    "vm-dead": Picture(
        "xenwatch-domains",
        "a VM on the host whose control path is dead",
        {"instance": address("dead"), "vm": "web-0001"},
        "dead",
    ),
    POOL: Picture("xenwatch-pool", "a pool of a thousand hosts", {}),
}
"""What is drawn, by the name of its picture."""


def asked_in_pool() -> frozenset[str]:
    """The series that the dashboard of the pool asks for."""
    text = " ".join(
        expression
        for panel in panels_of(BOARDS["xenwatch-pool"])
        for expression in expressions(panel)
    )
    return frozenset({*PREFIX.findall(text), "ALERTS", "ALERTS_FOR_STATE"})


class Gallery:
    """A browser, and the address of a Prometheus that knows the hosts; each is drawn once."""

    def __init__(self, browser: Browser, played: Mapping[str, list[Scrape]]) -> None:
        self.played = played
        self._browser = browser
        self._seen: dict[str, list[dict[str, Any]]] = {}
        self.addresses: dict[str, str] = {}

    def show(self, name: str, below: int | None = None) -> list[dict[str, Any]]:
        """Draw one of `PICTURES` in the window, to that row. What is seen of its panels."""
        picture = PICTURES[name]
        pooled = name == POOL
        view = View(
            self.addresses["pool" if pooled else "hosts"],
            END,
            picture.values,
            minutes=AGES[0] // 60 if pooled else MINUTES,
            step=AGES[0] - AGES[1] if pooled else STEP,
            below=below,
        )
        dashboard = BOARDS[picture.board]
        self._browser.look(1440, 900, "dark")
        return draw(self._browser, dashboard, view)

    def seen(self, name: str) -> list[dict[str, Any]]:
        """What is seen of the panels of one of `PICTURES`, drawn at the first time."""
        if name not in self._seen:
            self._seen[name] = self.show(name)
        return self._seen[name]

    def picture(self, path: Path) -> None:
        """What is in the window as a PNG."""
        self._browser.picture(path)

    def panel(self, name: str, title: str) -> dict[str, Any]:
        """What is seen of one panel."""
        (found,) = (panel for panel in self.seen(name) if panel["title"] == title)
        return found


@contextlib.contextmanager
def gallery(directory: Path) -> Iterator[Gallery]:
    """All that is needed to draw, for the time of the block."""
    tool("node")
    played = {kind: list(play(text, END, MINUTES)) for kind, text in SCENARIOS.items()}
    hosts = (
        line
        for number in range(len(next(iter(played.values()))))
        for kind, scrapes in played.items()
        for line in samples(scrapes[number], address(kind))
    )
    for name in ("hosts", "pool"):
        (directory / name).mkdir()
    with contextlib.ExitStack() as open_:
        page = open_.enter_context(site(directory))
        addresses = {
            "hosts": open_.enter_context(serving(directory / "hosts", hosts)),
            "pool": open_.enter_context(serving(directory / "pool", pool(played, asked_in_pool()))),
        }
        browser = Browser(directory / "profile")
        open_.callback(browser.driver.quit)
        browser.driver.get(page)
        made = Gallery(browser, played)
        made.addresses |= addresses
        yield made
