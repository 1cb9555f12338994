"""What a plan says of each limit, and which limits it leaves out."""

from __future__ import annotations

import dataclasses

import pytest

from tests.planning.support import LINUX, WINDOWS, full_xl, plan, xenserver
from xenwatch.display.quantities import INEXHAUSTIBLE
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Cost, Max
from xenwatch.limits.states import assess
from xenwatch.planning.capacity import fit, fit_each, units, vcpus_online
from xenwatch.readings.processes import Ptys
from xenwatch.readings.snapshot import Outcome, Snapshot, Status

BY_NAME = {limit.name: limit for limit in LIMITS}
ROOMS = sorted({room.limit for room in plan(full_xl(), windows=1, linux=1).headrooms})


def probe_ended(snapshot: Snapshot, limit: str, status: Status) -> Snapshot:
    """The snapshot where the limit's probe ended so."""
    outcomes = {**snapshot.outcomes, BY_NAME[limit].probe: Outcome(status)}
    return dataclasses.replace(snapshot, outcomes=outcomes)


@pytest.mark.parametrize("limit", [name for name in ROOMS if not BY_NAME[name].everywhere])
def test_a_limit_that_does_not_apply_is_left_out(limit: str) -> None:
    """A limit the host does not have stops no VM, and is not named as uncounted either."""
    snapshot = probe_ended(full_xl(), limit, Status.NOT_APPLICABLE)
    found = plan(snapshot, windows=1, linux=1)

    assert limit not in {room.limit for room in found.headrooms} | set(found.uncounted)


@pytest.mark.parametrize("limit", ROOMS)
def test_a_limit_that_was_not_asked_yet_is_unknown(limit: str) -> None:
    """Before a probe's first run its limits are unknown, not left out."""
    snapshot = full_xl()
    outcomes = {k: v for k, v in snapshot.outcomes.items() if k != BY_NAME[limit].probe}
    found = plan(dataclasses.replace(snapshot, outcomes=outcomes), windows=1, linux=1)

    assert limit in {room.limit for room in found.headrooms} | set(found.uncounted)


@pytest.mark.parametrize("snapshot", [full_xl(), xenserver("6.1.0"), Snapshot()])
def test_a_room_has_the_words_of_its_limit(snapshot: Snapshot) -> None:
    """Known or not, a room is called and counted as its limit is."""
    for room in plan(snapshot, windows=1).headrooms:
        limit = BY_NAME[room.limit]
        assert (room.title, room.unit) == (limit.title, limit.unit)


def test_a_room_has_what_its_limit_has_left() -> None:
    """What is left, what a batch takes and how often it fits are the limit's own numbers."""
    snapshot = xenserver("6.2.0")
    headroom = {state.limit.name: state.headroom for state in assess(snapshot)}
    known = [room for room in plan(snapshot, windows=1).headrooms if room.batches is not None]

    assert {room.limit: room.left for room in known} == {r.limit: headroom[r.limit] for r in known}
    for room in known:
        assert room.takes is not None
        assert room.left is not None
        assert room.batches == room.left // room.takes


def test_without_a_count_the_remedy_of_a_full_limit_doubles_it() -> None:
    """Nobody asked for a number of VMs, so the remedy is not cut to one VM."""
    snapshot = dataclasses.replace(full_xl(), ptys=Ptys(nr=4095, max=4096))
    [found] = [each for each in plan(snapshot, linux=1).headrooms if each.limit == "ptys"]

    assert found.remedies[0] == "sysctl -w kernel.pty.max=8191"


@pytest.mark.parametrize(("maximum", "named"), [(INEXHAUSTIBLE - 1, True), (INEXHAUSTIBLE, False)])
def test_a_limit_no_host_exhausts_is_not_named_as_uncounted(maximum: int, named: bool) -> None:
    """A max beyond any number of VMs stops none; one just below is named."""
    snapshot = full_xl()
    states = [
        dataclasses.replace(state, used=0, max=Max(maximum, ""))
        if state.limit.name == "open_files"
        else state
        for state in assess(snapshot)
    ]

    assert ("open_files" in fit(states, snapshot, {LINUX: 1}).uncounted) is named


def test_the_unknown_comes_last() -> None:
    """A limit that is not known stands below every limit that is, even a full one."""
    snapshot = dataclasses.replace(probe_ended(xenserver("6.2.0"), "ptys", Status.OK), ptys=None)
    found = plan(snapshot, windows=1)

    assert [room.limit for room in found.headrooms if room.batches is None] == [
        found.headrooms[-1].limit
    ]


def test_a_plan_names_its_regime() -> None:
    """The costs a plan is made of are those of the host's release."""
    assert plan(xenserver("6.2.0"), windows=1).regime == "xenserver-6.2"


def test_each_shape_has_a_plan_for_one_of_it() -> None:
    """Plans for several shapes are those for one VM of each alone, in their order."""
    snapshot = full_xl()
    states = assess(snapshot)

    assert fit_each(states, snapshot, [WINDOWS, LINUX]) == tuple(
        fit(states, snapshot, {shape: 1}) for shape in (WINDOWS, LINUX)
    )


def with_vcpus(**by_domid: int) -> Snapshot:
    """The full snapshot with so many vCPUs online in each domain."""
    snapshot = full_xl()
    assert snapshot.domains is not None
    any_one = snapshot.domains.domains[0]
    domains = [
        dataclasses.replace(any_one, domid=int(name.removeprefix("dom")), vcpus_online=count)
        for name, count in by_domid.items()
    ]
    return dataclasses.replace(
        snapshot, domains=dataclasses.replace(snapshot.domains, domains=tuple(domains))
    )


def test_dom0s_vcpus_are_those_of_domain_0() -> None:
    """Of all domains the vCPUs of dom0 count, and none where nothing was read."""
    assert vcpus_online(with_vcpus(dom1=8, dom0=3, dom2=1)) == 3
    assert vcpus_online(with_vcpus(dom1=8)) is None
    assert vcpus_online(dataclasses.replace(full_xl(), domains=None)) is None


def test_a_dom0_of_few_vcpus_takes_fewer_rings() -> None:
    """A VM's disks and interfaces take no more channels than dom0 has vCPUs for."""
    shape = dataclasses.replace(LINUX, vcpus=8)
    few, many = (
        {room.limit: room.takes for room in fit(assess(host), host, {shape: 1}).headrooms}
        for host in (with_vcpus(dom0=2), with_vcpus(dom0=8))
    )

    assert (few["event_channels"] or 0) < (many["event_channels"] or 0)


def test_whole_units_are_whole_numbers() -> None:
    """Units are a fraction only where several VMs share one."""
    assert isinstance(units(Cost(domain=2), LINUX, None), int)
