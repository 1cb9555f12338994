"""One trouble is one notification in half an hour for each receiver, scenario by scenario."""

from __future__ import annotations

import pytest

from tests.alerts.notified import most, notifications
from tests.alerts.played import SHAPES, VM, Told, play, sixty
from xenwatch.model.scenario import Host, Scenario
from xenwatch.model.scenario_source import load
from xenwatch.model.steps import Leak, Load, Restart, Start, Step, Stop


def small(*steps: Step) -> Scenario:
    """An XCP-ng 8.3 with five guests, and what happens to it."""
    return Scenario("small", "", "xcp-ng-8.3", (Start(VM, count=5), *steps), SHAPES)


SCENARIOS = {
    "xapi dies, and xenstored nine minutes later": (load("control-path-dead"), 16, {"page": 2}),
    "xapi is slow": (load("control-path-slow"), 16, {"mail": 1}),
    "storage hangs": (load("storage-hung"), 16, {"page": 1}),
    "paths to storage are lost": (load("path-lost"), 20, {"page": 1, "mail": 1}),
    "an uplink is lost": (load("uplink-lost"), 16, {"page": 1}),
    "interfaces of VMs are in no bridge": (load("vif-unattached"), 16, {"page": 1, "mail": 1}),
    "VMs crash again and again": (
        sixty("xcp-ng-8.3", Restart(at=60, every=30, count=None)), 25, {"mail": 1}
    ),
    "twenty zombies": (sixty("xcp-ng-8.3", Stop(20, at=60, dying=True)), 13, {"mail": 1}),
    "daemons starve": (
        sixty("xcp-ng-8.3", Load(at=60, datapath=0.9, control=0.5), host=Host(qemus_in_root=True)),
        32, {"mail": 1},
    ),
    "a leak of descriptors": (small(Leak("xenopsd_fds", at=60, amount=4)), 30, {"page": 1}),
    "two leaks": (
        small(Leak("xenopsd_fds", at=60, amount=3), Leak("blktap_minors", at=60)), 25,
        {"page": 1, "mail": 1},
    ),
    "nothing": (small(), 16, {}),
}  # fmt: skip
"""A scenario, its minutes, and how many troubles of it each receiver is to be told of."""


@pytest.mark.parametrize("name", SCENARIOS)
def test_one_trouble_is_one_notification(name: str) -> None:
    """Nobody is told twice of the same trouble within half an hour, whatever else it causes."""
    scenario, minutes, troubles = SCENARIOS[name]

    found = notifications(play(scenario, minutes).told, minutes)

    assert {each: most(found, each) for each in ("page", "mail") if most(found, each)} == troubles


def test_a_flapping_alert_is_told_once_in_half_an_hour() -> None:
    """An alert that comes and goes every ten minutes is one notification in each half hour."""
    told = [
        Told("uplink_lost", "critical", {"device": "eth0"}, at, at + 8) for at in range(0, 60, 10)
    ]

    found = notifications(told, 60)

    assert most(found, "page") == 1


def test_a_thousand_hosts_with_one_trouble_are_one_notification() -> None:
    """What many hosts tell at once is one group, and who joins it is told half an hour later."""
    told = [
        Told("uplink_lost", "critical", {"device": "a", "instance": f"host{n}"}, n / 100, None)
        for n in range(1000)
    ]

    assert [each.minute for each in notifications(told, 45)] == [0.5, 30.5]
