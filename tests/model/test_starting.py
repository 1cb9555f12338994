"""Starts that fail: what is left behind, as it was seen on a real host."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import pytest

from tests.captures import LAB_BLKTAP
from tests.support import labelled
from xenwatch.assessment import assess_pass
from xenwatch.exposition.text_format import render
from xenwatch.metrics import families
from xenwatch.model.bounds import Bounds
from xenwatch.model.devices import XVDA, Disk, Nic, Shape
from xenwatch.model.host import Machine
from xenwatch.model.platforms.debian import DEBIAN_12
from xenwatch.model.platforms.xapi import XCP_NG_8_3
from xenwatch.model.refusal import Refused
from xenwatch.model.render.tapdisk import render_vdi
from xenwatch.model.source import ModelSource
from xenwatch.model.state import DYING
from xenwatch.parse.tapdisk import TapdiskStats
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


def test_blktap_4_leaves_what_was_captured() -> None:
    """Three disks leave the names of three real tapdisks, and those of a guest's disks beside."""
    machine = Machine(dataclasses.replace(XCP_NG_8_3, blktap_ids=True))
    machine.start(b"vm", Shape("pv", disks=(Disk(),) * 3))
    source = ModelSource(machine)
    pids = [str(pid) for _, pid in sorted(machine.dom0.minors.items())]
    captured = ("18195", "18199", "18203")

    def as_captured(names: Iterable[str]) -> set[str]:
        """The names with the captured processes in place of the model's."""
        text = "\n".join(names)
        for ours, theirs in zip(pids, captured, strict=True):
            text = text.replace(ours, theirs)
        return set(text.split())

    def names(name: str) -> set[str]:
        """The names in one of the captured lists."""
        return set((LAB_BLKTAP / name).read_text().split())

    control = "/run/blktap-control"
    assert as_captured(source.listdir(control)) == names("run-blktap-control")
    assert set(source.listdir(f"{control}/tapdisk")) == names("run-blktap-control-tapdisk")
    shared = [
        f"{directory}/{name}"
        for directory in ("metrics", *(f"td3-{pid}" for pid in pids))
        for name in source.listdir(f"/dev/shm/{directory}")
        if not name.startswith("vbd-")  # only a guest's disk has it
    ]
    assert as_captured(shared) == names("dev-shm")


def test_a_disks_counters_are_those_of_the_captured_page() -> None:
    """The page of a virtual disk with the captured requests is the captured page."""
    stats = TapdiskStats(0, 0, 0, 2, 2, 8192, 3833, 0, 1, 1, 2048, 1182, 0, 0)

    assert render_vdi(stats) == (LAB_BLKTAP / "vdi-0").read_bytes()


def test_a_refused_tapdisk_is_not_counted() -> None:
    """As many tapdisks run as there are aio requests for; the refused one's socket stays."""
    platform = dataclasses.replace(XCP_NG_8_3, blktap_ids=True)
    machine = Machine(platform, Bounds(aio=3 * 804 + 803))
    for _ in range(3):
        machine.start(b"vm", Shape("pv"))

    with pytest.raises(Refused, match="AIO"):
        machine.start(b"vm", Shape("pv"))

    source = ModelSource(machine)
    blktap = take(source, PROBES).snapshot.blktap
    assert blktap is not None
    assert (blktap.identifiers, blktap.tapdisks) == (3, 3)
    sockets = [name for name in source.listdir("/run/blktap-control") if name.startswith("ctl")]
    assert len(sockets) == 4


def test_an_interface_that_did_not_connect_has_no_queues() -> None:
    """Without channels the interface stays in its bridge, and shows queues that nobody uses."""
    machine = short_of_channels(3)
    domid = machine.start(b"vm", Shape("pv", vcpus=2))
    source = ModelSource(machine)

    snapshot = take(source, PROBES).snapshot

    queues = source.listdir(f"/sys/class/net/vif{domid}.0/queues")
    assert len([name for name in queues if name.startswith("tx-")]) == DEBIAN_12.max_queues
    page = render(families(assess_pass(snapshot)))
    assert labelled("xenwatch_vif_queues", page) == {}
    assert labelled("xenwatch_vifs_unconnected", page) == {(str(domid),): 1}
    assert snapshot.bridges is not None
    assert snapshot.bridges.vifs == {"xenbr0": 1}


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
