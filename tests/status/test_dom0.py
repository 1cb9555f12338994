"""dom0's CPU time by role, the control path and wakeups, between two snapshots."""

from __future__ import annotations

import dataclasses

import pytest

from tests.page.test_html import Reader
from tests.page.test_page import FULL, LINKS
from tests.status.test_vm import SNAPSHOT, later
from xenwatch import page
from xenwatch.readings.datapath import Datapath
from xenwatch.readings.dom0_cpus import Dom0Cpus
from xenwatch.status.dom0 import Dom0, dom0


def cpus(user: float, idle: float) -> Dom0Cpus:
    """One CPU that was used and idle for so many seconds; what is guest is user already."""
    return Dom0Cpus({"0": {"user": user, "guest": user, "idle": idle}}, (0, 0, 0), 1, 0, {}, 0.25)


def found() -> Dom0:
    """Twenty seconds with two tapdisks and one new domain, and a QEMU that was woken up."""
    before = dataclasses.replace(
        SNAPSHOT,
        datapath=Datapath({(1, "tapdisk"): 5.0, (2, "tapdisk"): 0.0}, {}),
        dom0_cpus=cpus(10, 10),
    )
    now = dataclasses.replace(
        later(20.0, 100),
        datapath=Datapath({(1, "tapdisk"): 9.0, (2, "tapdisk"): 6.0, (3, "tapdisk"): 99.0}, {}),
        dom0_cpus=cpus(15, 25),
    )
    return dom0(now, before)


def test_cpu_time_is_told_by_role() -> None:
    """Counters of a kind are added up; one that is new is not counted from nothing."""
    roles = {role.name: role.cpus for role in found().roles}

    assert roles["tapdisk"] == pytest.approx(0.5)
    assert (found().busy, found().cpus, found().stolen) == (0.25, 1, 0.25)


def test_the_most_woken_come_first() -> None:
    """Wakeups are those of all QEMUs together, and of each."""
    assert found().wakeups == sum(each.rate or 0 for each in found().wakers)
    assert found().wakers[0].rate == 5.0


def test_without_an_earlier_reading_nothing_is_a_rate() -> None:
    """No rate is invented, and the page says why there is none."""
    blind = dom0(SNAPSHOT, None)
    frame = page.frame(FULL, {}, 0.0, LINKS, about_dom0=lambda: blind)
    text = Reader(page.fill(frame, FULL).decode()).text

    assert {role.cpus for role in blind.roles} <= {None}
    assert (blind.busy, blind.wakeups) == (None, None)
    assert text.count("Rates are known after two readings of the daemon.") == 2


def test_each_is_a_section_of_the_page() -> None:
    """The page has the roles, the answers of the control path, and who wakes up dom0."""
    text = Reader(page.fill(page.frame(FULL, {}, 0.0, LINKS, about_dom0=found), FULL).decode()).text

    assert "1 vCPU, 0.25 of them in use, 25.0 % stolen by Xen" in text
    assert "tapdiskdevices of VMs0.500" in text
    assert "Median answer" in text
    assert "Most wakeups a second" in text
