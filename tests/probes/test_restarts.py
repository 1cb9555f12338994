"""VMs that come back as new domains."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from functools import partial

from tests.probes.support import FakeHost, after, dom0, failed, handle, info, xen
from xenwatch.model.player import Player
from xenwatch.model.scenario_source import load
from xenwatch.model.source import ModelSource
from xenwatch.parse.domaininfo import DomainInfo
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, take
from xenwatch.probes.domains import DOMAINS
from xenwatch.probes.restarts import RECENT
from xenwatch.readings.domains import Domains, Restarted
from xenwatch.readings.snapshot import Snapshot
from xenwatch.readings.xenstore import Xenstore

UUID = str(handle(1))


def host(infos: Iterable[DomainInfo]) -> FakeHost:
    """A dom0 with these domains beside its own."""
    return dom0(calls=xen([info(0), *infos]))


def vm(domid: int, generation: int = 1) -> DomainInfo:
    """A domain of the VM of that generation."""
    return info(domid, generation=generation)


def seen(known: Pass, time: float, *infos: DomainInfo) -> Pass:
    """What is known after these domains were seen at a time."""
    snapshot = dataclasses.replace(known.snapshot, instant=time)
    return after(DOMAINS, host(infos), dataclasses.replace(known, snapshot=snapshot))


def reading(known: Pass) -> Domains:
    """What the probe read."""
    assert known.snapshot.domains is not None
    return known.snapshot.domains


def test_a_vm_that_comes_back_with_another_domid_was_restarted() -> None:
    """The same UUID as another domain is a restart, wherever in between it was seen or not."""
    known = seen(Pass(), 100, vm(1), vm(2, 2))
    assert (reading(known).restarts, reading(known).restarted) == (0, ())
    known = seen(known, 110, vm(3), vm(2, 2))
    known = seen(known, 120, vm(2, 2))
    known = seen(known, 130, vm(4), vm(2, 2))
    known = seen(known, 140, vm(4), vm(2, 2))

    assert reading(known).restarts == 2
    assert reading(known).restarted == (Restarted(UUID, None, 2),)


def test_a_zombie_beside_its_successor_is_one_restart() -> None:
    """A domain that stays dying has the UUID of the one that was started after it."""
    known = seen(Pass(), 100, vm(1))
    for time in (110, 120, 130):
        known = seen(known, time, vm(1), vm(2))

    assert reading(known).restarts == 1


def test_a_vm_that_is_new_was_not_restarted() -> None:
    """Its first start, and that after a long time, are none; nor is dom0 or a VM without UUID."""
    known = seen(Pass(), 100, vm(1))
    known = seen(known, 110)
    known = seen(known, 110 + RECENT, vm(5))
    known = seen(known, 120 + RECENT, vm(5), vm(6, 2))

    assert (reading(known).restarts, reading(known).restarted) == (0, ())


def test_a_restart_is_recent_for_half_an_hour() -> None:
    """Afterwards it is only in the counter."""
    known = seen(Pass(), 100, vm(1))
    known = seen(known, 110, vm(2))
    still = seen(known, 109 + RECENT, vm(2))
    later = seen(still, 110 + RECENT, vm(2))

    assert reading(still).restarted == (Restarted(UUID, None, 1),)
    assert (reading(later).restarts, reading(later).restarted) == (1, ())


def test_a_vm_keeps_its_name_while_the_new_one_is_not_read() -> None:
    """The name of the domain before is that of the VM, also once its domain is gone."""
    names = Xenstore({(1, UUID): b"web"})
    known = seen(Pass(Snapshot(xenstore=names)), 100, vm(1))
    known = seen(known, 110, vm(2))
    known = seen(known, 120)

    assert reading(known).restarted == (Restarted(UUID, b"web", 1),)


def test_a_vm_that_is_new_in_every_run_has_the_name_of_its_last_domain() -> None:
    """Names are read of the domains of the run before, which are gone, and are those of the VM."""
    known = seen(Pass(), 100, vm(1))
    for domid in (2, 3, 4):
        names = Xenstore({(domid - 1, UUID): b"web"})
        snapshot = dataclasses.replace(known.snapshot, xenstore=names)
        known = seen(dataclasses.replace(known, snapshot=snapshot), 100.0 + domid, vm(domid))

    assert reading(known).restarted == (Restarted(UUID, b"web", 3),)


def test_a_failed_run_is_no_restart() -> None:
    """Domains that could not be read meanwhile are the same ones afterwards."""
    known = failed(DOMAINS, seen(Pass(), 100, vm(1)))

    assert reading(seen(known, 120, vm(1))).restarts == 0


def test_a_crash_loop_is_told_by_name() -> None:
    """Of the scenario one VM has been restarted eight times, and no other one."""
    player, known = Player(load("crash-loop")), None
    for moment in range(500, 1200, 10):
        player.advance(moment)
        source = ModelSource(player.machine)
        known = take(source, PROBES, partial(float, moment), known)
    assert known is not None

    [restarted] = reading(known).restarted
    assert (restarted.name, restarted.count) == (b"linux-0001", 8)
    assert reading(known).restarts == 8
