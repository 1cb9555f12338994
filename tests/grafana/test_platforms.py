"""The dashboards on each platform: no panel is empty because the platform lacks something."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.panels import shows
from tests.grafana.boards import END
from tests.grafana.hosts import Scrape, samples
from tests.grafana.store import serving
from xenwatch.alerts.states import Alerts
from xenwatch.assessment import Rules
from xenwatch.config.settings import Settings
from xenwatch.model.presets import PRESETS
from xenwatch.model.source import preset
from xenwatch.passes.publisher import assess
from xenwatch.probes import PROBES
from xenwatch.probes.base import take

pytestmark = [pytest.mark.timeout(300), pytest.mark.no_cover]

SCRAPES: Final = 5
CALM: Final = {
    "Active alerts": "no alert is active",
    "Firing alerts": "no alert fires",
    "Alerts about this VM": "no alert is about it",
    "Time until full": "nothing fills up on a host that stands still",
    "Limits full next": "the same",
    "Messages of trouble": "the logs have none",
    "Advice: emulated devices to disable": "pulsar-after has no such device",
}
"""Panels that are empty where all is well, and say so."""


def static(name: str) -> Iterator[str]:
    """A preset, scraped a few times while nothing happens."""
    taken = take(preset(name), PROBES, lambda: END)
    made = assess(taken.snapshot, Rules(policy=Settings().alerts()), alerts=Alerts())
    page = made.metrics[False, False].decode()
    for age in range(SCRAPES, -1, -1):
        yield from samples(Scrape(END - age, page, made.assessment), name)


def test_no_panel_is_empty_on_its_platform(tmp_path: Path) -> None:
    """On each platform each panel has data, or is one that is empty where all is well."""
    lines = (line for name in PRESETS for line in static(name))
    empty: dict[str, set[str]] = {}
    with serving(tmp_path, lines) as prometheus:
        for name in PRESETS:
            found = shows(prometheus, [name], END)
            full = {title for (_, title, _), something in found.items() if something}
            empty[name] = {title for _, title, _ in found} - full - CALM.keys()

    assert {name: titles for name, titles in empty.items() if titles} == {}
