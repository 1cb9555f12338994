"""What happened from one moment to the next."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support import full_snapshot
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.alerts.states import Active, Alerts
from xenwatch.alerts.table import ALERTS
from xenwatch.readings.domains import Domain, Domains
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.record.past import Past
from xenwatch.report.events import Event, Kind, Vm, parts, told, words
from xenwatch.report.moments import Seen, seen

BEGAN = 1.7e9
WEB = Domain(3, "8e4f7a52-0000-4000-8000-000000000001", b"web", "hvm", "running", 1, 1, 1, 1.0)
DB = Domain(4, "8e4f7a52-0000-4000-8000-000000000002", b"db", "hvm", "running", 1, 1, 1, 1.0)
DOM0 = Domain(0, "00000000-0000-0000-0000-000000000000", b"Domain-0", "pv", "running", 1, 1, 1, 1.0)


def past(seconds: float, *domains: Domain, **more: object) -> Past:
    """A moment with these VMs."""
    snapshot = Snapshot(
        time=BEGAN + seconds,
        instant=1000.0 + seconds,
        domains=Domains((DOM0, *domains), "hypercall"),
        outcomes={"domains": Outcome(Status.OK)},
    )
    fields = {field.name for field in dataclasses.fields(Snapshot)}
    changed = {name: value for name, value in more.items() if name in fields}
    others = {name: value for name, value in more.items() if name not in fields}
    snapshot = dataclasses.replace(snapshot, **changed)  # type: ignore[arg-type]
    return dataclasses.replace(
        Past(snapshot, Alerts(), {}, {}, None),
        **others,  # type: ignore[arg-type]
    )


def happened(*moments: Past, now: float = BEGAN + 60) -> list[str]:
    """The lines of what happened."""
    return [words(event) for one in every(moments, now) for event in one.events]


def every(moments: Iterable[Past], now: float = BEGAN + 60) -> list[Seen]:
    """The moments as they are seen."""
    return list(seen(moments, {}, now))


def test_of_the_first_moment_nothing_is_new() -> None:
    """What is there then may have been for long."""
    assert happened(past(0, WEB, DB)) == []


def test_vms_start_and_stop() -> None:
    """Each with its name; dom0 is none, and one whose domid changes has restarted."""
    again = dataclasses.replace(DB, domid=9)
    assert happened(past(0, WEB), past(10, WEB, DB), past(20, again)) == [
        "VM started: db",
        "VM stopped: web",
        "VM restarted: db",
    ]


def test_a_vm_that_crashes_or_does_not_go_away_is_told() -> None:
    """Also while it is listed."""
    for state in ("crashed", "dying"):
        after = dataclasses.replace(WEB, state=state)
        assert happened(past(0, WEB), past(10, after), past(20, after)) == [f"VM {state}: web"]


def test_of_many_vms_a_few_are_named() -> None:
    """A boot storm is a line."""
    many = [
        dataclasses.replace(WEB, domid=n, uuid=f"{n:032x}", name=b"vm%d" % n) for n in range(5, 15)
    ]
    [line] = happened(past(0), past(10, *many))
    assert line == "10 VMs started: vm5, vm6, vm7, vm8, vm9 and 5 more"


def test_what_was_not_read_is_no_change() -> None:
    """VMs are compared with when they were last read; the probe's failure is the event."""
    failed = {"domains": Outcome(Status.FAILED, "timed out")}
    unread = past(10, domains=None, outcomes=failed)
    assert happened(past(0, WEB), unread, past(20, DB)) == [
        "probe failed: domains: timed out",
        "VM stopped: web",
        "VM started: db",
        "probe recovered: domains",
    ]


def test_alerts_are_told_once() -> None:
    """When they start and end, with their severity; a pending one is none."""
    alert = next(alert for alert in ALERTS if alert.name == "clock_unsynchronized")
    key = (alert.name, "warning", ())
    pending = Active(alert, "warning", (), since=0.0, value=1.0)
    fires = Alerts({key: dataclasses.replace(pending, fired=1.0)})
    lines = happened(
        past(0),
        past(10, alerts=Alerts({key: pending})),
        past(20, alerts=fires),
        past(30, alerts=fires),
        past(40, alerts=None),
        past(50),
    )
    summary = lines[0].removeprefix("alert firing warning: ")
    assert lines == [f"alert firing warning: {summary}", f"alert ended warning: {summary}"]


def test_a_gap_is_told_and_a_boot() -> None:
    """While the daemon did not run nothing was recorded."""
    after = past(600, instant=5.0)
    assert happened(past(0), past(30), after, now=BEGAN + 600) == [
        "record resumed: no moments for 10 min",
        "record resumed: dom0 has booted since",
    ]


def test_thinned_moments_are_no_gaps() -> None:
    """Of a day ago one in ten minutes is kept."""
    assert happened(past(0), past(600), past(1200), now=BEGAN + 2 * 86400) == []


def test_maintenance_is_told() -> None:
    """With its reason."""
    until = Maintenance(BEGAN + 3600, "new disks")
    assert happened(past(0), past(10, maintenance=until), past(20)) == [
        "maintenance began: in maintenance until 2023-11-14 23:13 UTC: new disks",
        "maintenance ended: in maintenance until 2023-11-14 23:13 UTC: new disks",
    ]


def test_limits_are_told_with_their_use() -> None:
    """When their severity changes; a use that flaps around a threshold is told once."""
    snapshot = full_snapshot()
    assert snapshot.ptys is not None
    lines = []
    for seconds, used in ((0, 10), (10, 3700), (20, 3680), (30, 3700), (40, 10)):
        ptys = dataclasses.replace(snapshot.ptys, nr=used, max=4096)
        known = {"ptys": Outcome(Status.OK)}
        lines.append(past(seconds, ptys=ptys, host=snapshot.host, outcomes=known))
    assert happened(*lines) == [
        "limit critical: ptys: 90.4% used, 3700 of 4095 (was ok)",
        "limit ok: ptys: 0.2% used, 10 of 4095 (was critical)",
    ]


@settings(deadline=None)
@example(Event(0.0, Kind.VM, "", vms=(Vm("", "\n"),)))
@given(st.builds(Event, st.floats(0, 4e9), st.sampled_from(Kind), st.text(), st.text(), st.text(),
                 st.lists(st.builds(Vm, st.text(), st.text()), max_size=9).map(tuple)))  # fmt: skip
def test_names_are_told_on_one_line(event: Event) -> None:
    """Whatever a VM is called, and whatever is in the place of its UUID."""
    named = Event(event.time, event.kind, "started", vms=event.vms)
    assert "\n" not in words(named)


VM = Vm("web", "8e4f7a52-0000-4000-8000-000000000001")


def test_a_line_has_three_parts() -> None:
    """What is before its VMs, these, and what is after them, whichever event it is."""
    alert = Event(0.0, Kind.ALERT, "firing", f"VM {told(VM)} is out", "critical", (VM,))
    assert parts(alert) == ("alert firing critical: VM ", (VM,), " is out")
    assert parts(Event(0.0, Kind.DEVICE, "broken", "vif 0", vms=(VM,))) == (
        "device broken: ",
        (VM,),
        ": vif 0",
    )
    assert parts(Event(0.0, Kind.ALERT, "ended", "out", "warning", (VM,))) == (
        "alert ended warning: out",
        (),
        "",
    )
