"""dom0 with the 2-level ABI, whose 4,096 channels can be used up, and with the C xenstored."""

from __future__ import annotations

from tests.xen import checks, faults, guests
from tests.xen.conftest import CAPTURES
from tests.xen.daemon import Daemon, Page
from tests.xen.guests import Shape
from tests.xen.hazards import RATIO, THRESHOLD, Hazards
from tests.xen.vm import Vm

DOM0_ARGS = "xen.fifo_events=0 tests.xenstored=/usr/sbin/xenstored"

CHANNELS = 4095
ERRORS = "xenwatch_domain_backend_errors"


def severity(page: Page, limit: str) -> str:
    """How near the limit is by the thresholds on the page."""
    ratio = page.get(RATIO, limit=limit)
    assert ratio is not None
    reached = [
        name
        for name in ("warning", "critical")
        if ratio >= (page.get(THRESHOLD, limit=limit, severity=name) or 1)
    ]
    return reached[-1] if reached else "ok"


def test_every_value_is_true(vm: Vm, daemon: Daemon, guest: int) -> None:
    """On this dom0, too, every exported value equals the one by another road."""
    it = checks.observe(vm, daemon, CAPTURES / "two-level")

    _, wrong = it.of_daemon()
    assert wrong == ""
    _, wrong = it.of_capture()
    assert wrong == ""
    assert it.page.get("xenwatch_daemon_info", role="xenstored", comm="xenstored") == 1


def test_event_channels_warn_before_a_start_fails(vm: Vm, daemon: Daemon, guest: int) -> None:
    """The ratio is warning and critical while guests still start; then a start fails, visibly."""
    seen = {"at first": severity(daemon.fresh(), "event_channels")}
    with faults.Hog(vm) as hog:
        used = int(daemon.fresh().get("xenwatch_event_channels_used") or 0)
        hog.tell(f"take {int(CHANNELS * 0.82) - used}")
        seen["82 %"] = severity(daemon.fresh(), "event_channels")
        hog.tell(f"take {int(CHANNELS * 0.1)}")
        seen["92 %"] = severity(daemon.fresh(), "event_channels")
        guests.start(vm, "good", shapes={"good": Shape()})

        hog.tell("leave 2")
        half = guests.create(vm, "half", Shape())
        broken = guests.domid(vm, "half")
        labels = {"domid": str(broken), "errno": "ENOSPC"}
        vm.wait(lambda: daemon.page().get(ERRORS, **labels, **{"class": "vbd"}) == 1, ERRORS, 60)
        page = daemon.fresh()
        state = vm.run(f"cat /sys/bus/xen-backend/devices/vbd-{broken}-51712/state").strip()

        hog.tell("leave 0")
        none = guests.create(vm, "none", Shape())
        full = daemon.fresh()
    vm.attempt("xl destroy none")
    guests.destroy(vm, "good", "half")
    guests.clean(vm, "none")

    assert seen == {"at first": "ok", "82 %": "warning", "92 %": "critical"}
    assert half.status == 0
    assert page.get(ERRORS, **labels, **{"class": "vbd"}) == 1
    assert page.get(ERRORS, **labels, **{"class": "vif"}) == 1
    assert page.get("xenwatch_domain_backends", domid=str(broken), state=state, **{"class": "vbd"})
    assert none.status != 0
    assert full.get("xenwatch_event_channels_used") == CHANNELS
    assert full.get(RATIO, limit="event_channels") == 1


def test_a_guest_out_of_grant_frames_is_seen(vm: Vm, daemon: Daemon) -> None:
    """A guest whose grant table is full is critical, and its dead devices show as errors."""
    shape = Shape(vifs=4, extra=("max_grant_frames=2",))
    created = guests.create(vm, "small", shape)
    domid = guests.domid(vm, "small")
    labels = {"domid": str(domid), "class": "vif"}
    vm.wait(
        lambda: any(dict(it).get("domid") == str(domid) for it in daemon.page().of(ERRORS)),
        ERRORS,
        90,
    )
    page = daemon.fresh()
    guests.destroy(vm, "small")

    assert created.status == 0
    assert page.get("xenwatch_grant_frames_used", domid=str(domid)) == 2
    assert page.get("xenwatch_grant_frames_max", domid=str(domid)) == 2
    assert severity(page, "grant_frames") == "critical"
    assert page.get(ERRORS, **labels, errno="EINVAL") == 3


class TestHazards(Hazards):
    """With the C xenstored."""
