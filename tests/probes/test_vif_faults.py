"""Network interfaces without a network: what is one, and what only looks like one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.probes.support import after
from tests.probes.test_datapath import host, kernel
from tests.support import full_snapshot
from xenwatch.assessment.vif_faults import DEAD_VLAN, DOWN, NO_BRIDGE, NO_TAG, vif_faults
from xenwatch.model.devices import Shape
from xenwatch.model.host import Machine
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.render.rtnl import render_links, render_messages
from xenwatch.model.source import ModelSource
from xenwatch.parse.rtnl import IFLA_IFNAME, Link, parse_messages
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, take
from xenwatch.probes.datapath import DATAPATH
from xenwatch.probes.vifs import READ
from xenwatch.readings.datapath import Datapath, Hotplug, Vif
from xenwatch.readings.devices import DeviceKey
from xenwatch.readings.domains import Domain, Domains
from xenwatch.readings.openvswitch import OpenVswitch, SwitchPort
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.sources.tree import TreeSource

HOSTS = Path(__file__).parent.parent / "hosts"
BRIDGE = Hotplug("vif-bridge")
XAPI = Hotplug("vif")
UNKNOWN = Hotplug("")
UUID = "00000000-0000-4000-8000-000000000001"


def vif(
    domid: int, attached: bool | None = True, up: bool = True, hotplug: Hotplug | None = None
) -> Vif:
    """An interface of a domain."""
    return Vif(domid, 1, attached, 0, 0, up, hotplug)


def faults(
    *vifs: Vif, ports: Mapping[str, SwitchPort] | None = None, state: str = "blocked"
) -> dict[int, str]:
    """The fault by domid of hosts on which each domain has one interface."""
    domains = tuple(Domain(one.domid, UUID, b"vm", "pv", state, 1, 1, 1 << 30, 0.0) for one in vifs)
    snapshot = Snapshot(
        domains=Domains(domains, "hypercall"),
        datapath=Datapath({}, {f"vif{one.domid}.0": one for one in vifs}),
        openvswitch=None if ports is None else OpenVswitch(ports),
    )
    return {key.domid: fault for key, fault in vif_faults(snapshot).items()}


def port(tag: int | None = None, bridge: str = "xapi1", trunk: bool = False) -> SwitchPort:
    """A port of Open vSwitch."""
    return SwitchPort(bridge, tag, trunk, bridge)


def test_an_interface_out_of_its_bridge_is_a_fault() -> None:
    """By its script it was to be in one, or by the others where the script is not known."""
    for hotplug in (BRIDGE, XAPI, Hotplug("vif-openvswitch"), UNKNOWN):
        assert faults(vif(1), vif(2, attached=False, hotplug=hotplug)) == {2: NO_BRIDGE}


def test_all_interfaces_out_of_their_bridge_are_a_fault() -> None:
    """A bridge that was made anew leaves all out: their scripts tell them from routed ones."""
    lost = [vif(domid, attached=False, hotplug=BRIDGE) for domid in (1, 2)]

    assert faults(*lost) == {1: NO_BRIDGE, 2: NO_BRIDGE}


def test_routed_interfaces_are_no_fault() -> None:
    """Nobody is told of a host whose interfaces are all in no bridge, with whatever script."""
    for script in ("vif-route", "vif-nat", "vif-route-qubes", "my-script", ""):
        routed = [vif(domid, attached=False, hotplug=Hotplug(script)) for domid in (1, 2)]
        assert faults(*routed) == {}


def test_a_routed_interface_beside_bridged_ones_is_no_fault() -> None:
    """Scripts that route are known by their names; a script that was not read yet is waited for."""
    assert faults(vif(1), vif(2, attached=False, hotplug=Hotplug("vif-route"))) == {}
    assert faults(vif(1), vif(2, attached=False, hotplug=None)) == {}


def test_an_interface_that_xapi_keeps_out_is_no_fault() -> None:
    """With the locking mode disabled xapi puts an interface into no bridge."""
    assert faults(vif(1), vif(2, attached=False, hotplug=Hotplug("vif", disabled=True))) == {}


def test_an_interface_that_is_down_is_a_fault() -> None:
    """It is one on bridged and on routed hosts; in no bridge weighs more."""
    assert faults(vif(1, up=False), vif(2)) == {1: DOWN}
    assert faults(vif(1, False, up=False, hotplug=Hotplug("vif-route"))) == {1: DOWN}
    assert faults(vif(1, False, up=False, hotplug=BRIDGE)) == {1: NO_BRIDGE}


def test_a_port_without_a_tag_among_tagged_ones_is_a_fault() -> None:
    """Neutron tags every port: one without gets no address, one in VLAN 4095 reaches nobody."""
    vifs = [vif(domid, hotplug=XAPI) for domid in (1, 2, 3)]
    ports = {"vif1.0": port(1), "vif2.0": port(), "vif3.0": port(4095)}

    assert faults(*vifs, ports=ports) == {2: NO_TAG, 3: DEAD_VLAN}


HEALTHY = {
    "nobody has a tag": {"vif1.0": port(), "vif2.0": port()},
    "all have one": {"vif1.0": port(1), "vif2.0": port(2)},
    "the tagged one is in another bridge": {"vif1.0": port(1, "xapi2"), "vif2.0": port()},
    "only an uplink has a tag": {"eth0": port(3), "vif1.0": port(), "vif2.0": port()},
    "a trunk": {"vif1.0": port(1), "vif2.0": port(trunk=True)},
    "not in the database yet": {"vif1.0": port(1)},
}


@pytest.mark.parametrize("name", HEALTHY)
def test_other_ports_without_a_tag_are_no_fault(name: str) -> None:
    """A port needs a tag only where others of its bridge have one."""
    assert faults(vif(1, hotplug=XAPI), vif(2, hotplug=XAPI), ports=HEALTHY[name]) == {}


def test_a_tag_that_the_configuration_does_not_ask_for_is_no_fault() -> None:
    """Xen's own script sets what the VM's configuration says: tags of some VMs, none of others."""
    ports = {"vif1.0": port(1), "vif2.0": port()}

    assert faults(vif(1), vif(2, hotplug=Hotplug("vif-openvswitch")), ports=ports) == {}
    assert faults(vif(1), vif(2, hotplug=None), ports=ports) == {}


def test_an_old_kernels_ports_are_those_of_the_database() -> None:
    """Where the kernel does not tell of masters, Open vSwitch does; without it nothing is said."""
    vifs = [vif(domid, attached=None, hotplug=XAPI) for domid in (1, 2)]

    assert faults(*vifs, ports={"vif1.0": port()}) == {2: NO_BRIDGE}
    assert faults(*vifs) == {}


@pytest.mark.parametrize("state", ["paused", "shutdown", "crashed", "dying"])
def test_a_domain_that_does_not_run_needs_no_network(state: str) -> None:
    """A VM that comes or goes, as in a migration, has no fault."""
    assert faults(vif(1), vif(2, False, up=False, hotplug=BRIDGE), state=state) == {}


def test_without_readings_there_is_no_fault() -> None:
    """What was not read is nobody's fault; that domains were not hides none."""
    full = full_snapshot()

    assert vif_faults(Snapshot()) == {}
    assert vif_faults(dataclasses.replace(full, datapath=None)) == {}
    assert vif_faults(dataclasses.replace(full, domains=None)) == vif_faults(full)
    assert vif_faults(dataclasses.replace(full, domains=Domains((), "hypercall"))) == {}


LINKS = render_links(
    [
        Link(1, "xenbr0", None, "bridge"),
        Link(2, "vif1.0", 1, ""),
        Link(3, "vif2.0", None, ""),
        Link(4, "vif2.1", None, "", up=False),
    ]
)
SCRIPT = "/local/domain/0/backend/vif/2/0/script"


def test_scripts_are_read_once_and_only_where_they_matter() -> None:
    """The keys of an interface that is in no bridge are read, and not again while it is so."""
    source = host({}, raw=LINKS)
    source.store = {SCRIPT: b"/etc/xen/scripts/vif-route"}
    known = after(DATAPATH, source, kernel("6.1.0"))
    again = host({}, raw=LINKS)
    known = after(DATAPATH, again, known)

    assert known.snapshot.datapath is not None
    vifs = known.snapshot.datapath.vifs
    assert {name: one.hotplug for name, one in vifs.items()} == {
        "vif1.0": None, "vif2.0": Hotplug("vif-route"), "vif2.1": Hotplug(""),
    }  # fmt: skip
    assert [one.up for one in vifs.values()] == [True, True, False]
    assert {path for path in source.asked if str(path).endswith("/script")} == {
        SCRIPT, "/local/domain/0/backend/vif/2/1/script",
    }  # fmt: skip
    assert not {path for path in again.asked if str(path).endswith("/script")}


def test_xapis_interfaces_have_a_locking_mode() -> None:
    """Of an interface of xapi that is in no bridge the locking mode is read, by the VM's UUID."""
    source = host({}, raw=LINKS)
    mode = f"/xapi/{UUID}/private/vif/0/locking-mode"
    source.store = {SCRIPT: b"/etc/xensource/scripts/vif", mode: b"disabled"}
    domains = Domains((Domain(2, UUID, b"vm", "pv", "running", 1, 1, 1 << 30, 0.0),), "hypercall")
    known = dataclasses.replace(kernel("4.19.0"), domains=domains)

    found = after(DATAPATH, source, known).snapshot.datapath

    assert found is not None
    assert found.vifs["vif2.0"].hotplug == Hotplug("vif", disabled=True)


def test_a_silent_xenstored_costs_no_other_reading() -> None:
    """The probe goes on without scripts, asks once, and the others in a bridge are the measure."""
    source = host({}, raw=LINKS)
    source.store = None
    found = after(DATAPATH, source, kernel("6.1.0")).snapshot

    assert found.outcomes["datapath"].status is Status.OK
    assert found.datapath is not None
    assert found.datapath.vifs["vif2.0"].hotplug == UNKNOWN


def test_few_scripts_are_read_in_a_pass() -> None:
    """On a host with many routed interfaces xenstored has a few requests to serve at a time."""
    many = [Link(number, f"vif{number}.0", None, "") for number in range(1, 2 * READ)]
    known: Pass | Snapshot = kernel("6.1.0")
    asked = []
    for _ in range(3):
        source = host({}, raw=render_links(many))
        known = after(DATAPATH, source, known)
        asked.append(sum(str(path).endswith("/script") for path in source.asked))

    assert asked == [READ, READ - 1, 0]


@pytest.mark.parametrize("platform", ["debian-12", "xcp-ng-8.3", "xenserver-6.1"])
@pytest.mark.parametrize(("fault", "text"), [("bridge", NO_BRIDGE), ("down", DOWN)])
def test_a_synthetic_vm_loses_its_network(platform: str, fault: str, text: str) -> None:
    """On Linux bridges, on Open vSwitch and on an old kernel the one VM is told, and no other."""
    machine = Machine(PLATFORMS[platform])
    first, _ = machine.start(b"one", Shape()), machine.start(b"two", Shape())
    source = ModelSource(machine)
    before = take(source, PROBES)
    machine.disconnect(first, fault)
    after_it = take(source, PROBES, before=before)

    assert vif_faults(before.snapshot) == {}
    assert vif_faults(after_it.snapshot) == {DeviceKey("vif", first, 0): text}


class Taken(TreeSource):
    """A captured host, one of whose interfaces was taken from its bridge."""

    def links(self) -> bytes:
        """The dump, in which vif9.0 has no master."""
        messages = [
            dataclasses.replace(message, attributes=message.attributes[:2])
            if (IFLA_IFNAME, b"vif9.0\0") in message.attributes
            else message
            for message in parse_messages(super().links())
        ]
        return render_messages(messages)


def test_a_real_host_with_an_interface_off_its_bridge() -> None:
    """Of ten guests captured with their bridge nobody has a fault, and then just the one."""
    capture = HOSTS / "debian-12-xen-4.17/10-guests/capture"
    before = take(TreeSource(capture), PROBES).snapshot
    after_it = take(Taken(capture), PROBES).snapshot

    assert before.datapath is not None
    assert len(before.datapath.vifs) > 5
    assert vif_faults(before) == {}
    assert vif_faults(after_it) == {DeviceKey("vif", 9, 0): NO_BRIDGE}


def test_a_synthetic_bridge_host_has_no_open_vswitch() -> None:
    """On Debian with Linux bridges the probe of Open vSwitch does not apply."""
    snapshot = take(ModelSource(Machine(PLATFORMS["debian-12"])), PROBES).snapshot

    assert snapshot.outcomes["openvswitch"].status is Status.NOT_APPLICABLE
