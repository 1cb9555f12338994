"""The SAN of the synthetic host: what is read and said of it while portals are out of reach."""

from __future__ import annotations

import pytest

from xenwatch.alerts.states import Alerts, step
from xenwatch.assessment import assess_pass
from xenwatch.config.settings import Settings
from xenwatch.metrics import families
from xenwatch.model.changed_host import on_host
from xenwatch.model.host import Machine
from xenwatch.model.platform import REPOSITORY
from xenwatch.model.platforms.xapi import XCP_NG_8_3
from xenwatch.model.player import Player
from xenwatch.model.scenario import Host
from xenwatch.model.scenario_source import load
from xenwatch.model.source import ModelSource
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, take
from xenwatch.readings.storage_paths import MultipathMap, NfsRepositories, NfsRequests

POLICY = Settings().alerts()
OURS = ("storage_path_lost", "iscsi_session_down")


@pytest.mark.parametrize("portals", [1, 2, 4, 13])
def test_each_lun_has_a_path_by_each_portal(portals: int) -> None:
    """Every path is a device of its own, and multipathd knows the paths that sysfs shows."""
    machine = Machine(on_host(XCP_NG_8_3, Host(portals=portals)))
    source = ModelSource(machine)
    snapshot = take(source, PROBES).snapshot

    assert snapshot.multipath is not None
    assert list(snapshot.multipath.maps.values()) == [MultipathMap(portals, 0)] * 2
    assert snapshot.multipath.fallback == ""
    assert snapshot.iscsi_sessions is not None
    portals_read = [each.portal for each in snapshot.iscsi_sessions.sessions.values()]
    assert len(set(portals_read)) == portals
    devices = [name for name in source.listdir("/sys/block") if name.startswith("sd")]
    assert len(devices) == 2 * portals


def test_lost_paths_are_told_until_they_are_back() -> None:
    """One portal away is a warning, both are critical, and all ends when they are back."""
    player = Player(load("path-lost"))
    source, found, alerts = ModelSource(player.machine), Pass(), Alerts()
    told = {}
    for seconds in range(30, 1100, 30):
        player.advance(seconds)
        found = take(source, PROBES, lambda: 1000.0 + player.seconds, found)
        page = {family.name: family for family in families(assess_pass(found.snapshot))}
        alerts = step(alerts, page, found.snapshot, POLICY, limits=())
        told[seconds] = sorted(
            (each.alert.name, each.severity, each.value)
            for each in alerts.firing
            if each.alert.name in OURS and each.ended is None
        )

    lost = ("storage_path_lost", "warning")
    down = ("iscsi_session_down", "warning", 0.0)
    assert told[30] == told[90] == []
    assert told[150] == [(*lost, 0.5)] * 2
    assert told[210] == [down, *[(*lost, 0.5)] * 2]
    assert told[390] == [
        down,
        *[("storage_path_lost", "critical", 1.0)] * 2,
        *[(*lost, 1.0)] * 2,
    ]
    assert told[540] == [down, *[(*lost, 0.5)] * 2]
    assert told[1080] == []


def test_requests_time_out_while_storage_hangs() -> None:
    """What waited is counted once the server answers, as the kernel counts completed requests."""
    player = Player(load("storage-hung"))
    source, counted = ModelSource(player.machine), []
    for seconds in (30, 300, 700):
        player.advance(seconds)
        counted.append(take(source, PROBES).snapshot.nfs_repositories)

    calm, late = (
        NfsRepositories({REPOSITORY: NfsRequests(*numbers)}) for numbers in ((0, 0), (80, 20))
    )
    assert counted == [calm, calm, late]
