"""An alert about a VM from pass to pass: a reboot is no news of it."""

from __future__ import annotations

from collections.abc import Mapping

from tests.alerts.support import POLICY, family
from xenwatch.alerts.names import WARNING
from xenwatch.alerts.states import Alerts, State, step
from xenwatch.alerts.table import ALERTS
from xenwatch.exposition.text_format import Family
from xenwatch.readings.snapshot import Outcome, Snapshot, Status

ERRORS = next(alert for alert in ALERTS if alert.name == "backend_errors")


def page(domid: str, errors: float) -> Mapping[str, Family]:
    """A page with a VM and the errors of its network."""
    made = (
        family("xenwatch_domain_info", {(domid, "web", "0-1"): 1}, "domid", "name", "uuid"),
        family("xenwatch_domain_state", {(domid, "running"): 1}, "domid", "state"),
        family(
            "xenwatch_domain_backend_errors",
            {(domid, "vif", "ENOSPC", "0"): errors} if errors else {},
            *("domid", "class", "errno", "backend_domid"),
        ),
    )
    return {each.name: each for each in made}


def walked(*pages: tuple[float, str, float]) -> list[tuple[str, str]]:
    """The changes of the alert over pages: second, domid and errors of the VM."""
    alerts, found = Alerts(), []
    for time, domid, errors in pages:
        snapshot = Snapshot(time, {"xenstore_devices": Outcome(Status.OK)}, instant=time)
        alerts = step(alerts, page(domid, errors), snapshot, POLICY, limits=(), table=[ERRORS])
        found += [
            (change.was.value, change.now.value)
            for change in alerts.changes
            if change.active.severity == WARNING
        ]
        assert {dict(active.labels)["uuid"] for active in alerts.firing} <= {"0-1"}
    return found


def test_a_reboot_of_a_broken_vm_is_no_news() -> None:
    """The alert goes on when the VM comes back as broken as it was, with another domid."""
    reboot = ((0, "5", 1.0), (120, "5", 1.0), (130, "9", 0.0), (140, "9", 1.0), (600, "9", 1.0))

    assert walked(*reboot) == [
        (State.OK.value, State.PENDING.value), (State.PENDING.value, State.FIRING.value)
    ]  # fmt: skip


def test_a_reboot_does_not_begin_the_wait_anew() -> None:
    """A VM that is rebooted once a minute, and is broken all along, is told."""
    reboots = [(60.0 * minute, str(minute + 1), 1.0) for minute in range(3)]

    assert walked(*reboots)[-1] == (State.PENDING.value, State.FIRING.value)
