"""The units as they are shipped, in dom0: what they do to it, and what it does to them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Final

import pytest

from tests.support import series
from tests.units.files import FRONT, READER
from tests.xen import peer
from tests.xen.daemon import (
    DROP_INS,
    PORT,
    PROGRAM,
    SCRIPTS,
    Daemon,
    install_units,
    remove_units,
    share,
    weighed,
)
from tests.xen.report import Report
from tests.xen.vm import Vm

DOM0_ARGS = ""

MINUTES: Final = float(os.environ.get("STARVED_MINUTES", "10"))
CAP: Final = 25
"""Percent of a CPU that dom0 gets while it is starved."""
BUSY: Final = 50
FINDINGS: Final = "/root/drowned.json"
SECURITY: Final = f"systemd-analyze security --no-pager {FRONT} {READER}"
BOUNDS: Final = {FRONT: 1.5, READER: 3.0}
CONTROL: Final = "cd /sys/fs/cgroup; cat cgroup.subtree_control system.slice/cgroup.subtree_control"


@pytest.fixture
def shipped(vm: Vm, daemon: Daemon) -> Iterator[None]:
    """The units without the drop-in of these tests; afterwards with it."""
    vm.run(f"rm -rf {DROP_INS}")
    daemon.restart()
    yield
    weighed(vm)
    daemon.start()


@pytest.fixture
def nothing(vm: Vm, daemon: Daemon) -> Iterator[None]:
    """dom0 without units, and with the CPU controller off, as it is after boot."""
    remove_units(vm)
    for group in ("/system.slice", ""):
        vm.attempt(f"echo -cpu >/sys/fs/cgroup{group}/cgroup.subtree_control")
    vm.run("systemctl daemon-reexec", 90)
    yield
    remove_units(vm)
    install_units(vm)
    weighed(vm)
    daemon.start()


@pytest.mark.usefixtures("nothing")
def test_the_units_leave_the_cpu_to_those_who_have_it(
    vm: Vm, daemon: Daemon, report: Report
) -> None:
    """No controller goes on, and no share changes, when they are installed, run, and removed."""
    controllers, shares = {"before": vm.run(CONTROL).split()}, {"before": share(vm)}
    install_units(vm)
    controllers["installed"] = vm.run(CONTROL).split()
    vm.run("systemctl start xenwatch", 1800)
    daemon.wait()
    controllers["started"], shares["started"] = vm.run(CONTROL).split(), share(vm)
    vm.run("systemctl stop xenwatch", 90)
    controllers["stopped"] = vm.run(CONTROL).split()
    remove_units(vm)
    controllers["removed"], shares["removed"] = vm.run(CONTROL).split(), share(vm)

    for name, found in controllers.items():
        report.note(f"controllers, units {name}: {' '.join(found)}", 0)
    for name, part in shares.items():
        report.note(f"share of a service of 3 tasks beside 6 of root, units {name}: {part}", 0)
    assert "cpu" not in controllers["before"]
    assert set(map(tuple, controllers.values())) == {tuple(controllers["before"])}
    assert shares == pytest.approx(dict.fromkeys(shares, shares["before"]), abs=0.08)
    assert shares["before"] == pytest.approx(1 / 3, abs=0.1)


@pytest.mark.usefixtures("shipped")
def test_a_starved_dom0_keeps_its_monitor(vm: Vm, daemon: Daemon, report: Report) -> None:
    """With a quarter of a CPU and fifty busy processes, both parts live on and /metrics answers."""
    show = f"systemctl show -p MainPID -p NRestarts {FRONT} {READER}"
    before = vm.run(show)
    drown = f"python3 {SCRIPTS}/drown.py {MINUTES} {CAP} {BUSY} {FINDINGS} {PORT} {peer.PORT}"
    # Nothing new of ours gets through while it lasts, so one command waits for the end.
    waiting = f"until test -e {FINDINGS}; do sleep 5; done; cat {FINDINGS}"
    with peer.node_exporter(vm):
        vm.run(f"rm -f {FINDINGS}; systemd-run --quiet --unit=drown {drown}")
        answers, theirs = json.loads(vm.run(waiting, 60 * MINUTES + 600))
    killed = vm.run("journalctl -b -o cat | grep -c 'Watchdog timeout' || :")

    report.note(f"starved for {MINUTES:g} min: {len(answers)} answers, slowest", max(answers))
    report.note(f"node_exporter beside it: {len(theirs)} answers, slowest", max(theirs))
    report.note(f"seconds each: xenwatch {answers}, node_exporter {theirs}", 0)
    assert vm.run(show) == before
    assert int(killed) == 0
    assert answers
    assert min(answers) >= 0
    assert daemon.fresh().failed() == set()


@pytest.mark.usefixtures("shipped")
def test_the_exposure_is_as_promised(vm: Vm, report: Report) -> None:
    """systemd's own judgement of the installed units is within the bounds."""
    found = re.findall(r"Overall exposure level for ([\w.-]+): ([\d.]+)", vm.run(SECURITY, 120))
    for unit, level in found:
        report.note(f"systemd-analyze security {unit}: {level}", 0)

    assert set(dict(found)) == set(BOUNDS)
    assert {unit for unit, level in found if float(level) > BOUNDS[unit]} == set()


@pytest.mark.usefixtures("shipped", "guest")
def test_the_sandbox_hides_no_value(vm: Vm, daemon: Daemon, report: Report) -> None:
    """Every metric of a pass by root without a sandbox is on the page of the two services."""
    page = daemon.fresh()
    free = series(vm.run(f"{PROGRAM} once --source host --format prometheus", 300).encode())
    boxed = set(page.series)
    missing = {name for name, _ in free} - {name for name, _ in boxed}

    both = len(set(free) & boxed)
    report.note(f"series unsandboxed: {len(free)}, of them sandboxed too: {both}", 0)
    assert page.failed() == set()
    assert missing == set()
