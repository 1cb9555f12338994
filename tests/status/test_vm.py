"""A VM of a host: how it is found, what is its part, and the rates since an earlier snapshot."""

from __future__ import annotations

import dataclasses

import pytest

from tests.page.test_page import GUEST, changed
from tests.status.test_host_status import of
from tests.support import full_snapshot
from xenwatch.assessment import assess_pass
from xenwatch.readings.snapshot import Snapshot
from xenwatch.status.vm import VmStatus, find, vm_status

SNAPSHOT = full_snapshot()
STATUS = of(SNAPSHOT)


def found(domid: int, earlier: Snapshot | None = None, now: Snapshot = SNAPSHOT) -> VmStatus:
    """What is known of a domain of the full snapshot."""
    status = of(now)
    row = next(row for row in status.domains or () if row.domid == domid)
    return vm_status(assess_pass(now), status, row, earlier)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("U-1", [5]), ("web", [6, 5, 4]), ("6", [6]), ("", []), ("0", []), ("Domain-0", [])],
)
def test_a_vm_is_found_by_what_names_it(name: str, expected: list[int]) -> None:
    """By UUID, name or domain id; of several the running one first; dom0 is no VM."""
    status = changed(
        domains=(
            dataclasses.replace(GUEST, domid=0, name="Domain-0"),
            dataclasses.replace(GUEST, domid=4, state="dying", uuid="u-0"),
            dataclasses.replace(GUEST, domid=5, uuid="u-1"),
            dataclasses.replace(GUEST, domid=6, uuid="u-2"),
        )
    )

    assert [row.domid for row in find(status, name)] == expected


def test_its_part_of_each_limit() -> None:
    """The share is what the readings say, and nothing where they do not."""
    domid = next(iter(SNAPSHOT.qemus.by_domid)) if SNAPSHOT.qemus else 0
    channels = SNAPSHOT.event_channels
    assert channels is not None
    parts = {share.limit: share.used for share in found(domid).shares}
    blind = dataclasses.replace(SNAPSHOT, event_channels=None)

    assert parts["event_channels"] == channels.by_domain.get(domid, 0)
    assert {each.limit: each.used for each in found(domid, now=blind).shares}[
        "event_channels"
    ] is None


def later(seconds: float, wakeups: int) -> Snapshot:
    """The full snapshot so many seconds on, each QEMU with more wakeups."""
    assert SNAPSHOT.qemus is not None
    return dataclasses.replace(
        SNAPSHOT,
        qemus=dataclasses.replace(
            SNAPSHOT.qemus,
            by_domid={
                domid: dataclasses.replace(qemu, wakeups=qemu.wakeups + wakeups)
                for domid, qemu in SNAPSHOT.qemus.by_domid.items()
            },
        ),
        outcomes={
            name: dataclasses.replace(outcome, instant=outcome.instant + seconds)
            for name, outcome in SNAPSHOT.outcomes.items()
        },
    )


def test_rates_are_those_between_two_readings() -> None:
    """By the time between the runs of the probe; without an earlier one there is no rate."""
    assert SNAPSHOT.qemus is not None
    domid = next(iter(SNAPSHOT.qemus.by_domid))
    rates = [
        found(domid, earlier, later(20.0, wakeups)).wakeups
        for earlier, wakeups in ((SNAPSHOT, 50), (None, 50), (SNAPSHOT, -50))
    ]

    assert [None if each is None else each.rate for each in rates] == [2.5, None, None]


def test_a_new_qemu_has_no_rate_yet() -> None:
    """The counters of a process that took over the domain began anew."""
    assert SNAPSHOT.qemus is not None
    domid, qemu = next(iter(SNAPSHOT.qemus.by_domid.items()))
    other = dataclasses.replace(qemu, pid=qemu.pid + 1, wakeups=0)
    before = dataclasses.replace(
        SNAPSHOT, qemus=dataclasses.replace(SNAPSHOT.qemus, by_domid={domid: other})
    )
    wakeups = found(domid, before, later(20.0, 50)).wakeups

    assert wakeups is not None
    assert wakeups.rate is None
