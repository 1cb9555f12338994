"""Alerts say who uses a limit, how many more VMs fit, and where the disks of a VM are."""

from __future__ import annotations

import dataclasses

from tests.alerts.support import POLICY, family
from tests.support import full_snapshot
from xenwatch.alerts.details import DriverDomain, Room, Storage, Use, Users, Vms
from xenwatch.alerts.messages import Sender, of_active
from xenwatch.alerts.near_limit import near_limit
from xenwatch.alerts.states import Alerts, step
from xenwatch.alerts.table import ALERTS
from xenwatch.exposition.text_format import Family
from xenwatch.limits.event_channels import LIMIT
from xenwatch.limits.states import assess

CHANNELS = "xenwatch_domain_event_channels"
VMS: dict[tuple[str, ...], float] = {
    ("0", "Domain-0", "u0"): 1.0,
    ("9", "", "u9"): 1.0,
    **{(str(n), f"vm{n}", f"u{n}"): 1.0 for n in range(1, 6)},
}
USERS = Users({"event_channels": Use(CHANNELS)})
OF_CHANNELS = {"limit": "event_channels"}


def page(
    used: dict[str, float] | None = None,
    room: dict[str, float] | None = None,
    disks: dict[tuple[str, str], str] | None = None,
) -> dict[str, Family]:
    """What domains use, by domid, how many more VMs fit, by shape, and the storage of disks."""
    rows: dict[tuple[str, ...], float] = {
        (domid, device, to): 1.0 for (domid, device), to in (disks or {}).items()
    }
    made = (
        family("xenwatch_domain_info", VMS, "domid", "name", "uuid"),
        family(CHANNELS, {(domid,): value for domid, value in (used or {}).items()}, "domid"),
        family(
            "xenwatch_vm_headroom", {(name,): left for name, left in (room or {}).items()}, "shape"
        ),
        family(
            "xenwatch_disk_info",
            rows,
            *("domid", "device", "storage"),
        ),
    )
    return {each.name: each for each in made}


def vms(
    used: dict[str, float] | None = None,
    room: dict[str, float] | None = None,
    disks: dict[tuple[str, str], str] | None = None,
) -> Vms:
    """The VMs of such a page."""
    return Vms(page(used, room, disks))


def test_the_three_that_use_most_are_named() -> None:
    """They come by name and UUID, the largest first, without dom0 and those that use nothing."""
    used = {"0": 900.0, "1": 4.0, "2": 40.0, "3": 0.0, "4": 5.0, "5": 6.0}

    assert USERS.sentence(vms(used), OF_CHANNELS) == (
        "Most is used by VMs 'vm2' (u2) 40, 'vm5' (u5) 6, 'vm4' (u4) 5."
    )


def test_a_vm_without_a_name_is_its_uuid_and_else_its_domid() -> None:
    """What is not known of a VM is left out, and it is named all the same."""
    assert USERS.sentence(vms({"9": 7, "8": 5}), OF_CHANNELS) == (
        "Most is used by VMs u9 7, of domain 8 5."
    )


def test_room_is_told_by_shape() -> None:
    """The number of VMs that fit is that of each shape."""
    assert Room().sentence(vms(room={"windows": 3, "linux": 12}), {}) == (
        "More VMs that fit: 12 of shape linux, 3 of shape windows."
    )


def test_memory_is_told_in_mebibytes() -> None:
    """Bytes are written in a unit that people read."""
    use = Users({"event_channels": Use(CHANNELS, 1 << 20, " MiB")})

    assert use.sentence(vms({"1": 5 << 20}), OF_CHANNELS).endswith("'vm1' (u1) 5 MiB.")


def test_what_was_not_read_is_not_known() -> None:
    """Without readings nobody is named, and no number of VMs is promised."""
    vm = {"uuid": "u1", "class": "vbd"}

    assert USERS.sentence(Vms({}), OF_CHANNELS) == "Most is used by VMs not known."
    assert Room().sentence(Vms({}), {}) == "More VMs that fit: not known."
    assert Storage().sentence(Vms({}), vm) == "Storage of its disks: not known."
    assert DriverDomain().sentence(Vms({}), {"backend_domid": "3"}) == "Domain 3 is VM not known."


def test_a_limit_that_vms_have_no_part_in_names_none() -> None:
    """Of a limit whose use by VM is not known nothing is said."""
    assert USERS.sentence(vms({"1": 5}), {"limit": "ptys"}) == ""


def test_the_storage_of_a_vm_is_told_of_its_disks_alone() -> None:
    """An alert about a disk says where the VM's disks are, one about a network interface not."""
    disks = {("1", "51712"): "sr-b", ("1", "51728"): "sr-a", ("1", "51744"): "", ("2", "1"): "c"}
    storage = Storage(by_class=True)

    assert storage.sentence(vms(disks=disks), {"uuid": "u1", "class": "vbd3"}) == (
        "Storage of its disks: not known, sr-a, sr-b."
    )
    assert storage.sentence(vms(disks=disks), {"uuid": "u1", "class": "vif"}) == ""


def test_a_driver_domain_is_named_and_dom0_is_not() -> None:
    """A backend's domain is a VM unless it is dom0."""
    assert DriverDomain().sentence(vms(), {"backend_domid": "3"}) == "Domain 3 is VM 'vm3' (u3)."
    assert DriverDomain().sentence(vms(), {"backend_domid": "0"}) == ""


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

    told = of_active(alerts.firing[0], Sender("a", "")).annotations["description"]
    assert told.endswith(
        " Most is used by VMs 'vm1' (u1) 7. More VMs that fit: 2 of shape linux. "
        "First: `xenwatch once --format table | grep -E '^(LIMIT|event_channels) '`"
    )
