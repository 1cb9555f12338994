"""xenstored of the synthetic host: a guest that leaks, and the two kinds of xenstored."""

from __future__ import annotations

import dataclasses

import pytest

from xenwatch.limits.states import Severity, assess
from xenwatch.model.changed_host import on_host
from xenwatch.model.devices import vm
from xenwatch.model.host import Machine
from xenwatch.model.platforms.debian import DEBIAN_12
from xenwatch.model.player import Player
from xenwatch.model.scenario import Host
from xenwatch.model.scenario_source import load
from xenwatch.model.source import ModelSource
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.readings.snapshot import Snapshot
from xenwatch.readings.xenstore_quotas import Quota


def snapshot_of(machine: Machine) -> Snapshot:
    """What the probes read of a machine."""
    return take(ModelSource(machine), PROBES).snapshot


def test_a_guest_uses_up_its_quotas_of_xenstore() -> None:
    """The guest that leaks watches and nodes is critical on both, and no other guest is."""
    player = Player(load("xenstore-quota"))
    player.advance(4000)
    states = {
        (state.limit.name, state.instance): state
        for state in assess(snapshot_of(player.machine))
        if state.limit.probe == "xenstore_quotas"
    }

    full = {("xenstore_watches", "1"), ("xenstore_nodes", "1")}
    assert {key for key, state in states.items() if state.ratio == 1} == full
    assert {key for key, state in states.items() if state.severity is not Severity.OK} == full
    assert {states[key].severity for key in full} == {Severity.CRITICAL}
    assert {instance for _, instance in states} == {"1", "2", "3", "4", "5"}


@pytest.mark.parametrize("xen", [(4, 17), (4, 18), (4, 22)])
@pytest.mark.parametrize("c_xenstored", [True, False])
def test_quotas_of_a_guest(xen: tuple[int, int], c_xenstored: bool) -> None:
    """The C xenstored of every release tells all kinds, oxenstored nodes alone."""
    platform = on_host(DEBIAN_12, Host(c_xenstored=c_xenstored))
    machine = Machine(dataclasses.replace(platform, xen=xen))
    domid = machine.start(b"web", vm(platform, "pv"))
    machine.leave_zombie(machine.start(b"gone", vm(platform, "pv")))
    quotas = snapshot_of(machine).xenstore_quotas

    assert quotas is not None
    found = {domid: used for domid, used in quotas.domains.items() if used}
    assert set(found) == {domid}
    assert found[domid]["nodes"] == Quota(42, 1000)
    assert found[domid].get("watches") == (Quota(12, 128) if c_xenstored else None)
