"""Interrupt descriptors and bridge ports."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.captures import CAPTURES
from tests.probes.support import FakeHost, denied, failure_of, value_of
from xenwatch.model.render.interrupts import render_interrupts
from xenwatch.model.render.rtnl import render_links
from xenwatch.parse.interrupts import InterruptRow, Interrupts
from xenwatch.parse.rtnl import OLD_OPENVSWITCH, Link
from xenwatch.probes.base import NotApplicable
from xenwatch.probes.kernel import (
    BRIDGES,
    INTERFACES,
    INTERRUPTS,
    IRQ_DIRECTORY,
    IRQS,
    OPENVSWITCH_MODULES,
)
from xenwatch.readings.bridges import Bridges
from xenwatch.readings.event_channels import Irqs
from xenwatch.readings.snapshot import Snapshot


def test_descriptors_are_entries_of_sysfs() -> None:
    """Every numbered entry is a descriptor, others are not."""
    directories = {IRQ_DIRECTORY: ("0", "1", "240", "info")}

    assert value_of(IRQS, FakeHost(directories=directories)) == Irqs(3)


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name)
def test_older_kernels_have_the_table_alone(capture: Path) -> None:
    """Without sysfs's directory the rows of the kernel's table count, and 16 of the ISA's."""
    data = (capture / "proc/interrupts").read_bytes()
    labels = [line.split(b":")[0].strip() for line in data.splitlines()]
    numbers = [int(label) for label in labels if label.isdigit()]

    expected = sum(number >= 16 for number in numbers) + 16
    assert value_of(IRQS, FakeHost(files={INTERRUPTS: data})) == Irqs(expected)


@pytest.mark.parametrize(
    ("machine", "count"), [("x86_64", 41), ("i686", 41), ("armv7l", 41), ("aarch64", 30)]
)
def test_the_table_omits_what_an_architecture_always_has(machine: str, count: int) -> None:
    """Of 30 numbered rows 5 are below 16: x86 and 32-bit Arm have all 16, arm64 none but those."""
    numbers = (0, 1, 10, 11, 15, *range(16, 41))
    rows = tuple(InterruptRow(str(number), (1, 2), b"  GICv3") for number in numbers)
    others = (InterruptRow("IPI0", (1, 2), b""), InterruptRow("Err", (0,), b""))
    table = render_interrupts(Interrupts((0, 1), 3, rows + others))

    source = FakeHost(files={INTERRUPTS: table}, machine=machine)

    assert value_of(IRQS, source) == Irqs(count)


def test_on_an_unknown_architecture_the_table_is_no_count() -> None:
    """What the table omits there nobody knows; sysfs has every descriptor on any."""
    table = render_interrupts(Interrupts((0,), 3, (InterruptRow("1", (1,), b""),)))
    source = FakeHost(files={INTERRUPTS: table}, machine="riscv64")

    assert "descriptors that it omits on riscv64 are unknown" in failure_of(IRQS, source)
    source.directories = {IRQ_DIRECTORY: ("0", "1")}
    assert value_of(IRQS, source) == Irqs(2)


def test_classic_kernels_have_no_limit_of_interrupts() -> None:
    """A kernel with a descriptor for every event channel cannot run out of descriptors first."""
    source = FakeHost(directories={IRQ_DIRECTORY: ("0",)}, kernel="2.6.32.43-0.4.1.xs1.6.10")

    with pytest.raises(NotApplicable):
        IRQS.read(source, Snapshot(), None)


def test_a_closed_directory_is_a_failure() -> None:
    """A directory that cannot be listed is not one that is missing."""
    source = FakeHost(errors={IRQ_DIRECTORY: denied(IRQ_DIRECTORY)})

    assert failure_of(IRQS, source) == f"{IRQ_DIRECTORY}: Permission denied"


@pytest.mark.parametrize("data", [b"", b"nonsense\n"])
def test_a_table_that_is_none_is_a_failure(data: bytes) -> None:
    """Nonsense in place of the table is not a host without interrupts."""
    assert INTERRUPTS in failure_of(IRQS, FakeHost(files={INTERRUPTS: data}))


def read(*links: Link) -> Bridges:
    """What the probe reads of these links."""
    found: Bridges = value_of(BRIDGES, FakeHost(raw=render_links(links)))
    return found


def test_ports_are_the_links_of_a_bridge() -> None:
    """Each bridge has the ports whose master it is, an empty one none."""
    found = read(
        Link(1, "lo", None, ""),
        Link(2, "eth0", 3, ""),
        Link(3, "xenbr0", None, "bridge"),
        Link(4, "vif1.0", 3, ""),
        Link(5, "vif1.0-emu", 3, "tun"),
        Link(6, "xenbr1", None, "bridge"),
    )

    assert found == Bridges(
        {"xenbr0": 3, "xenbr1": 0},
        {"xenbr0": "bridge", "xenbr1": "bridge"},
        {"xenbr0": 1, "xenbr1": 0},
    )


def test_the_very_same_dump_is_looked_at_once() -> None:
    """A dump that is given again has the bridges it had; another one has its own."""
    first = FakeHost(raw=render_links([Link(3, "xenbr0", None, "bridge")]))
    other = FakeHost(raw=render_links([Link(3, "xenbr1", None, "bridge")]))

    found, known = BRIDGES.read(first, Snapshot(), BRIDGES.memory)
    again, known = BRIDGES.read(first, Snapshot(), known)
    changed, _ = BRIDGES.read(other, Snapshot(), known)

    assert again is found
    assert (found, changed) == (
        read(Link(3, "xenbr0", None, "bridge")),
        Bridges({"xenbr1": 0}, {"xenbr1": "bridge"}, {"xenbr1": 0}),
    )


def test_other_masters_are_no_bridges() -> None:
    """Ports of a bond do not count."""
    found = read(Link(2, "eth0", 3, ""), Link(3, "bond0", 4, "bond"), Link(4, "br", None, "bridge"))

    assert found.ports == {"br": 1}


def test_an_open_vswitch_datapath_is_one_bridge() -> None:
    """A datapath's ports count together; its internal ports are no bridges of their own."""
    found = read(
        Link(2, "ovs-system", None, "openvswitch"),
        Link(3, "xenbr0", None, "openvswitch"),
        Link(4, "eth0", 2, ""),
        Link(5, "vif1.0", 2, ""),
    )

    assert found == Bridges({"ovs-system": 2}, {"ovs-system": "openvswitch"}, {"ovs-system": 1})


def test_a_host_without_bridges() -> None:
    """Links without bridge are a reading with none."""
    assert read(Link(1, "lo", None, "")) == Bridges({}, {})


def test_a_datapath_that_tells_no_kind() -> None:
    """Before Linux 3.17 Open vSwitch's devices are of no kind; the one with ports is the datapath.

    A newer kernel always tells it, so that ports of something else are not taken for its own.
    """
    links = (
        Link(2, "ovs-system", None, ""),
        Link(3, "xenbr0", None, ""),
        Link(4, "eth0", 2, ""),
        Link(5, "vif1.0", 2, ""),
    )
    raw = render_links(links)

    found = value_of(BRIDGES, FakeHost(raw=raw, kernel="3.10.0+10"))
    assert found == Bridges({"ovs-system": 2}, {"ovs-system": "openvswitch"}, {"ovs-system": 1})
    assert value_of(BRIDGES, FakeHost(raw=raw, kernel="4.4.0+10")) == Bridges({}, {})


OLD = "2.6.32.43-0.4.1.xs1.8.0"
"""A kernel whose links name no bridge."""


def sysfs(*interfaces: str, ports: dict[str, tuple[str, ...]], linux: bool) -> FakeHost:
    """An old host with these interfaces, and bridges with their ports."""
    entries = ("brforward", "bridge", "brif") if linux else ("bridge", "brif")
    return FakeHost(
        raw=render_links([Link(number, name, None, "") for number, name in enumerate(interfaces)]),
        kernel=OLD,
        directories={
            INTERFACES: interfaces,
            **{f"{INTERFACES}/{name}": entries for name in ports},
            **{f"{INTERFACES}/{name}/brif": names for name, names in ports.items()},
        },
    )


@pytest.mark.parametrize(("linux", "kind"), [(True, "bridge"), (False, OLD_OPENVSWITCH)])
def test_old_kernels_have_ports_in_sysfs_alone(linux: bool, kind: str) -> None:
    """Where no link names its master, the bridge's directory has the ports: never none of them."""
    ports = {"xenbr0": ("eth0", "vif1.0", "tap1.0"), "xenbr1": ()}
    source = sysfs("lo", "eth0", "xenbr0", "xenbr1", "vif1.0", "tap1.0", ports=ports, linux=linux)

    found = value_of(BRIDGES, source)
    assert found == Bridges(
        {"xenbr0": 3, "xenbr1": 0},
        {"xenbr0": kind, "xenbr1": kind},
        {"xenbr0": 1, "xenbr1": 0},
    )


def test_an_old_host_without_bridges() -> None:
    """An old host that routes has none, which is a reading."""
    assert value_of(BRIDGES, sysfs("lo", "eth0", ports={}, linux=True)) == Bridges({}, {})


@pytest.mark.parametrize("module", OPENVSWITCH_MODULES)
def test_a_datapath_that_shows_nothing_is_a_failure(module: str) -> None:
    """Of an Open vSwitch of which an old kernel tells nothing the ports are not known."""
    source = sysfs("lo", "eth0", "xenbr1", ports={"xenbr1": ()}, linux=True)
    source.directories = {**source.directories, module: ("refcnt",)}

    assert "Open vSwitch: this kernel does not report" in failure_of(BRIDGES, source)


def test_an_old_host_without_sysfs_is_a_failure() -> None:
    """An old host whose interfaces cannot be listed is not one without bridges."""
    assert INTERFACES in failure_of(BRIDGES, FakeHost(raw=render_links([]), kernel=OLD))


@pytest.mark.parametrize("raw", [b"", b"\xff" * 40, render_links([])[:-4]])
def test_a_dump_that_is_none_is_a_failure(raw: bytes) -> None:
    """A dump without its end is never a host with fewer links."""
    assert "RTM_GETLINK dump" in failure_of(BRIDGES, FakeHost(raw=raw))
