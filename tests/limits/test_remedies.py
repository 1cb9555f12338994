"""Commands and advice that make more headroom, as the host's release understands them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from tests.planning.support import LINUX, full_xl, plan, states_of, with_host, xenserver
from xenwatch.fence import Fault, Fence
from xenwatch.limits import dom0_memory, event_channels, host_memory, irqs, tasks
from xenwatch.limits.base import Shortage
from xenwatch.limits.states import remedies
from xenwatch.planning.capacity import LimitHeadroom, fit
from xenwatch.planning.shapes import Shape
from xenwatch.readings.bridges import Bridges
from xenwatch.readings.host import Abi
from xenwatch.readings.processes import Pids
from xenwatch.readings.snapshot import Snapshot
from xenwatch.readings.storage import Aio

GIB = 1 << 30


@pytest.mark.parametrize(
    ("snapshot", "limit", "words"),
    [
        (xenserver("6.1.0"), "grant_frames", "--set-xen gnttab_max_nr_frames=64  # "),
        (
            xenserver("6.1.0"),
            "aio_requests",
            "echo 'fs.aio-max-nr = 888832' >> /etc/sysctl.conf  # ",
        ),
        (xenserver("6.2.0"), "ptys", "echo 'kernel.pty.max = 8192' >> /etc/sysctl.conf  # "),
        (
            full_xl(),
            "ptys",
            "echo 'kernel.pty.max = 8191' > /etc/sysctl.d/99-kernel.pty.max.conf  # ",
        ),
    ],
)
def test_a_remedy_is_the_releases_own(snapshot: Snapshot, limit: str, words: str) -> None:
    """Options are those of the host's Xen, settings go where its init scripts look for them."""
    headroom = next(
        headroom for headroom in plan(snapshot, windows=1).headrooms if headroom.limit == limit
    )

    assert any(words in remedy for remedy in headroom.remedies)


def test_frames_of_a_later_xen_have_their_own_option() -> None:
    """From Xen 4.5 on the option of grant frames has its present name."""
    snapshot = full_xl()
    found = [remedies(state, snapshot, 0, 1) for state in states_of(snapshot, "grant_frames")]

    assert all("add gnttab_max_frames=" in texts[0] for texts in found)


@pytest.mark.parametrize(
    ("version", "kernel", "each"), [("8.3.0", (4, 19), 804), ("7.6.0", (4, 4), 402)]
)
def test_a_remedy_has_the_number_that_is_needed(
    version: str, kernel: tuple[int, int], each: int
) -> None:
    """The command sets as many aio requests as the VMs wanted need, as this kernel counts them."""
    snapshot = with_host(platform="xcp-ng", platform_version=version, kernel=kernel)
    snapshot = dataclasses.replace(snapshot, aio=Aio(0, 2097152))
    found = plan(snapshot, 2000, windows=1)
    headroom = next(headroom for headroom in found.headrooms if headroom.limit == "aio_requests")

    assert headroom.remedies[0] == f"sysctl -w fs.aio-max-nr={2000 * 3 * each}"


@pytest.mark.parametrize(
    ("target", "mib"), [(4 * GIB, 4096), (4 * GIB + 1, 4097), (4 * GIB - 1, 4096)]
)
def test_memory_of_dom0_is_rounded_up(target: int, mib: int) -> None:
    """The option gives dom0 the memory it needs in whole MiB, never less."""
    [text] = dom0_memory.remedy(Shortage(full_xl(), "", None, target, 1))

    assert f"dom0_mem={mib}M,max:{mib}M" in text


@pytest.mark.parametrize(
    ("snapshot", "command"),
    [
        (full_xl(), ": xl mem-set DOMAIN MIB"),
        (with_host(platform="xcp-ng", platform_version="8.3.0"), ": xe vm-memory-target-set"),
        (Snapshot(), ""),
    ],
)
def test_memory_of_the_host_is_had_by_the_toolstack(snapshot: Snapshot, command: str) -> None:
    """Memory is taken from VMs by the host's own toolstack, where that is known."""
    found = host_memory.remedy(Shortage(snapshot, "", None, 0, 1))

    assert found == (f"take memory from VMs that do not need it{command}", "use another host")


@pytest.mark.parametrize(
    ("pid_max", "threads_max", "keys"),
    [
        (100, 200, ["kernel.pid_max"]),
        (200, 100, ["kernel.threads-max"]),
        (100, 100, ["kernel.threads-max", "kernel.pid_max"]),
        (150, 150, []),
    ],
)
def test_every_bound_of_tasks_that_is_too_low_is_raised(
    pid_max: int, threads_max: int, keys: list[str]
) -> None:
    """Of the kernel's two bounds of tasks, those below what is needed are raised."""
    snapshot = dataclasses.replace(full_xl(), pids=Pids(50, pid_max, threads_max))
    found = tasks.remedy(Shortage(snapshot, "", None, 150, 1))

    assert [text for text in found if text.startswith("sysctl ")] == [
        f"sysctl -w {key}=150" for key in keys
    ]
    assert len(found) == 2 * len(keys)


@pytest.mark.parametrize(("kind", "others"), [("bridge", 1), ("openvswitch", 0)])
def test_a_remedy_is_that_of_the_instance(kind: str, others: int) -> None:
    """A bridge of Linux may be exchanged for Open vSwitch, one of Open vSwitch may not."""
    snapshot = dataclasses.replace(
        xenserver("6.2.0"), bridges=Bridges({"xenbr0": 1, "xenbr1": 2}, {"xenbr0": kind})
    )
    [state] = [s for s in states_of(snapshot, "bridge_ports") if s.instance == "xenbr0"]

    assert len(remedies(state, snapshot, 0, 1)) == 1 + others


def test_a_kernel_that_could_have_more_channels_is_given_them() -> None:
    """On a 2-level ABI of choice the option that chose it is named."""
    snapshot = with_host(xen=(4, 17), abi=Abi("2-level-64", 4096, "kernel log"))
    [text] = event_channels.remedy(Shortage(snapshot, "", None, 8192, 1))

    assert text.startswith("remove xen.fifo_events=0 from dom0's kernel command line, then reboot")


@pytest.mark.parametrize(
    ("shape", "advised"),
    [
        (Shape("a", vcpus=1), False),
        (Shape("a", vcpus=2), True),
        (Shape("a", vcpus=2, queues=1), False),
        (Shape("a", vcpus=2, vifs=0), False),
    ],
)
@pytest.mark.parametrize("limit", ["event_channels", "irqs"])
def test_fewer_queues_are_advised_only_for_vms_that_have_several(
    limit: str, shape: Shape, advised: bool
) -> None:
    """A remedy that does not help the VMs planned for is left out."""
    found = fit(states_of(full_xl(), limit), full_xl(), {shape: 1})
    headroom = next(each for each in found.headrooms if each.limit == limit)

    assert any("max_queues" in remedy for remedy in headroom.remedies) == advised


@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        (full_xl(), "run a dom0 kernel that is Linux 6.5 or later"),
        (with_host(platform="xcp-ng", platform_version="8.3.0"), "XCP-ng 8.3 supports no dom0 "),
    ],
)
def test_no_kernel_is_advised_where_the_vendor_has_none(snapshot: Snapshot, words: str) -> None:
    """Hosts of xapi run the kernel of the release alone."""
    [text] = irqs.remedy(Shortage(snapshot, "", None, 0, 1))

    assert text.startswith(words)


def test_a_second_bridge_of_xl_is_in_the_network_of_the_first() -> None:
    """A bridge alone would be down and without an uplink."""
    snapshot = dataclasses.replace(full_xl(), bridges=Bridges({"br0": 1}, {"br0": "bridge"}))
    [state] = states_of(snapshot, "bridge_ports")
    commands = remedies(state, snapshot, 0, 1)

    assert commands[0] == "ip link add name xenbr-more up type bridge"
    assert "master br0 type veth" in commands[1]
    assert "a reboot removes it" in commands[3]


def test_a_remedy_doubles_where_nothing_more_is_needed() -> None:
    """Without a count the command doubles the limit."""
    headroom = next(
        r for r in plan(xenserver("6.2.0"), linux=1).headrooms if r.limit == "aio_requests"
    )

    assert headroom.remedies[0] == "sysctl -w fs.aio-max-nr=2097152"


@pytest.mark.parametrize("snapshot", [xenserver("6.1.0"), xenserver("6.2.0"), full_xl()])
def test_every_room_has_a_remedy_of_one_line(snapshot: Snapshot) -> None:
    """Every limit of a plan says what makes more headroom, one line each."""
    for headroom in (*plan(snapshot, windows=1).headrooms, *plan(snapshot, linux=1).headrooms):
        assert headroom.batches is None or headroom.remedies
        assert all(text.isprintable() for text in headroom.remedies)


def test_a_remedy_that_raises_costs_no_plan() -> None:
    """It is made when somebody asks, and nothing else of the plan becomes unknown."""
    snapshot, told = full_xl(), list[Fault]()

    def broken(_shortage: Shortage) -> tuple[str, ...]:
        raise ValueError

    def ptys(remedy: Callable[[Shortage], tuple[str, ...]]) -> LimitHeadroom:
        [state] = states_of(snapshot, "ptys")
        limit = dataclasses.replace(state.limit, remedy=remedy)
        states = [dataclasses.replace(state, limit=limit)]
        found = fit(states, snapshot, {LINUX: 1}, fence=Fence(told.append))
        return next(headroom for headroom in found.headrooms if headroom.limit == "ptys")

    whole, part = ptys(lambda _: ("sysctl",)), ptys(broken)

    assert whole.remedies == ("sysctl",)
    assert part == whole
    assert not told
    assert part.remedies == ()
    assert [fault.subject for fault in told] == ["plan ptys"]
