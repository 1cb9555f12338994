"""Paths to the storage in a real dom0: a multipath map of two SCSI disks that loses both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from tests.xen.daemon import Daemon, Page
from tests.xen.hazards import alerting
from tests.xen.report import Report
from tests.xen.vm import Vm

DOM0_ARGS = ""
MAP: Final = "tests-map"
UUID: Final = "mpath-tests"
TABLE: Final = "0 8192 multipath 0 0 1 1 round-robin 0"
MAKE_DISKS: Final = "modprobe scsi_debug add_host=2 num_tgts=1 dev_size_mb=8 vpd_use_hostno=0"
DISKS: Final = "ls -d /sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*/block/*"
"""Two adapters, each with a disk, which are the same LUN."""
STATUS: Final = f"dmsetup status {MAP}"
REMOVE: Final = f"dmsetup remove --retry {MAP}; modprobe -r scsi_debug"
DOWN: Final = "xenwatch_multipath_paths_down"
RATIO: Final = "xenwatch_multipath_paths_down_ratio"
ALERT: Final = "XenwatchStoragePathLost"


def table(*disks: str) -> str:
    """The table of a map with these paths."""
    return f"{TABLE} {len(disks)} 1 {' '.join(f'/dev/{disk} 1' for disk in disks)}"


@pytest.fixture
def disks(vm: Vm) -> Iterator[tuple[str, str]]:
    """The disks of the map, which is made of both."""
    vm.run("modprobe --all dm-multipath dm-round-robin")
    vm.run(MAKE_DISKS)
    vm.wait(lambda: vm.attempt(DISKS).stdout.count("\n") == 2, "two disks", 60)
    first, second = (path.rpartition("/")[2] for path in vm.run(DISKS).splitlines())
    vm.run("udevadm settle || true")
    vm.run(f"dmsetup create --uuid {UUID} {MAP} --table '{table(first, second)}'")
    yield first, second
    vm.attempt(REMOVE)


def lose(vm: Vm, disk: str, state: str = "offline") -> None:
    """Set the state of a disk."""
    vm.run(f"echo {state} > /sys/block/{disk}/device/state")


def test_paths_that_are_lost(
    vm: Vm, daemon: Daemon, disks: tuple[str, str], report: Report
) -> None:
    """A path offline, one taken from the map and the last one are down, by warning and critical."""
    pages: dict[str, tuple[Page, str]] = {}

    def look(what: str) -> None:
        pages[what] = daemon.fresh(probes=["multipath"]), vm.run(STATUS)

    first, second = disks
    look("two paths")
    lose(vm, second)
    look("one offline")
    lose(vm, second, "running")
    look("back")
    vm.run(f"dmsetup reload {MAP} --table '{table(first)}'; dmsetup suspend {MAP}")
    vm.run(f"dmsetup resume {MAP}")
    look("one gone")
    lose(vm, first)
    look("none left")
    report.table(
        "multipath (what happened, paths down, their part, dmsetup status)",
        [
            (what, str(page.get(DOWN, map=MAP)), str(page.get(RATIO, map=MAP)), status.strip())
            for what, (page, status) in pages.items()
        ],
    )

    found = {what: page.get(DOWN, map=MAP) for what, (page, _) in pages.items()}
    assert found == {
        "two paths": 0, "one offline": 1, "back": 0, "one gone": 1, "none left": 2,
    }  # fmt: skip
    for page, _ in pages.values():
        assert page.get("xenwatch_multipath_paths", map=MAP) == 2
    # Whether the first alert has fired by then, and is kept for a while, is a matter of time.
    alerts = {what: alerting(page, ALERT) for what, (page, _) in pages.items() if what != "back"}
    assert alerts == {
        "two paths": set(),
        "one offline": {"warning"},
        "one gone": {"warning"},
        "none left": {"warning", "critical"},
    }
