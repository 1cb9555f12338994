"""The planner: the published density figures, what is not known, and what makes more headroom."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.planning.support import LINUX, full_xl, plan, states_of, with_host, xenserver
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Cost, Units
from xenwatch.limits.states import assess
from xenwatch.planning.capacity import Plan, fit, units
from xenwatch.planning.shapes import Shape
from xenwatch.readings.bridges import Bridges
from xenwatch.readings.event_channels import Irqs
from xenwatch.readings.snapshot import Outcome, Snapshot, Status

PUBLISHED = [
    ("6.1.0", "windows", "event_channels", 150),
    ("6.1.0", "windows", "blktap_minors", 341),
    ("6.1.0", "windows", "aio_requests", 368),
    ("6.1.0", "windows", "grant_frames", 372),
    ("6.1.0", "windows", "xenstored_fds", 333),
    ("6.1.0", "windows", "xenconsoled_fds", None),
    ("6.1.0", "windows", "dom0_low_memory", 650),
    ("6.2.0", "windows", "event_channels", 571),
    ("6.2.0", "windows", "blktap_minors", 682),
    ("6.2.0", "windows", "aio_requests", 869),
    ("6.2.0", "windows", "grant_frames", None),
    ("6.2.0", "windows", "xenstored_fds", 500),
    ("6.2.0", "windows", "xenconsoled_fds", None),
    ("6.2.0", "windows", "dom0_low_memory", 650),
    ("6.1.0", "linux", "event_channels", 225),
    ("6.1.0", "linux", "blktap_minors", 1024),
    # The published tables have 368 and 869 here too, the figures of three disks.
    ("6.1.0", "linux", "aio_requests", 1105),
    ("6.1.0", "linux", "grant_frames", None),
    ("6.1.0", "linux", "xenstored_fds", None),
    ("6.1.0", "linux", "xenconsoled_fds", 341),
    ("6.1.0", "linux", "dom0_low_memory", 650),
    ("6.2.0", "linux", "event_channels", 1000),
    ("6.2.0", "linux", "blktap_minors", 2048),
    ("6.2.0", "linux", "aio_requests", 2608),
    ("6.2.0", "linux", "grant_frames", None),
    ("6.2.0", "linux", "xenstored_fds", None),
    ("6.2.0", "linux", "dom0_low_memory", 650),
]
"""Release, shape, limit and VMs at which it ends, of "How did we increase VM density in XenServer
6.2?"; `None` where a VM takes nothing of it."""


def headrooms(found: Plan) -> dict[str, int | None]:
    """How often the batch fits by name of limit."""
    return {headroom.limit: headroom.batches for headroom in found.headrooms}


@pytest.mark.parametrize(("release", "shape", "limit", "expected"), PUBLISHED)
def test_the_published_figures(release: str, shape: str, limit: str, expected: int | None) -> None:
    """The planner gives the published number of VMs for every limit of XenServer 6.1 and 6.2."""
    assert headrooms(plan(xenserver(release), **{shape: 1})).get(limit) == expected


def test_xenconsoled_is_not_bound_by_select_in_6_2() -> None:
    """XenServer 6.2's xenconsoled polls: what is left of its descriptors is far from the end."""
    assert (headrooms(plan(xenserver("6.2.0"), linux=1))["xenconsoled_fds"] or 0) > 10000


@pytest.mark.parametrize(
    ("release", "shape", "fits"),
    [("6.1.0", "windows", 150), ("6.2.0", "windows", 500), ("6.1.0", "linux", 225)],
)
def test_the_scarcest_limit_comes_first_and_binds(release: str, shape: str, fits: int) -> None:
    """Limits are in rising order of VMs, and the first says how many fit."""
    found = plan(xenserver(release), **{shape: 1})
    counts = [headroom.batches for headroom in found.headrooms]

    assert counts == sorted(counts, key=lambda count: count or 0)
    assert found.batches == counts[0] == fits
    assert found.binding is found.headrooms[0]


@pytest.mark.parametrize(("wanted", "fits"), [(150, True), (151, False)])
def test_a_count_fits_up_to_the_headroom(wanted: int, fits: bool) -> None:
    """As many VMs as fit do, one more does not."""
    assert plan(xenserver("6.1.0"), wanted, windows=1).fits is fits


def test_a_mix_takes_of_the_limits_together() -> None:
    """200 Windows and 50 Linux VMs take 1,600 of XenServer 6.2's event channels, not the larger."""
    found = plan(xenserver("6.2.0"), 1, windows=200, linux=50)

    takes = {headroom.limit: headroom.takes for headroom in found.headrooms}
    assert takes["event_channels"] == 200 * 7 + 50 * 4
    assert takes["xenstored_fds"] == 200 * 2
    assert found.fits is True
    assert plan(xenserver("6.2.0"), 1, windows=500, linux=126).fits is False


def test_no_count_is_no_answer() -> None:
    """Nobody asked whether something fits."""
    assert plan(xenserver("6.1.0"), windows=1).fits is None


def test_an_unknown_max_is_no_headroom() -> None:
    """Where a max is not known nobody can say how many fit, and the plan says why."""
    snapshot = xenserver("6.2.0")
    host = dataclasses.replace(snapshot.host, abi=None)  # type: ignore[type-var]
    found = plan(dataclasses.replace(snapshot, host=host), 20, windows=1)

    assert found.batches is None
    assert found.at_most == 500
    assert found.fits is None
    assert [(headroom.limit, headroom.reason) for headroom in found.unknown] == [
        ("event_channels", "max unknown")
    ]


def test_a_limit_that_refuses_needs_no_others() -> None:
    """What one known limit cannot hold does not fit, whatever the unknown ones say."""
    snapshot = xenserver("6.2.0")
    host = dataclasses.replace(snapshot.host, abi=None)  # type: ignore[type-var]

    assert plan(dataclasses.replace(snapshot, host=host), 501, windows=1).fits is False


@pytest.mark.parametrize(
    ("status", "detail", "reason"),
    [
        (Status.FAILED, "permission denied", "probe aio: permission denied"),
        (Status.DISABLED, "off by configuration", "probe aio: off by configuration"),
        (Status.OK, "", "probe aio found nothing to read"),
    ],
)
def test_a_reading_that_is_missing_is_named(status: Status, detail: str, reason: str) -> None:
    """A limit that could not be read, or was not to be, is unknown and says why."""
    snapshot = xenserver("6.2.0")
    outcomes = {**snapshot.outcomes, "aio": Outcome(status, detail)}
    found = plan(dataclasses.replace(snapshot, outcomes=outcomes, aio=None), windows=1)

    assert [(headroom.limit, headroom.reason) for headroom in found.unknown] == [
        ("aio_requests", reason)
    ]


def test_a_limit_the_host_does_not_have_is_left_out() -> None:
    """A probe that does not apply leaves nothing to run out of."""
    found = plan(xenserver("6.2.0"), windows=1)

    assert not {"irqs", "loop_devices"} & set(headrooms(found))


def test_what_no_vm_takes_of_is_left_out() -> None:
    """Interrupts are no limit of XenServer 6: that they were read changes no plan."""
    snapshot = xenserver("6.2.0")
    outcomes = {**snapshot.outcomes, "irqs": Outcome(Status.OK)}
    read = dataclasses.replace(snapshot, outcomes=outcomes, irqs=Irqs(200))

    assert plan(read, windows=1) == plan(snapshot, windows=1)


def test_a_host_of_no_known_regime_has_no_plan() -> None:
    """Without costs every limit is unknown: nothing fits for certain."""
    found = plan(with_host(platform="xenserver", platform_version="6.5.0"), 1, windows=1)

    assert found.regime is None
    assert found.batches is None
    assert found.fits is None
    assert {headroom.reason for headroom in found.headrooms} == {
        "the cost of a hvm VM is unknown on this host"
    }


def test_limits_without_a_known_cost_are_named() -> None:
    """Limits every VM takes of by an amount nobody knows are named, and count for nothing."""
    found = plan(full_xl(), linux=1)

    assert set(found.uncounted) == {limit.name for limit in LIMITS if limit.uncounted}
    assert not set(found.uncounted) & set(headrooms(found))


def bridged(vifs: Mapping[str, int] | None = None, **ports: int) -> Snapshot:
    """XenServer 6.2 with these bridges of Linux; each has a vif, or as many as in `vifs`."""
    found = dict.fromkeys(ports, 1) if vifs is None else vifs
    bridges = Bridges(ports, dict.fromkeys(ports, "bridge"), found)
    return dataclasses.replace(xenserver("6.2.0"), bridges=bridges)


@pytest.mark.parametrize(
    ("vifs", "bridge", "batches"),
    [
        ({"xenbr0": 990, "xenbr1": 2}, "xenbr1", 510),
        ({"xenbr0": 990, "xenbr1": 0}, "xenbr0", 11),
        ({"xenbr1": 2}, "xenbr1", 510),
        ({}, "xenbr0", 11),
    ],
    ids=["both", "one", "the emptier", "none"],
)
def test_headroom_is_that_of_a_bridge_with_vms(
    vifs: Mapping[str, int], bridge: str, batches: int
) -> None:
    """An empty docker0 hides no full xenbr0: bridges with vifs count, the emptier one of them.

    Where none has any, the fullest counts; an HVM domain takes two ports of 1,023.
    """
    found = plan(bridged(vifs, xenbr0=1000, xenbr1=3, docker0=0), windows=1)

    assert [(r.instance, r.batches) for r in found.headrooms if r.limit == "bridge_ports"] == [
        (bridge, batches)
    ]


def test_a_host_that_routes_has_no_ports_to_run_out_of() -> None:
    """Without any bridge the plan is by the other limits; a bridge that is named is not there."""
    snapshot = bridged()
    read = dataclasses.replace(
        snapshot, outcomes={**snapshot.outcomes, "bridges": Outcome(Status.OK)}
    )
    named = dataclasses.replace(LINUX, bridge="xenbr0")

    assert plan(read, windows=1).batches == 500
    assert "bridge_ports" not in headrooms(plan(read, windows=1))
    assert fit(assess(read), read, {named: 1}).batches is None


def test_a_shape_may_name_its_bridge() -> None:
    """Shapes on two bridges take of each; a bridge that is not there is unknown."""
    snapshot = bridged(xenbr0=1000, xenbr1=3)
    here, there = (dataclasses.replace(LINUX, bridge=name) for name in ("xenbr0", "xenbr7"))
    found = fit(assess(snapshot), snapshot, {here: 1, LINUX: 1, there: 1})

    ports = {
        r.instance: (r.batches, r.reason) for r in found.headrooms if r.limit == "bridge_ports"
    }
    assert ports == {
        "xenbr0": (23, ""),
        "xenbr1": (1020, ""),
        "xenbr7": (None, "no bridge xenbr7"),
    }


@pytest.mark.parametrize(
    ("shape", "cost", "expected"),
    [
        (Shape("a", vcpus=4, disks=2, vifs=0), Cost(domain=1, vcpu=1, disk=3), 11),
        (Shape("a", vcpus=4, disks=2, vifs=1), Cost(ring=1, queue=2), 2 * 2 + 2 * 2),
        (Shape("a", vcpus=1, disks=2, vifs=1), Cost(ring=1, queue=2), 2 + 2),
        (Shape("a", vcpus=4, disks=0, vifs=3, queues=1), Cost(vif=1, queue=2), 9),
        (Shape("a", disks=0, vifs=2), Cost(vif=Fraction(1, 4)), Fraction(1, 2)),
    ],
)
def test_a_vm_takes_by_its_devices(shape: Shape, cost: Cost, expected: Units) -> None:
    """Rings and queues are as many as guest and a dom0 of two vCPUs have vCPUs for."""
    assert units(cost, shape, 2) == expected


@pytest.mark.parametrize(
    ("shape", "most", "queues"),
    [
        (Shape("a", vcpus=4, vifs=1), 1, 1),
        (Shape("a", vcpus=4, vifs=1), 8, 4),
        (Shape("a", vcpus=4, vifs=1, queues=3), 2, 2),
        (Shape("a", vcpus=4, vifs=1, queues=1), 8, 1),
        (Shape("a", vcpus=4, vifs=1), 0, 1),
        (Shape("a", vcpus=4, vifs=1), None, 2),
    ],
)
def test_netback_bounds_the_queues(shape: Shape, most: int | None, queues: int) -> None:
    """An interface has as many queues as the guest asks for and netback's max_queues allows."""
    assert units(Cost(queue=1), shape, 2, most) == queues


def test_fewer_queues_make_more_room() -> None:
    """Once max_queues is 1, VMs of many vCPUs take fewer channels, and that is advised no more."""
    shape = Shape("a", "hvm", vcpus=8, vifs=2)
    many, one = (with_host(netback_queues=queues) for queues in (8, 1))
    headroom = next(
        headroom
        for headroom in fit(assess(one), one, {shape: 1}).headrooms
        if headroom.limit == "event_channels"
    )

    assert taken(many, shape) - taken(one, shape) == 2 * 2 * 7
    assert not any("max_queues" in remedy for remedy in headroom.remedies)


def test_dom0_of_unknown_vcpus_means_the_most() -> None:
    """Where dom0's vCPUs are not known, disks have a ring for each vCPU of the guest."""
    assert units(Cost(ring=1), Shape("a", vcpus=8), None) == 8


def test_uefi_takes_more_where_the_regime_says_so() -> None:
    """varstored takes vCPUs + 1 event channels under xapi; under xl firmware takes nothing."""
    shape = Shape("a", "hvm", vcpus=2, uefi=True)
    for release, more in (("8.3.0", 3), ("8.2.1", 3)):
        snapshot = with_host(platform="xcp-ng", platform_version=release, kernel=(4, 19))
        assert taken(snapshot, shape) == taken(snapshot, without_uefi(shape)) + more
    assert taken(full_xl(), shape) == taken(full_xl(), without_uefi(shape))


def without_uefi(shape: Shape) -> Shape:
    """The same VM with a BIOS."""
    return dataclasses.replace(shape, uefi=False)


def taken(snapshot: Snapshot, shape: Shape) -> Units:
    """Event channels of a VM."""
    found = fit(assess(snapshot), snapshot, {shape: 1})
    return next(
        headroom.takes or 0 for headroom in found.headrooms if headroom.limit == "event_channels"
    )


def test_every_limit_vms_take_of_has_a_remedy() -> None:
    """A limit has a remedy exactly where a plan counts it: nothing else would show it."""
    assert [limit.name for limit in LIMITS if bool(limit.costs) != bool(limit.remedy)] == []


shapes = st.builds(
    Shape,
    name=st.just("any"),
    type=st.sampled_from(["pv", "hvm"]),
    vcpus=st.integers(1, 64),
    disks=st.integers(0, 16),
    vifs=st.integers(0, 8),
    queues=st.integers(0, 8),
    uefi=st.booleans(),
)


@settings(deadline=None)
@given(
    shape=shapes,
    release=st.sampled_from(["6.1.0", "6.2.0"]),
    channels=st.integers(0, 1200),
    aio=st.integers(0, 1 << 21),
)
def test_as_many_as_planned_fit_and_one_more_does_not(
    shape: Shape, release: str, channels: int, aio: int
) -> None:
    """Taking for n VMs what each takes keeps every limit, taking for n + 1 breaks the binding."""
    snapshot = xenserver(release)
    assert snapshot.event_channels is not None
    assert snapshot.aio is not None
    by_kind = {"virq": channels}
    event_channels = dataclasses.replace(snapshot.event_channels, by_kind=by_kind)
    snapshot = dataclasses.replace(
        snapshot, event_channels=event_channels, aio=dataclasses.replace(snapshot.aio, nr=aio)
    )
    found = fit(assess(snapshot), snapshot, {shape: 1})

    assert found.batches is not None
    for headroom in found.headrooms:
        state = next(
            s for s in states_of(snapshot, headroom.limit) if s.instance == headroom.instance
        )
        assert state.used is not None
        assert state.max is not None
        over = [state.used + n * (headroom.takes or 0) > state.max.value for n in count(found)]
        assert not over[0] or found.batches == 0
        assert over[1] or headroom is not found.binding


def count(found: Plan) -> tuple[int, int]:
    """As many as fit, and one more."""
    assert found.batches is not None
    return found.batches, found.batches + 1
