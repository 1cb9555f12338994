"""Certificates and /boot of the synthetic host, and the scenario in which both want attention."""

from __future__ import annotations

import pytest

from xenwatch.alerts.states import Alerts, step
from xenwatch.assessment import Rules, assess_pass
from xenwatch.config.settings import Settings
from xenwatch.metrics import families
from xenwatch.model.host import Machine
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.player import Player
from xenwatch.model.scenario_source import ScenarioSource, load
from xenwatch.model.source import ModelSource
from xenwatch.model.state import BEGAN
from xenwatch.model.upkeep import DAY, KERNEL, XEN, Install
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.readings.reboot_pending import Image
from xenwatch.readings.snapshot import Snapshot, Status

NAME = "certificate-expires"
READ = [probe for probe in PROBES if probe.name in ("certificates", "reboot_pending")]


def read(source: ModelSource, time: float = BEGAN) -> Snapshot:
    """What is read of it."""
    return take(source, READ, clock=lambda: time).snapshot


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_host_that_was_booted_waits_for_nothing(name: str) -> None:
    """On no platform anything is pending, and certificates are where xapi is."""
    found = read(ModelSource(Machine(PLATFORMS[name])))

    assert found.reboot_pending is not None
    assert found.reboot_pending.images.keys() == {"kernel", "xen"}
    assert not any(image.pending for image in found.reboot_pending.images.values())
    applies = found.outcomes["certificates"].status is Status.OK
    assert applies is (PLATFORMS[name].toolstack == "xapi")


@pytest.mark.parametrize(
    ("platform", "install", "component", "pending"),
    [
        ("debian-12", Install(KERNEL, "6.1.0-57-amd64"), "kernel", "6.1.0-57-amd64"),
        ("debian-12", Install(KERNEL), "kernel", "6.1.0-56-amd64"),
        ("debian-12", Install(XEN), "xen", "4.17.7"),
        ("xcp-ng-8.3", Install(KERNEL), "kernel", "4.19.0+1"),
        ("xcp-ng-8.3", Install(XEN, "4.17.6-2"), "xen", "4.17.6-2"),
    ],
)
def test_what_is_installed_is_pending(
    platform: str, install: Install, component: str, pending: str
) -> None:
    """An update waits under a new name or in place of the file of what runs, the other does not."""
    machine = Machine(PLATFORMS[platform])
    machine.advance(60)
    machine.install(install)
    found = read(ModelSource(machine)).reboot_pending

    assert found is not None
    waits = {name: image.installed for name, image in found.images.items() if image.pending}
    assert waits == {component: pending}


def test_certificates_that_expire_raise_the_alert_in_time() -> None:
    """Five days before the end the pool's certificate is critical and xapi's own a warning."""
    player = Player(load(NAME))
    player.advance(120)
    found = read(ModelSource(player.machine), BEGAN + 120)
    assessed = assess_pass(found, Rules(policy=Settings().alerts()))
    page = {family.name: family for family in families(assessed)}
    alerts = step(Alerts(), page, found, Settings().alerts(), limits=())

    firing = {
        (active.severity, dict(active.labels)["certificate"]): active.value
        for active in alerts.firing
        if active.alert.name == "certificate_expiring"
    }
    left = 5 * DAY - 120
    assert firing == {
        ("warning", "xapi"): left,
        ("warning", "xapi-pool"): left,
        ("critical", "xapi-pool"): left,
    }
    assert found.reboot_pending is not None
    assert found.reboot_pending.images == {
        "kernel": Image("4.19.0+1", "4.19.0+1", BEGAN + 60),
        "xen": Image("4.17.6-1", "4.17.6-2", None),
    }


def test_a_scenario_is_of_the_time_it_is_played() -> None:
    """Certificates end so many days after the scenario's beginning by the wall clock."""
    source = ScenarioSource(load(NAME), 100, clock=lambda: 0.0, wall=lambda: 1e9)
    found = take(source, READ, clock=lambda: 1e9).snapshot.certificates

    assert found is not None
    assert {each.not_after for each in found.by_name.values()} == {1e9 - 100 + 5 * DAY}
