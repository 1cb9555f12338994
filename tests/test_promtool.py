"""Prometheus's own checker on the pages of every host there is."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.captures import CAPTURES
from tests.hosts import LabSource
from tests.laws.hosts import HOSTS
from tests.support import full_snapshot
from tests.tools import tool
from xenwatch.assess import assess
from xenwatch.exposition import render
from xenwatch.metrics import EngineStats, families
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.process import own_process
from xenwatch.snapshot import Snapshot

SNAPSHOTS: dict[str, Callable[[], Snapshot]] = {
    "everything there is": full_snapshot,
    **{name: lambda make=make: take(make(), PROBES) for name, make in HOSTS.items()},
    **{at.name: lambda at=at: take(LabSource(at), PROBES) for at in CAPTURES},
}


@pytest.mark.parametrize("host", SNAPSHOTS)
def test_promtool_finds_nothing_to_say(host: str) -> None:
    """The page of a host, the process's own metrics included, leaves the checker silent."""
    snapshot = SNAPSHOTS[host]()
    stats = EngineStats(overruns={"host": 2})
    page = render([*families(snapshot, assess(snapshot), stats), *own_process()])

    checked = subprocess.run(
        [tool("promtool", "prometheus"), "check", "metrics"],
        input=page,
        capture_output=True,
        check=False,
    )

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
