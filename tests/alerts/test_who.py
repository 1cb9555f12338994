"""Alerts about limits say which VMs use most, and how many more fit."""

from __future__ import annotations

import dataclasses

from tests.alerts.support import POLICY, family
from tests.support import full_snapshot
from xenwatch.alerts.messages import of_active
from xenwatch.alerts.near_limit import near_limit
from xenwatch.alerts.states import Alerts, step
from xenwatch.alerts.table import ALERTS
from xenwatch.alerts.who import Use, Who
from xenwatch.exposition.text_format import Family
from xenwatch.limits.event_channels import LIMIT
from xenwatch.limits.states import assess

CHANNELS = "xenwatch_domain_event_channels"
VMS = {("0", "Domain-0", "u0"): 1.0} | {(str(n), f"vm{n}", f"u{n}"): 1.0 for n in range(1, 6)}


def page(used: dict[str, float], room: dict[str, float]) -> dict[str, Family]:
    """What domains use, by domid, and how many more VMs fit, by shape."""
    made = (
        family("xenwatch_domain_info", VMS, "domid", "name", "uuid"),
        family(CHANNELS, {(domid,): value for domid, value in used.items()}, "domid"),
        family("xenwatch_vm_headroom", {(shape,): left for shape, left in room.items()}, "shape"),
    )
    return {each.name: each for each in made}


def test_the_three_that_use_most_are_named() -> None:
    """They come by name and UUID, the largest first, without dom0 and those that use nothing."""
    used = {"0": 900.0, "1": 4.0, "2": 40.0, "3": 0.0, "4": 5.0, "5": 6.0}

    assert Who({"event_channels": Use(CHANNELS)}).sentence(
        page(used, {"windows": 3, "linux": 12}), "event_channels"
    ) == (
        "Most is used by VMs vm2 (u2) 40, vm5 (u5) 6, vm4 (u4) 5. "
        "More VMs that fit: 12 of shape linux, 3 of shape windows."
    )


def test_memory_is_told_in_mebibytes() -> None:
    """Bytes are written in a unit that people read."""
    use = Use(CHANNELS, 1 << 20, " MiB")

    assert "vm1 (u1) 5 MiB." in Who({"m": use}).sentence(page({"1": 5 << 20}, {}), "m")


def test_what_was_not_read_is_not_known() -> None:
    """Without readings nobody is named, and no number of VMs is promised."""
    assert Who({"event_channels": Use(CHANNELS)}).sentence({}, "event_channels") == (
        "Most is used by VMs not known. More VMs that fit: not known."
    )
    assert Who({"ptys": None}).sentence({}, "ptys") == "More VMs that fit: not known."


def test_an_alert_about_a_limit_carries_it() -> None:
    """The message of a limit's alert has it, of the last pass in which the limit was reached."""
    thresholds = dataclasses.replace(LIMIT.thresholds, warning=0.0)
    states = assess(full_snapshot(), {LIMIT.name: thresholds})
    alert = next(each for each in ALERTS if each.name == near_limit(LIMIT).name)
    policy = dataclasses.replace(POLICY, seconds=dict.fromkeys(POLICY.seconds, 0.0))

    alerts = step(
        Alerts(), page({"1": 7}, {"linux": 2}), full_snapshot(), policy,
        limits=states, table=[alert],
    )  # fmt: skip

    told = of_active(alerts.firing[0], "a", "").annotations
    assert told["who"] == (
        "Most is used by VMs vm1 (u1) 7. More VMs that fit: 2 of shape linux."
    )
