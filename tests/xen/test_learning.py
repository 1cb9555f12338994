"""What VMs take of dom0's memory, learnt from five guests and held against ten."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from typing import Final

import pytest

from tests.xen import guests
from tests.xen.daemon import INTERVAL as USUAL
from tests.xen.daemon import PROGRAM, READING, Daemon, Page
from tests.xen.guests import Shape
from tests.xen.report import Report
from tests.xen.truth import MIB
from tests.xen.vm import Vm
from xenwatch.planning.learning import PROBE, SAMPLES, SETTLED

DOM0_ARGS = ""

INTERVAL: Final = 5.0
"""Seconds between two readings."""
LEARNT_FROM, HELD_AGAINST = 5, 10
SHAPES: Final = {f"learnt{number}": Shape() for number in range(HELD_AGAINST)}
"""Guests of the built-in shape linux: PV with one vCPU, disk and interface."""
CLOSE: Final = 0.2
SAVED: Final = "/var/lib/xenwatch/learnt.json"
USED: Final = """for _ in 1 2 3 4 5; do
    awk '/^MemTotal:/ {t=$2} /^MemAvailable:/ {a=$2} END {print (t - a) * 1024}' /proc/meminfo
    sleep 3
done
"""
"""dom0's memory in use, five times, by awk."""


def settle(vm: Vm, daemon: Daemon) -> None:
    """Wait until the daemon has recorded the guests that run as often as it does."""
    since = float(vm.run("date +%s.%N")) + SETTLED + (SAMPLES + 1) * INTERVAL

    def recorded() -> bool:
        return daemon.page().by(READING, "probe").get(PROBE, 0) > since

    vm.wait(recorded, f"{SAMPLES} readings of settled guests", 600)


def used(vm: Vm) -> float:
    """Bytes of dom0's memory in use, the median of some looks."""
    return statistics.median(map(float, vm.run(USED, 120).split()))


def start(vm: Vm, daemon: Daemon, first: int, last: int) -> None:
    """Start guests, and wait until they are recorded."""
    guests.start(vm, *list(SHAPES)[first:last], shapes=SHAPES)
    settle(vm, daemon)


def quantiles(page: Page, metric: str) -> list[float]:
    """The learnt figures of the shape linux: low end, median, high end."""
    found = [page.get(metric, shape="linux", quantile=end) for end in ("0.05", "0.5", "0.95")]
    return [value for value in found if value is not None]


@pytest.fixture
def close_readings(daemon: Daemon) -> Iterator[None]:
    """Readings every few seconds, and no guests but those of the test."""
    guests.destroy(daemon.vm, *guests.running(daemon.vm))
    daemon.configure(INTERVAL)
    yield
    guests.destroy(daemon.vm, *guests.running(daemon.vm))
    daemon.configure(USUAL)


@pytest.mark.usefixtures("close_readings")
def test_what_five_guests_teach_holds_for_ten(vm: Vm, daemon: Daemon, report: Report) -> None:
    """Memory of dom0 at ten guests is predicted from five within 20 %, each guest's as stated."""
    settle(vm, daemon)
    start(vm, daemon, 0, 2)
    start(vm, daemon, 2, LEARNT_FROM)
    page, before = daemon.page(), used(vm)
    low, median, high = quantiles(page, "xenwatch_vm_dom0_memory_bytes")
    least, _, most = quantiles(page, "xenwatch_vm_dom0_tasks")
    tasks = page.get("xenwatch_tasks_used") or 0
    plan = vm.run(f"systemctl stop xenwatch; {PROGRAM} plan --plan.learnt={SAVED} --format json")
    daemon.restart()

    start(vm, daemon, LEARNT_FROM, HELD_AGAINST)
    more = HELD_AGAINST - LEARNT_FROM
    after, tasks_after = used(vm), daemon.page().get("xenwatch_tasks_used") or 0
    each = (after - before) / more
    for title, value in {
        "dom0's memory for a guest, learnt from five: low end, MiB": low / MIB,
        "the same, high end, MiB": high / MIB,
        "the same, truth of the next five, MiB": each / MIB,
        "dom0's memory at ten guests, predicted, MiB": (before + more * median) / MIB,
        "the same, truth, MiB": after / MIB,
    }.items():
        report.note(title, value)

    # A guest that is lost on its way up is learnt from too.
    learnt = page.get("xenwatch_vm_learnt_vms", shape="linux") or 0
    assert learnt >= LEARNT_FROM
    assert abs(before + more * median - after) <= CLOSE * after
    assert low <= each <= high
    assert least <= (tasks_after - tasks) / more <= most
    assert (daemon.page().get("xenwatch_vm_learnt_vms", shape="linux") or 0) >= HELD_AGAINST
    plans = json.loads(plan)["plans"]
    [linux] = [found for found in plans if found["shapes"][0]["name"] == "linux"]
    [memory] = [row for row in linux["learnt"] if row["limit"] == "dom0_memory"]
    assert (memory["vms"], memory["counted"], memory["carried"]) == (learnt, True, True)
    assert "dom0_memory" not in linux["not_counted"]
