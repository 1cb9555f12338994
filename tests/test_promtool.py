"""Prometheus's own checker on the pages of every host there is."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable

import pytest

from tests.captures import CAPTURES
from tests.hosts import LabSource
from tests.laws.hosts import HOSTS
from tests.support import full_snapshot
from tests.tools import tool
from xenwatch.assessment import assess_pass
from xenwatch.exposition.text_format import render
from xenwatch.metrics import Configured, Counts, families
from xenwatch.metrics.process import own_process
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source

SOURCES: dict[str, Callable[[], Source]] = {
    **HOSTS,
    **{capture.name: functools.partial(LabSource, capture) for capture in CAPTURES},
}
FULL = "everything there is"


def snapshot_of(host: str) -> Snapshot:
    """A snapshot by name."""
    return full_snapshot() if host == FULL else take(SOURCES[host](), PROBES).snapshot


@pytest.mark.parametrize("host", [FULL, *SOURCES])
def test_promtool_finds_nothing_to_say(host: str) -> None:
    """The page of a host, the process's own metrics included, leaves the checker silent."""
    snapshot = snapshot_of(host)
    counts = Counts({"host": 2}, 0, 0, Configured(True, 1.0))
    page = render([*families(assess_pass(snapshot), counts), *own_process()])

    checked = subprocess.run(
        [tool("promtool"), "check", "metrics"],
        input=page,
        capture_output=True,
        check=False,
    )

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
