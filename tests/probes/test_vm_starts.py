"""How long VMs take to start, by the times at which other probes have read them."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from tests.probes.support import NO_XEN, dom0, outcome_of
from xenwatch.model.player import Player
from xenwatch.model.scenario_source import load
from xenwatch.model.source import ModelSource
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, run, take
from xenwatch.probes.vm_starts import GIVE_UP, VM_STARTS
from xenwatch.readings.devices import Backends, DeviceKey, XenstoreDevices
from xenwatch.readings.domains import Domain, Domains
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.readings.vm_starts import BOUNDS, VmStarts

DOM0 = Domain(0, "dom0", b"Domain-0", "pv", "running", 2, 2, 1 << 30, 1.0)
VBD, VIF, QDISK = DeviceKey("vbd", 5, 51712), DeviceKey("vif", 5, 0), DeviceKey("qdisk", 5, 832)
WAITS, UP = "InitWait", "Connected"


def guest(state: str = "blocked", type_: str | None = "pv", uuid: str = "five") -> Domain:
    """Domain 5."""
    return Domain(5, uuid, b"web", type_, state, 1, 1, 1 << 30, 0.5)


@dataclass
class Life:
    """Readings of a dom0 one after another, and what the probe makes of each."""

    memory: object = VM_STARTS.memory
    readings: list[VmStarts] = field(default_factory=list)

    def at(
        self,
        time: float,
        *domains: Domain,
        devices: dict[DeviceKey, str] | None = None,
        in_xenstore: dict[DeviceKey, str] | None = None,
        snapshot: Snapshot | None = None,
    ) -> VmStarts:
        """Everything is read at a time."""
        outcome = Outcome(Status.OK, "", time)
        names = ("domains", "backends", "xenstore_devices")
        found = snapshot or Snapshot(
            time,
            dict.fromkeys(names, outcome),
            domains=Domains((DOM0, *domains), "hypercall"),
            backends=Backends(devices or {}),
            xenstore_devices=XenstoreDevices(in_xenstore or {}, ()),
            instant=time,
        )
        result = run(VM_STARTS, dom0(), Pass(found, {"vm_starts": self.memory}))
        assert result.outcome.status is Status.OK, result.outcome
        self.memory = result.memory
        self.readings.append(result.reading)
        reading: VmStarts = result.reading
        return reading


def took(reading: VmStarts) -> list[float]:
    """The upper bounds of the buckets of all finished starts."""
    bounds = (*BOUNDS, float("inf"))
    return [
        bound for bound, count in zip(bounds, reading.counts, strict=True) for _ in range(count)
    ]


def test_a_start_ends_with_the_last_device() -> None:
    """From the reading that has the domain to that in which all its devices are connected."""
    life = Life()
    life.at(0)
    life.at(100, guest("paused"), devices={VBD: "Initialising"})
    first = life.at(104, guest(), devices={VBD: UP, VIF: WAITS})
    last = life.at(112.5, guest(), devices={VBD: UP, VIF: UP})

    assert (first.in_progress, dict(first.starting), took(first)) == (1, {5: 4}, [])
    assert (last.in_progress, dict(last.starting), last.failed) == (0, {}, 0)
    assert took(last) == [15]
    assert last.seconds == 12.5


def test_domains_that_were_there_have_not_started() -> None:
    """What ran when the daemon began is no start, whatever its devices do later."""
    life = Life()
    life.at(0, guest(), devices={VIF: WAITS})
    last = life.at(10, guest(), devices={VIF: UP})

    assert (took(last), last.in_progress, last.failed) == ([], 0, 0)


def test_a_domain_without_devices_is_up_when_it_is_unpaused() -> None:
    """Nothing of it connects: its first reading that is not paused counts."""
    life = Life()
    life.at(0)
    waits = life.at(3, guest("paused"))
    last = life.at(7, guest("running"))

    assert waits.in_progress == 1
    assert took(last) == [5]


def test_states_in_xenstore_count_by_their_own_reading() -> None:
    """A disk served by a process is connected when xenstore says so."""
    life = Life()
    life.at(0)
    sysfs = {QDISK: "Initialising"}
    unread = life.at(10, guest(), devices=sysfs)
    last = life.at(14, guest(), devices=sysfs, in_xenstore={QDISK: UP})

    assert unread.in_progress == 1
    assert took(last) == [5]


def test_an_older_reading_of_backends_is_no_end() -> None:
    """Devices of a former domain with the number do not end the start of the next."""
    life = Life()
    life.at(0)
    outcomes = {"domains": Outcome(Status.OK, "", 10.0), "backends": Outcome(Status.OK, "", 9.0)}
    domains = Domains((DOM0, guest()), "hypercall")
    snapshot = Snapshot(10, outcomes, domains=domains, backends=Backends({VBD: UP}), instant=10)

    assert life.at(10, snapshot=snapshot).in_progress == 1


@pytest.mark.parametrize("state", ["dying", "shutdown", "crashed", None])
def test_a_vm_that_ends_before_it_is_up_has_failed(state: str | None) -> None:
    """A start that ends with the domain is counted once."""
    life = Life()
    life.at(0)
    life.at(10, guest(), devices={VIF: WAITS})
    end = [guest(state)] if state else []
    life.at(20, *end)
    last = life.at(30)

    assert (last.failed, last.in_progress, took(last)) == (1, 0, [])


def test_a_pv_guest_that_never_connects_has_failed_and_stays_visible() -> None:
    """After ten minutes it is counted as failed, once, and is told until it is up."""
    life = Life()
    life.at(0)
    life.at(10, guest(), devices={VIF: WAITS})
    late = life.at(10 + GIVE_UP, guest(), devices={VIF: WAITS})
    life.at(20 + GIVE_UP, guest(), devices={VIF: WAITS})
    last = life.at(30 + GIVE_UP, guest(), devices={VIF: UP})

    assert (late.failed, late.in_progress, dict(late.starting)) == (1, 0, {5: GIVE_UP})
    assert (last.failed, dict(last.starting), took(last)) == (1, {}, [])


@pytest.mark.parametrize("domain", [guest(type_="hvm"), guest("paused"), guest(type_=None)])
def test_what_may_stay_so_is_no_failure(domain: Domain) -> None:
    """A guest without drivers and one that is left paused are not told, and later forgotten."""
    life = Life()
    life.at(0)
    first = life.at(10, domain, devices={VIF: WAITS})
    last = life.at(10 + GIVE_UP, domain, devices={VIF: WAITS})

    assert (first.in_progress, dict(first.starting)) == (1, {})
    assert (last.failed, last.in_progress, dict(last.starting)) == (0, 0, {})


def test_an_hvm_guest_is_up_with_its_interfaces() -> None:
    """A CD-ROM drive that no driver takes does not hold up the others."""
    life = Life()
    life.at(0)
    cdrom = DeviceKey("vbd", 5, 5696)
    disk = life.at(10, guest(type_="hvm"), devices={VBD: UP, cdrom: WAITS, VIF: WAITS})
    last = life.at(30, guest(type_="hvm"), devices={VBD: UP, cdrom: WAITS, VIF: UP})

    assert took(disk) == []
    assert took(last) == [20]


def test_a_new_domain_with_the_number_is_another_start() -> None:
    """A reboot destroys and creates: the first start has failed, the second is timed anew."""
    life = Life()
    life.at(0)
    life.at(10, guest(), devices={VIF: WAITS})
    life.at(100, guest(uuid="six"), devices={VIF: WAITS})
    last = life.at(103, guest(uuid="six"), devices={VIF: UP})

    assert (last.failed, took(last)) == (1, [5])


@pytest.mark.parametrize("domains", [None, Domains((DOM0,), "hypercall")])
def test_while_others_fail_everything_stays(domains: Domains | None) -> None:
    """What could not be read neither ends a start nor forgets one."""
    life = Life()
    life.at(0)
    before = life.at(10, guest(), devices={VIF: WAITS})
    outcomes = {"domains": Outcome(Status.OK, "", 20.0)}
    backends = Backends({}) if domains is None else None
    during = life.at(
        20, snapshot=Snapshot(20, outcomes, domains=domains, backends=backends, instant=20)
    )
    last = life.at(30, guest(), devices={VIF: UP})

    assert (during.failed, during.in_progress) == (before.failed, before.in_progress) == (0, 1)
    assert took(last) == [20]


@pytest.mark.parametrize("files", NO_XEN.values(), ids=NO_XEN)
def test_elsewhere_than_in_dom0_it_does_not_apply(files: dict[str, bytes]) -> None:
    """A machine that is no dom0 starts no VMs."""
    source = dom0()
    source.files = files

    assert outcome_of(VM_STARTS, source).status is Status.NOT_APPLICABLE


def test_a_boot_storm_is_seen() -> None:
    """All 100 VMs are seen starting, some at a time, and each takes as long as it boots."""
    player = Player(load("boot-storm"))
    source = ModelSource(player.machine)
    names = ("host", "host_memory", "domains", "backends", "xenstore_devices", "vm_starts")
    probes = [probe for probe in PROBES if probe.name in names]
    found = take(source, probes, clock=lambda: player.seconds)
    seen: list[VmStarts] = []
    for seconds in range(5, 405, 5):
        player.advance(seconds)
        found = take(source, probes, clock=lambda: player.seconds, before=found)
        assert found.snapshot.vm_starts is not None
        seen.append(found.snapshot.vm_starts)

    assert sum(seen[-1].counts) == 100
    assert set(took(seen[-1])) <= {45, 60}
    assert max(each.in_progress for each in seen) == 25
    assert (seen[-1].in_progress, seen[-1].failed) == (0, 0)
