"""dom0 with the 2-level ABI, whose 4,096 channels can be used up, and with the C xenstored."""

from __future__ import annotations

import pytest

from tests.xen import checks, faults, guests
from tests.xen.conftest import CAPTURES
from tests.xen.daemon import Daemon, Page
from tests.xen.guests import Shape
from tests.xen.hazards import RATIO, THRESHOLD, Hazards
from tests.xen.report import Report
from tests.xen.vm import Vm

DOM0_ARGS = "xen.fifo_events=0 tests.xenstored=/usr/sbin/xenstored"

CHANNELS = 4095
FRAMES = 5
"""Of one guest: each interface takes one; four are 0.8, the warning."""
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


def settled(vm: Vm, domid: str) -> bool:
    """Whether every network interface of a guest is connected, or one has failed."""
    states = vm.run(f"cat /sys/bus/xen-backend/devices/vif-{domid}-*/state").split()
    errors = "xenstore-ls -f /local/domain/{}/error 2> /dev/null | grep /vif/{}"
    roads = errors.format(domid, ""), errors.format(0, domid)
    return set(states) == {"Connected"} or any(not vm.attempt(road).status for road in roads)


@pytest.mark.arm64
def test_every_value_is_true(vm: Vm, daemon: Daemon, guest: int) -> None:
    """On this dom0, too, every exported value equals the one by another road."""
    observation = checks.observe(vm, daemon, CAPTURES / "two-level")

    _, wrong = observation.of_daemon()
    assert wrong == ""
    _, wrong = observation.of_capture()
    assert wrong == ""
    assert observation.page.get("xenwatch_daemon_info", role="xenstored", comm="xenstored") == 1


@pytest.mark.arm64
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
        labels = {"domid": str(broken), "errno": "ENOSPC", "backend_domid": "0"}
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
    its = {"domid": str(broken), "state": state, "backend_domid": "0", "class": "vbd"}
    assert page.get("xenwatch_domain_backends", **its)
    assert none.status != 0
    assert full.get("xenwatch_event_channels_used") == CHANNELS
    assert full.get(RATIO, limit="event_channels") == 1


def test_grant_frames_warn_before_a_device_fails(vm: Vm, daemon: Daemon, report: Report) -> None:
    """While devices still connect the ratio gets critical; then one does not, visibly."""
    shape = Shape(vifs=2, extra=(f"max_grant_frames={FRAMES}",))
    guests.start(vm, "small", shapes={"small": shape})
    domid = str(guests.domid(vm, "small"))
    seen: list[tuple[float, str, bool]] = []
    try:
        while not (seen and seen[-1][2]) and len(seen) < 3 * FRAMES:
            vm.run("xl network-attach small bridge=xenbr0", deadline=120)
            vm.wait(lambda: settled(vm, domid), "the new interface to connect or to fail", 60)
            page = daemon.fresh()
            failed = any(dict(its)["domid"] == domid for its in page.of(ERRORS))
            used = page.get("xenwatch_grant_frames_used", domid=domid) or 0
            seen.append((used, severity(page, "grant_frames"), failed))
        by_hand = vm.run(f"xen-diag gnttab_query_size {domid}")
    finally:
        guests.destroy(vm, "small")

    report.note(f"grant frames, severity and failure by interface: {seen}", 0)
    connected = [severity for _, severity, failed in seen if not failed]
    assert {"warning", "critical"} <= set(connected)
    assert seen[-1] == (FRAMES, "critical", True)
    assert page.get("xenwatch_grant_frames_max", domid=domid) == FRAMES
    assert f"nr_frames={FRAMES}, max_nr_frames={FRAMES}" in by_hand
    its = {"domid": domid, "errno": "EINVAL", "backend_domid": "0", "class": "vif"}
    assert page.get(ERRORS, **its) == 1


def quotas(vm: Vm, domid: str = "") -> dict[str, int]:
    """Quotas, or what a domain uses of them, in the words of xenstored's own tool."""
    lines = vm.run(f"xenstore-control quota {domid}").splitlines()
    pairs = (line.partition(":") for line in lines if line[-1:] != ":")
    return {name.strip(): int(rest.split()[0]) for name, _, rest in pairs if rest.strip()}


def test_a_guest_uses_up_its_quotas_of_xenstore(vm: Vm, daemon: Daemon, report: Report) -> None:
    """A guest that sets watches and writes nodes until it is refused is critical on both."""
    fill = "WATCHES=200 NODES=1200"
    shape = Shape(extra=(f'extra="console=hvc0 mitigations=off {fill}"',))
    most = quotas(vm)
    guests.start(vm, "modest", "greedy", shapes={"modest": Shape(), "greedy": shape})
    domids = {name: str(guests.domid(vm, name)) for name in ("modest", "greedy")}
    log = "/var/log/xen/console/guest-greedy.log"
    try:
        vm.wait(lambda: "XENSTORE-FILLED" in vm.run(f"cat {log}"), "the guest to be done", 180)
        vm.wait(
            lambda: quotas(vm, domids["greedy"])["nodes"] >= most["nodes"], "nodes to be full", 60
        )
        page = daemon.fresh(probes=["xenstore_quotas"])
        used = {name: quotas(vm, domid) for name, domid in domids.items()}
        said = vm.run(f"cat {log}")
    finally:
        guests.destroy(vm, "modest", "greedy")

    report.note(f"xenstore: quotas {most}, used {used}", 0)
    for name, domid in domids.items():
        for kind, unit in (
            ("nodes", ""),
            ("watches", ""),
            ("transactions", ""),
            ("memory", "_bytes"),
        ):
            metric = f"xenwatch_xenstore_{kind}_used{unit}"
            assert page.get(metric, domid=domid) == used[name][kind], metric
            assert page.get(f"xenwatch_xenstore_{kind}_max{unit}", domid=domid) == most[kind]
    assert page.get("xenwatch_xenstore_nodes_used", domid="0") is None
    assert used["greedy"]["nodes"] == most["nodes"]
    # Until Xen 4.21 one more than the quota is allowed.
    assert used["greedy"]["watches"] in (most["watches"], most["watches"] + 1)
    assert "write error: Argument list too long" in said  # E2BIG
    assert severity(page, "xenstore_watches") == "critical"
    assert severity(page, "xenstore_nodes") == "critical"
    assert severity(page, "xenstore_memory") == "ok"


class TestHazards(Hazards):
    """With the C xenstored."""
