"""What the daemon costs a dom0 with guests, beside node_exporter."""

from __future__ import annotations

import json
from typing import Final

import pytest

from tests.xen import guests, peer
from tests.xen.daemon import CONFIG, PORT, Daemon
from tests.xen.guests import Shape
from tests.xen.report import Report
from tests.xen.vm import Vm

DOM0_ARGS = ""

SHAPES: Final = {f"cost{number}": Shape("pv") for number in range(10)}
MINUTES: Final = 5
OURS: Final = ("xenwatch", "xenwatch-reader")
THEIRS: Final = peer.UNIT
MEASURE: Final = f"""
import json, subprocess, time, urllib.request
def used(unit):
    argv = ["systemctl", "show", "--value", "--property=CPUUsageNSec", unit]
    return int(subprocess.run(argv, capture_output=True, check=True).stdout) / 1e9
def scrape(seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for port in ({PORT}, {peer.PORT}):
            urllib.request.urlopen(f"http://127.0.0.1:{{port}}/metrics", timeout=60).read()
        time.sleep(10)
units = {(*OURS, THEIRS)!r}
scrape(60)
before, began = {{unit: used(unit) for unit in units}}, time.monotonic()
scrape({MINUTES * 60})
passed = time.monotonic() - began
print(json.dumps({{unit: (used(unit) - before[unit]) / passed * 100 for unit in units}}))
"""
"""Scrapes both every ten seconds; the CPU time of each unit in percent of a core."""
MOST: Final = 3
"""Times the CPU time of node_exporter that ours may have."""


@pytest.fixture
def ten_guests(vm: Vm, daemon: Daemon) -> None:
    """Ten PV guests, and the configuration that operators have."""
    guests.destroy(vm, *guests.running(vm))
    guests.start(vm, *SHAPES, shapes=SHAPES)
    vm.run(f": > {CONFIG}")
    daemon.restart()


@pytest.mark.usefixtures("ten_guests")
def test_ten_guests_cost_little(vm: Vm, daemon: Daemon, report: Report) -> None:
    """The parts of xenwatch and node_exporter are scraped every ten seconds for five minutes."""
    try:
        with peer.node_exporter(vm):
            found = json.loads(vm.run("python3 -", MINUTES * 60 + 300, stdin=MEASURE.encode()))
    finally:
        daemon.start()
        guests.destroy(vm, *SHAPES)
    ours = sum(found[unit] for unit in OURS)
    parts = ", ".join(f"{unit} {share:.2f} %" for unit, share in found.items())
    report.note(f"CPU time with ten guests, of a core: {parts}", MINUTES * 60)
    assert ours <= MOST * found[THEIRS]
