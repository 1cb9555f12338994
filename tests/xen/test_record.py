"""The record of a real dom0: what was read then, and what a report says of it."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Final

import pytest

from tests.laws.test_law_11 import assessed, holds
from tests.support import series
from tests.xen import guests
from tests.xen.daemon import PREFIX, PROGRAM, READING, SCRIPTS, Daemon, Page
from tests.xen.guests import ONE
from tests.xen.vm import LOG, Vm
from xenwatch.readings.snapshot import Snapshot

DOM0_ARGS: Final = ""

LIVED: Final = "/root/lived"
RECORD: Final = "/var/lib/xenwatch/record"
OTHER: Final = "pv2"
OF_ITSELF: Final = ("process_", "python_", "xenwatch_build", "xenwatch_config", "xenwatch_record")
"""Prefixes of what a daemon says of itself, which a moment of the past has not."""


def test_a_moment_of_the_record_is_the_host_as_it_was_read(
    vm: Vm, guest: int, tmp_path: Path
) -> None:
    """Readings, rates, limits, plans and alerts of each pass, while a guest is destroyed."""
    guests.start(vm, OTHER)
    script = f"{PREFIX}/bin/python {SCRIPTS}/lived.py {LIVED} 'xl destroy {OTHER}'"
    vm.run(f"rm -rf {LIVED}; {script}", 600)
    guests.clean(vm, OTHER)
    vm.get(LIVED, tmp_path)
    live: list[Snapshot] = pickle.loads((tmp_path / "snapshots").read_bytes())

    domids = [{each.domid for each in one.domains.domains} for one in live if one.domains]
    assert [guest in found for found in domids] == [True] * len(live)
    assert domids[0] - domids[-1]
    assert holds(tmp_path / "record", list(assessed(live))) == len(live)


@pytest.mark.usefixtures("guest")
def test_the_daemons_own_record_has_what_it_served(vm: Vm, daemon: Daemon) -> None:
    """`once` prints of a moment the values that were on the page then."""
    page = daemon.fresh()
    then = max(page.by(READING, "probe").values())
    again = ("once", "--format=prometheus", f"--source=record@{then + 0.5}")
    text = vm.run(f"{PROGRAM} {' '.join(again)}", 300).encode()
    past = Page(text, series(text))

    assert past.of(READING) == page.of(READING)
    missing = {key for key in page.series.keys() - past.series.keys() if counts(key[0])}
    other = {
        key: (value, past.series[key])
        for key, value in page.series.items()
        if key in past.series and past.series[key] != value and counts(key[0])
    }
    LOG.info("%d series, %d of them in the record", len(page.series), len(past.series))
    assert (missing, other) == (set(), {})


def counts(name: str) -> bool:
    """Whether a metric is about the host."""
    return not name.startswith(OF_ITSELF)


def test_a_report_names_the_guest_that_came_and_went(vm: Vm, daemon: Daemon) -> None:
    """Both by its name, in the order in which they were, as text and as one HTML file."""
    guests.start(vm, ONE)
    daemon.fresh()
    began = float(vm.run("date +%s"))
    guests.start(vm, OTHER)
    daemon.fresh()
    guests.destroy(vm, OTHER)
    daemon.fresh()
    text = vm.run(f"{PROGRAM} report --from {began} --format markdown", 300)
    page = vm.run(f"{PROGRAM} report --from {began}", 300)
    LOG.info("%s", text)

    lines = [line for line in text.splitlines() if OTHER in line]
    started = next(number for number, line in enumerate(lines) if "started" in line)
    assert any("stopped" in line for line in lines[started:])
    assert not any(ONE in line and "started" in line for line in text.splitlines())
    assert page.startswith("<!DOCTYPE html>")
    assert OTHER in page
