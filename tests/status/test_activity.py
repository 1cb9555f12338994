"""What VMs do and what serves them: what is in the activity, and the way to JSON and back."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import full_snapshot
from xenwatch.readings.snapshot import READINGS, Snapshot
from xenwatch.status.activity import Activity, ActivityError, activity, dumps, loads

FULL = full_snapshot()
PARTS = ("domains", "qemus", "disks", "vifs", "uplinks", "daemons", "dom0")


def test_json_comes_back_as_it_was() -> None:
    """Everything in an activity survives JSON."""
    found = activity(FULL)

    assert all(getattr(found, part) for part in PARTS)
    assert loads(dumps(found)) == found


def test_a_document_of_a_newer_version_is_read() -> None:
    """Fields that this version does not know are left out."""
    document = json.loads(dumps(activity(FULL)))
    document["more"] = 1
    document["qemus"][0]["more"] = 1

    assert loads(json.dumps(document)) == activity(FULL)


@settings(deadline=None)
@given(st.text() | st.binary() | st.from_type(type(None)).map(json.dumps))
def test_other_documents_are_rejected(document: str | bytes) -> None:
    """What is no activity is refused with one kind of error."""
    with pytest.raises(ActivityError):
        loads(document)


def test_a_truth_is_no_number() -> None:
    """A field of yes or no takes nothing else, and no other field takes those."""
    document = json.loads(dumps(activity(FULL)))
    document["disks"][0]["connected"] = 1
    with pytest.raises(ActivityError):
        loads(json.dumps(document))
    document = json.loads(dumps(activity(FULL)))
    document["disks"][0]["reads"] = True
    with pytest.raises(ActivityError):
        loads(json.dumps(document))


@pytest.mark.parametrize(
    "value", [10**400, float("nan"), float("-inf")], ids=["large", "nan", "infinite"]
)
def test_a_number_of_no_host_is_refused(value: float) -> None:
    """What is too large, infinite or not a number is refused with the same error."""
    document = json.loads(dumps(activity(FULL)))
    document["time"] = value
    with pytest.raises(ActivityError, match="time is out of range"):
        loads(json.dumps(document))


def test_nothing_read_is_nothing_known() -> None:
    """Without readings every part is absent."""
    found = activity(Snapshot())

    assert all(getattr(found, part) is None for part in PARTS)
    assert found.instants == {}


@pytest.mark.parametrize("missing", READINGS)
def test_one_reading_less_is_less_known_of_what_it_feeds(missing: str) -> None:
    """Whichever reading is missing, an activity is made, and what it alone feeds is absent."""
    alone = {
        "domains": "domains",
        "qemus": "qemus",
        "disks": "disks",
        "datapath": "vifs",
        "uplinks": "uplinks",
        "dom0_cpus": "dom0",
    }
    nothing: dict[str, Any] = {missing: None}
    found = activity(dataclasses.replace(FULL, **nothing))

    assert [part for part in PARTS if getattr(found, part) is None] == [
        part for name, part in alone.items() if name == missing
    ]


def test_dom0s_time_for_a_domain_is_of_all_that_works_for_it() -> None:
    """QEMU, workers for its devices and helpers, each by kind; the domain's own is apart."""
    use = next(row for row in activity(FULL).domains or () if row.domid == 5)

    assert use.dom0_cpu_seconds == {
        "qemu": 2.5, "netback": 3.0, "blkback": 0.25, "varstored": 1.5,
    }  # fmt: skip
    assert (use.dom0_memory_bytes, use.dom0_tasks) == (31457280, 12)


def test_a_disk_that_is_not_connected_has_no_counters() -> None:
    """It is a row with backend and storage, and its counters are absent."""
    assert FULL.disks is not None
    disks = dataclasses.replace(FULL.disks, unconnected={(9, 51712): ("tapdisk", "repo")})
    found: Activity = activity(dataclasses.replace(FULL, disks=disks))
    row = (found.disks or ())[-1]

    assert (row.domid, row.connected, row.storage) == (9, False, "repo")
    assert (row.reads, row.in_flight, row.stalled_seconds) == (None, None, None)
