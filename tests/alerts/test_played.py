"""Scenarios by the alerts they raise, and by the time until somebody is told."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.alerts.played import GUESTS, SHAPES, VM, play, sixty
from xenwatch.alerts.names import CRITICAL, WARNING
from xenwatch.config.settings import Settings
from xenwatch.exposition.text_format import Family
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.scenario import Host, Scenario
from xenwatch.model.scenario_source import load
from xenwatch.model.steps import Leak, Load, Restart, Start, Step, Stop
from xenwatch.status.shipped import shipped

MINUTES = 32
SOON = "limit_full_soon"
FDS = "daemon_fds_near_limit"
IN_ROOT = {"xenserver-7.0", "xenserver-7.1", "xcp-ng-8.2", "xenserver-8"}
"""Platforms whose own toolstack puts QEMUs into the root cgroup."""


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_healthy_host_is_silent(name: str) -> None:
    """Sixty HVM guests of two vCPUs raise nothing in half an hour, and what is shipped is told."""
    played = play(sixty(name), MINUTES)

    assert played.told == ()
    assert played.last.domains is not None
    assert len(played.last.domains.domains) == GUESTS + 1
    told = [sentence.partition(",")[0] for sentence in shipped(played.last)]
    # The hosts that the models of Debian were made from had the CPU controller on.
    slices = PLATFORMS[name].slices.keys()
    weighed = "system.slice" in slices and "control.slice" not in slices
    assert told == (
        [f"{GUESTS} qemu-system-i38 in cgroup /"] * (name in IN_ROOT)
        + ["The CPU controller is on"] * weighed
    )


@pytest.mark.parametrize("in_root", [True, False])
def test_causes_of_a_starved_toolstack_are_warnings_where_it_waits(in_root: bool) -> None:
    """With dom0 overloaded its daemons wait for a CPU: what explains it is told, and pages nobody.

    QEMUs in the root group are only told where somebody has put them there.
    """
    busy = Load(at=60, datapath=0.9, control=0.5)

    played = play(sixty("xcp-ng-8.3", busy, host=Host(qemus_in_root=in_root)), MINUTES)

    causes = (
        {"control_path_starved", "misplaced_processes"} if in_root else {"control_path_starved"}
    )
    assert {name for name, _ in played.names()} >= causes
    assert CRITICAL not in {severity for _, severity in played.names()}
    assert {played.first(name, WARNING) for name in causes} == {12}


def leaking(*steps: Step) -> Scenario:
    """An XCP-ng 8.3 with five guests, and what is leaked."""
    return Scenario("leaking", "", "xcp-ng-8.3", (Start(VM, count=5), *steps), SHAPES)


def test_an_end_within_minutes_is_told_well_before() -> None:
    """A leak that fills a limit in 17 minutes pages five before, and before it is nearly full."""
    played = play(leaking(Leak("xenopsd_fds", at=60, amount=4)), 25)

    full = next(
        minute
        for minute, page in enumerate(played.pages)
        if value(page, "xenwatch_daemon_fds_used") >= 4096
    )
    assert played.first("limit_full_soon", CRITICAL) <= full - 5
    assert played.first("limit_full_soon", CRITICAL) < played.first(FDS, WARNING)


def value(page: Sequence[Family], name: str) -> float:
    """The largest value of a metric, 0 without one."""
    return max((v for family in page if family.name == name for _, v in family.samples), default=0)


def test_two_limits_at_once_are_two_alerts() -> None:
    """The one that ends within the hour pages, the other one is a warning."""
    steps = (Leak("xenopsd_fds", at=60, amount=3), Leak("blktap_minors", at=60))

    played = play(leaking(*steps), 25)

    soon = {(one.labels["limit"], one.severity) for one in played.told if one.alert == SOON}
    assert soon == {
        ("daemon_fds", CRITICAL), ("daemon_fds", WARNING), ("blktap_minors", WARNING)
    }  # fmt: skip
    assert played.names() == {(SOON, CRITICAL), (SOON, WARNING), (FDS, WARNING), (FDS, CRITICAL)}


def test_a_plateau_ends_the_forecast() -> None:
    """A leak that ends is over after three minutes of rest and the time an alert is kept."""
    begin, leaks, rest, kept = 1, 25, 3, Settings().alerts().keep / 60
    leak = Leak("xenopsd_fds", at=60 * begin, amount=2, count=60 * leaks)

    played = play(leaking(leak), 40)

    assert played.names() == {(SOON, CRITICAL), (SOON, WARNING)}
    assert max(one.end or MINUTES * 60 for one in played.told) <= begin + leaks + rest + kept


def test_an_evacuation_raises_nothing() -> None:
    """Forty VMs that come from another host within twenty minutes are no leak."""
    steps = Start(VM, count=20), Start(VM, count=40, at=600, every=30)

    assert play(Scenario("evacuation", "", "xcp-ng-8.3", steps, SHAPES), 45).told == ()


def test_guests_that_migrate_away_and_in_raise_nothing() -> None:
    """Guests leave the host while others arrive, whose devices connect minutes later."""
    begin = Start(VM, count=30)
    arrive = Start(VM, count=10, at=300, every=30, boot=200)

    steps = begin, arrive, Stop(10, at=300, every=30)

    assert play(Scenario("migration", "", "xcp-ng-8.3", steps, SHAPES), 25).told == ()


def test_twenty_zombies_are_told_after_ten_minutes() -> None:
    """Each domain that does not die is a warning, as its domid is all that tells it from others."""
    played = play(sixty("xcp-ng-8.3", Stop(20, at=60, dying=True)), 13)

    assert played.names() == {("zombie_domain", WARNING)}
    assert len({one.labels["domid"] for one in played.told}) == 20
    assert {one.begin for one in played.told} == {11}


def test_churn_is_told_of_the_vm_alone() -> None:
    """A VM that restarts twice a minute is one warning, and its domids raise no other."""
    played = play(sixty("xcp-ng-8.3", Restart(at=60, every=30, count=None)), 25)

    assert [(one.alert, one.severity, one.end) for one in played.told] == [
        ("crash_loop", WARNING, None)
    ]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("control-path-dead", {("xapi_unresponsive", CRITICAL): (1, 3)}),
        ("control-path-dead", {("xenstored_unresponsive", CRITICAL): (10, 4)}),
        ("control-path-slow", {("control_path_slow", WARNING): (1, 3)}),
        ("storage-hung", {("storage_hung", CRITICAL): (1, 3)}),
    ],
)
def test_trouble_is_told_within_minutes(
    name: str, told: dict[tuple[str, str], tuple[float, float]]
) -> None:
    """From what happens, in minutes of the scenario, to the alert it takes as many minutes."""
    played = play(load(name), 16)

    for (alert, severity), (at, within) in told.items():
        assert at < played.first(alert, severity) <= at + within
