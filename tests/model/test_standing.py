"""Scenarios of how dom0 stands: to Xen's scheduler, to time, to the other hosts of its pool."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import pytest

from xenwatch.alerts.names import CRITICAL, WARNING
from xenwatch.assessment import Rules
from xenwatch.config.settings import Settings
from xenwatch.model.platforms.debian import DEBIAN_12
from xenwatch.model.player import Player
from xenwatch.model.scenario import parse
from xenwatch.model.scenario_source import load
from xenwatch.model.source import ModelSource
from xenwatch.model.toml import ScenarioError
from xenwatch.parse.timex import parse_timex
from xenwatch.passes.publisher import assess
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, take

THESE = tuple(
    dataclasses.replace(probe, enabled=True)
    for probe in PROBES
    if probe.name in {"host", "dom0_cpus", "scheduling", "clock", "ha"}
)


def played(name: str, times: Iterable[float]) -> Pass:
    """What is known after a pass at each of these seconds of a scenario."""
    player = Player(load(name))
    source = ModelSource(player.machine)
    known: Pass | None = None
    for seconds in times:
        player.advance(seconds)
        known = take(source, THESE, clock=lambda: player.seconds, before=known)
    assert known is not None
    return known


def active(known: Pass) -> set[tuple[str, str]]:
    """The alerts whose conditions hold, firing or not yet, by name and severity."""
    rules = Rules(policy=Settings().alerts())
    alerts = assess(known.snapshot, rules).assessment.alerts
    assert alerts is not None
    return {(one.alert.name, one.severity) for one in alerts.active.values()}


def test_a_capped_dom0_waits_for_its_cpus() -> None:
    """Six minutes after the cap a third of the time is stolen, and the alert's condition holds."""
    before = played("dom0-starved", [0, 30])
    after = played("dom0-starved", range(0, 480, 30))

    assert before.snapshot.dom0_cpus is not None
    assert before.snapshot.dom0_cpus.steal_ratio == 0
    assert active(before) == set()
    assert after.snapshot.dom0_cpus is not None
    assert after.snapshot.dom0_cpus.steal_ratio == pytest.approx(0.33, abs=0.01)
    assert after.snapshot.scheduling is not None
    assert (after.snapshot.scheduling.weight, after.snapshot.scheduling.cap) == (256, 0.5)
    assert active(after) == {("dom0_cpu_steal", WARNING)}


def test_the_clock_drifts_for_nine_hours() -> None:
    """Its max error rises by half a millisecond a second, to the 16 seconds of the kernel."""
    soon, late = (played("clock-unsynchronized", [hours * 3600]) for hours in (8, 9.1))

    assert soon.snapshot.clock is not None
    assert soon.snapshot.clock.synchronized
    assert soon.snapshot.clock.max_error == pytest.approx(0.00231 + (8 * 3600 - 600) * 0.0005)
    assert active(soon) == set()
    assert late.snapshot.clock is not None
    assert (late.snapshot.clock.synchronized, late.snapshot.clock.max_error) == (False, 16.0)
    assert active(late) == {("clock_unsynchronized", WARNING)}


def test_a_pool_loses_its_state_file() -> None:
    """The state file of this host ages, xhad warns, and both severities are active."""
    before, after = (played("ha-statefile-lost", [seconds]) for seconds in (60, 200))

    assert active(before) == set()
    assert after.snapshot.ha is not None
    ages = [host.statefile_age for host in after.snapshot.ha.hosts.values()]
    assert ages == [pytest.approx(82.64), 2.64, 2.64]
    assert active(after) == {("ha_at_risk", WARNING), ("ha_at_risk", CRITICAL)}


def test_what_was_stolen_stays_stolen() -> None:
    """A second change of the scheduler takes nothing back of what dom0 has lost."""
    text = """title = "two steps"
platform = "debian-12"
[[steps]]
do = "schedule"
stolen = 0.5
at = 10
[[steps]]
do = "schedule"
at = 20
"""
    player = Player(parse("two", text))
    rows = []
    for seconds in (10, 20, 30):
        player.advance(seconds)
        stat = ModelSource(player.machine).read("/proc/stat")
        rows.append(int(stat.split(b"\n")[1].split()[8]))

    assert rows == [0, 500, 500]


def test_a_clock_that_never_drifts_is_as_chronyd_keeps_it() -> None:
    """A synthetic host is synchronized however long it runs."""
    player = Player(load("boot-storm"))
    player.advance(100_000)

    assert parse_timex(ModelSource(player.machine).adjtimex()).maxerror < 10_000


@pytest.mark.parametrize(
    ("host", "step", "problem"),
    [
        ("", 'do = "schedule"\nweight = 0', "weight must be from 1 to 65535"),
        ("", 'do = "schedule"\ncap = 3201', "cap must be from 0 to 3200"),
        ("", 'do = "schedule"\nstolen = 1.5', "stolen must be at most 1"),
        ("", 'do = "ha_warning"\nwarning = "statefile_lost"', "the platform has no xhad"),
        ("ha = true", 'do = "drift"', "ha: debian-12 has no xhad"),
    ],
)
def test_what_a_host_cannot_have_is_refused(host: str, step: str, problem: str) -> None:
    """A value out of range, or high availability where there is no xapi, names the problem."""
    text = f'title = "t"\nplatform = "{DEBIAN_12.name}"\n[host]\n{host}\n[[steps]]\n{step}\n'

    with pytest.raises(ScenarioError, match=problem):
        parse("wrong", text)


def test_an_unknown_warning_is_refused() -> None:
    """xhad warns of five things, and the problem names them."""
    step = '[[steps]]\ndo = "ha_warning"\nwarning = "fire"\n'

    with pytest.raises(ScenarioError, match="warning must be one of: statefile_lost, "):
        parse("wrong", f'title = "t"\nplatform = "xcp-ng-8.3"\n{step}')
