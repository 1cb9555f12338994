"""Starts that fail: what is left behind, as it was seen on a real host."""

from __future__ import annotations

import dataclasses

import pytest

from xenwatch.model.bounds import Bounds
from xenwatch.model.devices import XVDA, Nic, Shape
from xenwatch.model.host import Machine
from xenwatch.model.platforms.debian import DEBIAN_12
from xenwatch.model.platforms.xapi import XCP_NG_8_3
from xenwatch.model.refusal import Refused
from xenwatch.model.source import ModelSource
from xenwatch.model.state import DYING
from xenwatch.probes import PROBES
from xenwatch.probes.base import take

TIMED_OUT = "libxl_create.c:1976:console_xswait_callback: domain 1 console tty: timed out"


def short_of_channels(free: int) -> Machine:
    """A Debian host with so many event channels free."""
    own = len(Machine(DEBIAN_12).dom0.domain.channels.channels)
    return Machine(DEBIAN_12, Bounds(channels=own + free))


@pytest.mark.parametrize(("free", "zombies"), [(0, [1]), (1, [])])
def test_without_console_xl_gives_up(free: int, zombies: list[int]) -> None:
    """With no or one event channel xl times out; with none the domain stays as a zombie."""
    machine = short_of_channels(free)

    with pytest.raises(Refused) as caught:
        machine.start(b"vm", Shape("pv"))

    assert (caught.value.text, caught.value.errno) == (TIMED_OUT, 28)
    left = {domid: domain.state for domid, domain in machine.dom0.domains.items() if domid}
    assert left == dict.fromkeys(zombies, DYING)


ERRORS = {
    2: ["vbd 51712: 28 mapping ring-ref port 8", "vif 0: 28 mapping shared-frames"],
    3: ["vif 0: 28 mapping shared-frames"],
    4: ["vif 0: 28 mapping shared-frames"],
    5: [],
}
"""By free event channels: what does not work of a VM whose start succeeded."""


@pytest.mark.parametrize("free", ERRORS)
def test_xl_says_that_all_is_well(free: int) -> None:
    """With two channels a VM starts without disk and network, with up to four without network."""
    machine = short_of_channels(free)

    domid = machine.start(b"vm", Shape("pv"))

    found = machine.broken.get(domid, [])
    assert len(found) == len(ERRORS[free])
    assert all(map(str.startswith, found, ERRORS[free]))


def test_half_connected_is_read_from_outside() -> None:
    """Backend states and error nodes tell of a VM that runs without its disk and network."""
    machine = short_of_channels(2)
    machine.start(b"vm", Shape("pv"))

    snapshot = take(ModelSource(machine), PROBES).snapshot

    assert snapshot.xenstore_devices is not None
    errors = {
        (error.device.cls, error.side, error.errno) for error in snapshot.xenstore_devices.errors
    }
    assert errors == {("vbd", "backend", 28), ("vif", "backend", 28)}
    states = {key.cls: state for key, state in snapshot.device_states().items()}
    assert (states["vbd"], states["vif"]) == ("Closed", "Closed")


def test_a_guest_without_grant_frames_lacks_what_does_not_fit() -> None:
    """The guest's own end fails when its grant table is full, and its VM runs on."""
    machine = Machine(DEBIAN_12, Bounds(frames=2))

    domid = machine.start(b"vm", Shape("pv", nics=(Nic(),) * 4))

    assert machine.broken[domid] == [f"vif {n}: 28 creating queues" for n in (1, 2, 3)]
    node = f"/local/domain/{domid}/error/device/vif/1/error"
    assert machine.dom0.store.values[node] == b"28 creating queues"


def test_blktap_4_is_silent() -> None:
    """Without an id a tapdisk goes on with minor -1: the VM starts, its disk never connects."""
    platform = dataclasses.replace(XCP_NG_8_3, blktap_ids=True)
    machine = Machine(platform, Bounds(minors=1))

    machine.start(b"first", Shape("pv"))
    second = machine.start(b"second", Shape("pv"))

    assert machine.broken == {second: [f"vbd3 {XVDA}: minor -1"]}
    snapshot = take(ModelSource(machine), PROBES).snapshot
    assert snapshot.blktap is not None
    assert (snapshot.blktap.regime, snapshot.blktap.identifiers) == ("id", 1)
    assert snapshot.xenstore_devices is not None
    assert snapshot.xenstore_devices.errors == ()
    states = {
        key.domid: state for key, state in snapshot.device_states().items() if key.cls == "vbd3"
    }
    assert states == {1: "Connected", 2: "Initialising"}


def test_a_refused_start_gives_all_back() -> None:
    """Under xapi a VM that lacks a device does not start, and takes nothing."""
    own = len(Machine(XCP_NG_8_3).dom0.domain.channels.channels)
    machine = Machine(XCP_NG_8_3, Bounds(channels=own + 4))

    with pytest.raises(Refused, match="28 mapping shared-frames"):
        machine.start(b"vm", Shape("pv"))

    dom0 = machine.dom0
    assert len(dom0.domain.channels.channels) == own
    assert (list(dom0.domains), dom0.aio, dom0.minors, dom0.ptys) == ([0], 0, {}, 0)


def test_ids_of_domains_come_again_behind_the_last() -> None:
    """Behind the last id that is not reserved the lowest free one is next."""
    machine = Machine(DEBIAN_12)
    shape = Shape("pv", disks=(), nics=())
    first = machine.start(b"stays", shape)
    for _ in range(0x7FF0 - 2):
        machine.destroy(machine.start(b"goes", shape))

    assert machine.start(b"again", shape) == first + 1
