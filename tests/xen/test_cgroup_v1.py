"""The units as they are shipped on cgroup version 1, as XCP-ng and XenServer have it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from tests.units.files import FRONT, READER
from tests.xen.daemon import (
    ETC,
    Daemon,
    install_units,
    remove_units,
    share,
    weighed,
)
from tests.xen.report import Report
from tests.xen.vm import Vm
from tests.xen.wheels import ROOT

DOM0_ARGS = "systemd.unified_cgroup_hierarchy=0"

CPU: Final = "/sys/fs/cgroup/cpu,cpuacct"
GROUPS: Final = f"cd {CPU}; find . -mindepth 1 -type d | sort"
EMPTIED: Final = f"""cd {CPU}
find . -depth -mindepth 1 -type d | while read -r group; do
    while read -r pid; do echo "$pid" >cgroup.procs || :; done <"$group/cgroup.procs"
    rmdir "$group" || :
done
systemctl daemon-reexec"""
"""What the tests' own drop-in has left of groups."""
CONTROL_SLICE: Final = f"{ETC}/control.slice"
SHARES: Final = b"[Slice]\nCPUShares=10240\n"


@pytest.fixture
def nothing(vm: Vm, daemon: Daemon) -> Iterator[None]:
    """dom0 without units and without groups for the CPU, as it is after boot."""
    remove_units(vm)
    vm.run(EMPTIED, 120)
    yield
    remove_units(vm)
    vm.run(f"systemctl stop control.slice; rm -f {CONTROL_SLICE}; systemctl daemon-reload", 90)
    install_units(vm)
    weighed(vm)
    daemon.start()


def started(vm: Vm, daemon: Daemon) -> None:
    """Start the units as they are, and wait for an answer."""
    vm.run("systemctl start xenwatch", 1800)
    daemon.wait()


@pytest.mark.usefixtures("nothing")
def test_the_units_make_no_group_for_the_cpu(vm: Vm, daemon: Daemon, report: Report) -> None:
    """No group is made and no share changes when they are installed, run, and removed."""
    groups, shares = {"before": vm.run(GROUPS)}, {"before": share(vm)}
    install_units(vm)
    started(vm, daemon)
    groups["started"], shares["started"] = vm.run(GROUPS), share(vm)
    remove_units(vm)
    groups["removed"], shares["removed"] = vm.run(GROUPS), share(vm)

    for name, part in shares.items():
        report.note(f"cgroup v1: share of a service of 3 tasks beside 6, units {name}: {part}", 0)
    assert groups == dict.fromkeys(groups, groups["before"])
    assert "system.slice" not in groups["before"]
    assert shares == pytest.approx(dict.fromkeys(shares, shares["before"]), abs=0.08)


@pytest.mark.usefixtures("nothing")
def test_both_services_run_in_control_slice(vm: Vm, daemon: Daemon, report: Report) -> None:
    """With the drop-in for hosts that have it, both have its share, and read as much as before."""
    vm.run(f"cat > {CONTROL_SLICE}", stdin=SHARES)
    vm.put([ROOT / "systemd/control-slice.conf"], "/root")
    install_units(vm)
    for unit in (FRONT, READER):
        vm.run(f"install -D -m 644 /root/control-slice.conf {ETC}/{unit}.d/control-slice.conf")
    vm.run("systemctl daemon-reload", 90)
    started(vm, daemon)
    page = daemon.fresh()
    placed = {}
    for unit in (FRONT, READER):
        pid = vm.run(f"systemctl show -P MainPID {unit}").strip()
        lines = vm.run(f"cat /proc/{pid}/cgroup").splitlines()
        placed[unit] = next(line.split(":")[2] for line in lines if ":cpu,cpuacct:" in line)

    report.note(f"cgroup v1: placed in {placed}", 0)
    assert all(path.startswith("/control.slice") for path in placed.values())
    assert page.failed() == set()
    assert page.get("xenwatch_slice_weight", slice="control.slice") == 10240
