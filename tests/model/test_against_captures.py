"""The synthetic Debian host with the guests of a captured one counts what that one counted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.captures import CAPTURES, domids, pod_targets
from tests.hosts import LabSource
from xenwatch.model.devices import Nic, Shape
from xenwatch.model.host import Machine
from xenwatch.model.platforms.debian import DEBIAN_12
from xenwatch.model.source import ModelSource
from xenwatch.parse.evtchn import Channel, parse_lsevtchn
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.readings.snapshot import Snapshot

LSEVTCHN = "/usr/lib/xen-4.17/bin/lsevtchn"


def lab(guests: int) -> Machine:
    """The captured host's platform with as many guests: three PV, then a PVH, then an HVM."""
    machine = Machine(DEBIAN_12)
    for number, kind in enumerate(("pv", "pv", "pv", "pvh", "hvm")[:guests], 1):
        shape = Shape(kind, memory_kib=98304, nics=(Nic(emulated=False),), peripherals=())
        machine.start(f"{kind}{number:03}".encode(), shape)
    return machine


def pairs() -> list[tuple[Path, Machine]]:
    """Each capture with the model of it."""
    return [(CAPTURES[0], lab(0)), (CAPTURES[1], lab(5))]


every_pair = pytest.mark.parametrize(("capture", "machine"), pairs(), ids=["0", "5"])


def both(capture: Path, machine: Machine) -> tuple[Snapshot, Snapshot]:
    """A pass over the captured host and one over the model of it."""
    return take(LabSource(capture), PROBES).snapshot, take(ModelSource(machine), PROBES).snapshot


@every_pair
@pytest.mark.parametrize(
    "field", ["event_channels", "irqs", "grants", "backends", "bridges", "aio", "loops"]
)
def test_the_model_counts_what_the_host_counted(
    capture: Path, machine: Machine, field: str
) -> None:
    """Channels by kind and domain, irqs, frames, devices, ports and loops are the host's."""
    real, model = both(capture, machine)

    assert getattr(real, field) is not None
    assert getattr(model, field) == getattr(real, field)


@every_pair
def test_the_models_daemons_hold_as_many_descriptors(capture: Path, machine: Machine) -> None:
    """xenstored and xenconsoled hold as many descriptors as the host's did, of as many allowed."""
    real, model = both(capture, machine)

    assert real.daemons is not None
    assert model.daemons is not None
    for role in ("xenstored", "xenconsoled"):
        ours, theirs = model.daemons.by_role[role], real.daemons.by_role[role]
        assert (ours.fds, ours.fd_limit) == (theirs.fds, theirs.fd_limit)


@every_pair
def test_the_model_has_as_many_terminals(capture: Path, machine: Machine) -> None:
    """As many pseudo-terminals are in use as the host's xenconsoled had open."""
    listing = next(capture.glob("proc/xenconsoled.*/fd-list")).read_text()

    ptys = take(ModelSource(machine), PROBES).snapshot.ptys

    assert ptys is not None
    assert ptys.nr == listing.count(" -> /dev/ptmx")


@every_pair
def test_the_guests_see_the_same_channels(capture: Path, machine: Machine) -> None:
    """Every domain's own listing has as many channels of each kind, to the same domains."""
    source = ModelSource(machine)
    for domid in domids(capture):
        real = (capture / f"dom/{domid}/lsevtchn").read_bytes()
        model = source.run((LSEVTCHN, str(domid))).stdout

        assert Counter(map(kind, parse_lsevtchn(model))) == Counter(map(kind, parse_lsevtchn(real)))


def kind(channel: Channel) -> tuple[str, int | None]:
    """What a channel is: its kind and remote domain, without ports and numbers."""
    return channel.kind, channel.domain


@every_pair
def test_the_domains_are_of_the_same_types(capture: Path, machine: Machine) -> None:
    """Types, ids and vCPUs of the domains are the host's."""
    real, model = both(capture, machine)

    assert real.domains is not None
    assert model.domains is not None
    assert [(domain.domid, domain.type, domain.vcpus_max) for domain in model.domains.domains] == [
        (domain.domid, domain.type, domain.vcpus_max) for domain in real.domains.domains
    ]


@every_pair
def test_the_model_owes_memory_where_the_host_did(capture: Path, machine: Machine) -> None:
    """Guests that can be populated on demand have a target, and with all their memory no debt."""
    real, model = both(capture, machine)

    assert real.host_memory is not None
    assert model.host_memory is not None
    assert model.host_memory.owed == real.host_memory.owed
    assert set(real.host_memory.owed or {}) == set(pod_targets(capture))
