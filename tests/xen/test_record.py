"""The record of a real dom0: what was read then, and what a report says of it."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Final

import pytest

from tests.laws.test_law_11 import assessed, holds, recorded
from tests.support import series
from tests.xen import guests
from tests.xen.daemon import PREFIX, PROGRAM, READING, SCRIPTS, Daemon, Page
from tests.xen.guests import ONE
from tests.xen.vm import LOG, Vm
from xenwatch.readings.snapshot import Snapshot

DOM0_ARGS: Final = ""

LIVED: Final = "/root/lived"
OTHER: Final = "pv2"
SOURCE: Final = "xenwatch_source_info"
"""Says of a moment that it is one."""


def test_a_moment_of_the_record_is_the_host_as_it_was_read(
    vm: Vm, guest: int, tmp_path: Path
) -> None:
    """Readings, rates, limits, plans and alerts of each pass, while a guest is destroyed."""
    guests.start(vm, OTHER)
    script = f"{PREFIX}/bin/python {SCRIPTS}/lived.py {LIVED}/snapshots 'xl destroy {OTHER}'"
    vm.run(f"rm -rf {LIVED}; mkdir {LIVED}; {script}", 600)
    guests.clean(vm, OTHER)
    vm.get(LIVED, tmp_path)
    live: list[Snapshot] = pickle.loads((tmp_path / "snapshots").read_bytes())

    domids = [{each.domid for each in one.domains.domains} for one in live if one.domains]
    assert [guest in found for found in domids] == [True] * len(live)
    assert domids[0] - domids[-1]
    passes = list(assessed(live))
    recorded(tmp_path / "record", passes).close()
    assert holds(tmp_path / "record", passes) == len(live)


def once(vm: Vm, source: str) -> Page:
    """What the command prints of a source."""
    text = vm.run(f"{PROGRAM} once --format=prometheus --source={source}", 300).encode()
    return Page(text, series(text))


@pytest.mark.usefixtures("guest")
def test_the_daemons_own_record_has_what_it_served(vm: Vm, daemon: Daemon) -> None:
    """`once` prints of a moment the values that were on the page then."""
    names = {name for name, _ in once(vm, "host").series}  # not what a daemon says of itself
    page = daemon.fresh()
    past = once(vm, f"record@{max(page.by(READING, 'probe').values()) + 0.5}")
    served = {key: value for key, value in page.series.items() if key[0] in names}
    other = {
        key: (value, past.series.get(key))
        for key, value in served.items()
        if past.series.get(key) != value and key[0] != SOURCE
    }
    LOG.info("%d series, %d of them about the host", len(page.series), len(served))

    assert past.of(READING) == page.of(READING)
    assert len(served) > len(page.series) / 2
    assert other == {}
    assert past.by(SOURCE, "kind") == {"record": 1}


def test_a_report_names_the_guest_that_came_and_went(vm: Vm, daemon: Daemon) -> None:
    """Both by its name, in the order in which they were, as text and as one HTML file."""
    guests.start(vm, ONE)
    began = float(vm.run("date +%s"))
    daemon.fresh()
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
