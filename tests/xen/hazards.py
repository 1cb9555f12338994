"""Tests of faults that every dom0 can have."""

from __future__ import annotations

import math
from typing import Final

import pytest

from tests.xen import faults, guests
from tests.xen.daemon import READING, Daemon, Page
from tests.xen.faults import XENSTORED_PROBES
from tests.xen.report import Report
from tests.xen.vm import Vm

STOPPED: Final = 30.0
"""Seconds for which xenstored does not run."""
WATCHED: Final = 20.0
"""Seconds for which xenstored is out of descriptors."""
MORE: Final = 20
"""Connections a xenstored out of descriptors is asked for beside the daemon's."""
CHANNELS: Final = "xenwatch_event_channels_used"
RATIO: Final = "xenwatch_limit_used_ratio"
THRESHOLD: Final = "xenwatch_limit_threshold_ratio"


def names(page: Page) -> set[str]:
    """Names of all domains."""
    return {dict(labels)["name"] for labels in page.of("xenwatch_domain_info")}


def alerting(page: Page, alert: str) -> set[str]:
    """The severities that an alert has, or will have if its condition lasts."""
    states = [dict(its) for its in page.of("xenwatch_alert_state")]
    return {
        its["severity"]
        for its in states
        if its["alert"] == alert and its["state"] in ("pending", "firing")
    }


def others(page: Page) -> set[str]:
    """The probes that can do without xenstored."""
    return set(page.by(READING, "probe")) - XENSTORED_PROBES


def all_go_on(pages: list[Page], before: Page) -> None:
    """No reading but xenstored's fails, and event channels do not move."""
    for probe in others(before):
        assert not any(probe in page.failed() for page in pages), probe
    assert {page.get(CHANNELS) for page in pages} == {before.get(CHANNELS)}


class Hazards:
    """What a xenstored may do; to be inherited by a class of tests in each module."""

    @pytest.mark.usefixtures("often")
    def test_a_stopped_xenstored_costs_its_own_readings_alone(
        self, vm: Vm, daemon: Daemon, report: Report, guest: int
    ) -> None:
        """With xenstored stopped for half a minute all other readings go on, and none is wrong."""
        before = daemon.fresh()

        with faults.stopped(vm, faults.pid_of(vm, "xenstored")):
            pages = faults.watch(daemon, STOPPED, others(before))
        after = daemon.fresh(probes=before.by(READING, "probe"))

        report.note("slowest scrape so far, xenstored stopped", daemon.slowest)
        assert {probe for page in pages for probe in page.failed()} >= {"xenstore"}
        assert not set().union(*(page.failed() for page in pages)) - XENSTORED_PROBES
        all_go_on(pages, before)
        assert set().union(*map(names, pages)) <= names(before) | {""}
        assert after.failed() == set()
        assert names(after) == names(before)

    @pytest.mark.usefixtures("often")
    def test_a_xenstored_out_of_descriptors_is_seen_coming(
        self, vm: Vm, daemon: Daemon, guest: int
    ) -> None:
        """The ratio of its descriptors warns before every client hangs, and all else goes on."""
        before = daemon.fresh()
        xenstored = faults.pid_of(vm, "xenstored")
        used = int(vm.run(f"ls /proc/{xenstored}/fd | wc -l"))
        ratios, alerts = [], []
        for share in (0.85, 0.95):
            with faults.descriptors_limited(vm, xenstored, math.ceil(used / share)):
                page = daemon.fresh()
                ratios.append(page.get(RATIO, limit="xenstored_fds") or 0)
                alerts.append(alerting(page, "XenwatchXenstoredFdsNearLimit"))
        with faults.descriptors_limited(vm, xenstored, used), faults.Hog(vm) as hog:
            # The daemon's own connections stand; a new one has them to make, as every client has,
            # and the hog waits for what becomes free.
            hog.tell(f"connect {MORE}")
            vm.run("systemctl kill -s KILL xenwatch")
            refused = vm.attempt("timeout 5 xenstore-read domid")
            daemon.wait()
            daemon.fresh(probes={"event_channels"})
            pages = faults.watch(daemon, WATCHED, others(before))
        after = daemon.fresh(probes=before.by(READING, "probe"))

        warning = before.get(THRESHOLD, limit="xenstored_fds", severity="warning") or 1
        critical = before.get(THRESHOLD, limit="xenstored_fds", severity="critical") or 1
        assert warning <= ratios[0] < critical <= ratios[1]
        assert alerts == [{"warning"}, {"warning", "critical"}]
        assert refused.status != 0
        assert {"xenstore"} <= pages[-1].failed() <= XENSTORED_PROBES
        assert (pages[-1].get(RATIO, limit="xenstored_fds") or 0) >= critical
        all_go_on(pages, before)
        assert after.failed() == set()
        assert names(after) == names(before)


class Ends:
    """What is no business of xenstored's; to be inherited by a class of tests of one module."""

    def test_the_daemon_killed_is_back_by_itself(
        self, vm: Vm, daemon: Daemon, report: Report, guest: int
    ) -> None:
        """After SIGKILL systemd starts the daemon anew, which says the same as before."""
        before = daemon.fresh()
        starts = int(vm.run("systemctl show -P NRestarts xenwatch"))

        vm.run("systemctl kill -s KILL xenwatch")
        report.note("from SIGKILL to the next answer", daemon.wait())
        after = daemon.fresh()

        assert int(vm.run("systemctl show -P NRestarts xenwatch")) == starts + 1
        assert after.get(CHANNELS) == before.get(CHANNELS)
        assert names(after) == names(before)
        assert after.failed() == set()

    def test_a_guest_that_will_not_die_is_seen(self, vm: Vm, daemon: Daemon, guest: int) -> None:
        """A domain somebody still holds on to is dying, and no other number is touched by it."""
        with faults.stopped(vm, faults.pid_of(vm, "xenconsoled")):
            guests.destroy(vm, guests.ONE)
            listed = vm.run("xl list")
            page = daemon.fresh()
        state = {"domid": str(guest), "state": "dying"}
        vm.wait(lambda: not daemon.page().get("xenwatch_domain_state", **state), "its end", 60)

        assert f" {guest} " in listed
        assert page.get("xenwatch_domain_state", **state) == 1
        assert page.get("xenwatch_domains", state="dying") == 1
        assert page.get("xenwatch_domain_disks", domid=str(guest)) == 0
        assert not page.of("xenwatch_domain_backend_errors")
        assert page.failed() == set()

    def test_sigterm_ends_the_daemon(self, vm: Vm, daemon: Daemon, report: Report) -> None:
        """Stopping the unit ends the process at once, with success and without a SIGKILL."""
        end = (
            "kill -TERM $pid; begun=$(date +%s%N); tail --pid=$pid -s 0.02 -f /dev/null;"
            " echo $((($(date +%s%N) - begun) / 1000000))"
        )
        milliseconds = int(vm.run(f"pid=$(systemctl show -P MainPID xenwatch); {end}"))
        result = vm.run("systemctl show -P Result xenwatch").strip()
        daemon.restart()

        report.note("from SIGTERM to the daemon's end", milliseconds / 1000)
        assert result == "success"
