"""Who has the CPU controller on: units with a setting, on either version of control groups."""

from __future__ import annotations

import pytest

from tests.probes.support import FakeHost, denied, dom0, value_of
from xenwatch.probes.cpu_settings import GROUPS_MAX
from xenwatch.probes.slices import SLICES
from xenwatch.readings.slices import Slices

V1 = "/sys/fs/cgroup/cpu,cpuacct"
V2 = "/sys/fs/cgroup"


def host(version: int, groups: dict[str, dict[str, str]]) -> FakeHost:
    """A host with these groups, by path below the root, and files in them."""
    root = V2 if version == 2 else V1
    files = {
        f"{root}/{group}/{name}": text.encode() + b"\n"
        for group, content in groups.items()
        for name, text in content.items()
    }
    directories = {V2: ("cpu,cpuacct", "systemd") if version == 1 else ("cgroup.controllers",)}
    for group in ("", *groups):
        below = {name for name in groups if name.rpartition("/")[0] == group}
        children = tuple(sorted(name.rpartition("/")[2] for name in below))
        place = f"{root}/{group}".rstrip("/")
        directories[place] = (*directories.get(place, ()), *children, *groups.get(group, ()))
    return dom0(files, directories=directories)


def setters(version: int, groups: dict[str, dict[str, str]]) -> dict[str, str]:
    """What the probe reads of them."""
    found = value_of(SLICES, host(version, groups))
    assert isinstance(found, Slices)
    assert found.setters is not None
    return dict(found.setters)


OFF: dict[str, str] = {}
PLAIN = {"cpu.weight": "100", "cpu.max": "max 100000"}
OLD_PLAIN = {"cpu.shares": "1024", "cpu.cfs_quota_us": "-1"}


@pytest.mark.parametrize(
    ("version", "plain", "setting", "file"),
    [
        (2, PLAIN, {"cpu.weight": "100", "cpu.max": "50000 100000"}, "cpu.max"),
        (2, PLAIN, {"cpu.weight": "20", "cpu.max": "max 100000"}, "cpu.weight"),
        (1, OLD_PLAIN, {"cpu.shares": "512", "cpu.cfs_quota_us": "-1"}, "cpu.shares"),
        (1, OLD_PLAIN, {"cpu.shares": "1024", "cpu.cfs_quota_us": "50000"}, "cpu.cfs_quota_us"),
    ],
)
def test_the_unit_with_a_setting_is_named(
    version: int, plain: dict[str, str], setting: dict[str, str], file: str
) -> None:
    """Of all services of a slice only the one with a quota or a weight is told, with the file."""
    groups = {
        "system.slice": plain,
        "system.slice/ssh.service": plain,
        "system.slice/hungry.service": setting,
        "user.slice": plain,
    }

    assert setters(version, groups) == {"hungry.service": file}


def test_the_manager_of_a_user_is_told_as_delegated() -> None:
    """A login under systemd 252 gives the controller to user@0.service, which sets nothing."""
    groups = {
        "system.slice": PLAIN,
        "system.slice/ssh.service": OFF,
        "user.slice": PLAIN,
        "user.slice/user-0.slice": PLAIN,
        "user.slice/user-0.slice/user@0.service": PLAIN,
        "user.slice/user-0.slice/session-1.scope": PLAIN,
    }

    assert setters(2, groups) == {"user@0.service": "delegated"}


def test_a_slice_with_a_weight_of_its_own_is_told() -> None:
    """`systemctl set-property system.slice CPUWeight=` is such a setting."""
    assert setters(2, {"system.slice": PLAIN | {"cpu.weight": "1000"}}) == {
        "system.slice": "cpu.weight"
    }


def test_where_the_controller_is_off_nobody_is_told() -> None:
    """Groups without the controller's files have no setting, the manager of a user neither."""
    groups = {
        "system.slice": OFF,
        "system.slice/ssh.service": OFF,
        "user.slice": OFF,
        "user.slice/user-0.slice": OFF,
        "user.slice/user-0.slice/user@0.service": OFF,
    }

    assert setters(2, groups) == {}


def test_with_a_control_slice_nobody_is_asked() -> None:
    """On XCP-ng the controller is on for the control path's sake."""
    groups = {"control.slice": {"cpu.shares": "10240"}, "system.slice": {"cpu.shares": "2"}}

    assert setters(1, groups) == {}


def test_the_search_is_bounded() -> None:
    """Slices within slices without end are left after a number of groups."""
    names = [f"system.slice{'/a.slice' * depth}" for depth in range(2 * GROUPS_MAX)]
    groups = dict.fromkeys(names[:-1], PLAIN) | {names[-1]: {"cpu.weight": "7"}}

    assert setters(2, groups) == {}


def test_a_setting_that_cannot_be_read_costs_no_share() -> None:
    """The weights and shares are there, and who has the controller on is unknown."""
    found = host(2, {"system.slice": PLAIN})
    path = f"{V2}/system.slice/cpu.max"
    found.errors = {path: denied(path)}

    slices = value_of(SLICES, found)

    assert isinstance(slices, Slices)
    assert slices.setters is None
    assert slices.by_name["system.slice"].weight == 100
