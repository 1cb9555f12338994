"""The SAN of the synthetic host: iSCSI sessions, multipath maps, and portals out of reach."""

from __future__ import annotations

from functools import partial
from typing import Final

from xenwatch.model.render.multipathd import render_paths
from xenwatch.model.render.text import render_number, render_word
from xenwatch.model.state import Dom0
from xenwatch.model.tree import FileTree
from xenwatch.sources.base import CommandOutput
from xenwatch.values import dataclass

PROGRAM: Final = "/usr/sbin/multipathd"
MAPS: Final = ("3600a098038303053453f463045727654", "3600a098038303053453f463045727655")
"""The LUNs of the SAN. Each map has a path by each portal."""
_PORT: Final = 3260
_PORTALS_MAX: Final = 13
"""As many as name the paths of both LUNs from sda to sdz."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A portal of the SAN, numbered from 1, is out of reach from `at` to `until`, or for ever."""

    portal: int
    at: float = 0.0
    until: float | None = None

    def problems(self, portals: int) -> list[tuple[bool, str]]:
        """What is wrong with it on a host with so many portals, see `xenwatch.model.scenario`."""
        return [
            (not 0 < self.portal <= portals, f"portal must be from 1 to {portals}, as portals has"),
            (self.until is not None and self.until <= self.at, "until must be after at"),
        ]


def problems(portals: int) -> list[tuple[bool, str]]:
    """What is wrong with a host of so many portals."""
    return [(portals > _PORTALS_MAX, f"portals must be at most {_PORTALS_MAX}")]


def build(tree: FileTree, dom0: Dom0) -> None:
    """Add the files of a host whose storage is behind so many portals."""
    if not dom0.platform.portals:
        return
    tree.directory("/sys/module/dm_multipath")
    tree.file(PROGRAM, b"\x7fELF")
    for portal in range(1, dom0.platform.portals + 1):
        _session(tree, dom0, portal)
    for lun, wwid in enumerate(MAPS):
        home = f"/sys/devices/virtual/block/dm-{lun}"
        tree.link(f"/sys/block/dm-{lun}", f"../devices/virtual/block/dm-{lun}")
        tree.file(f"{home}/dm/name", render_word(wwid))
        tree.file(f"{home}/dm/uuid", render_word(f"mpath-{wwid}"))
        for portal in range(1, dom0.platform.portals + 1):
            device, disk = _device(lun, portal), _disk(lun, portal)
            below = disk.removeprefix("/sys/devices/")
            tree.link(f"/sys/block/{device}", f"../devices/{below}/block/{device}")
            tree.link(f"{home}/slaves/{device}", f"../../../../{below}/block/{device}")
            tree.link(f"{disk}/block/{device}/device", "../..")
            tree.file(f"{disk}/state", partial(_state, dom0, portal))


def _session(tree: FileTree, dom0: Dom0, portal: int) -> None:
    home = f"/sys/devices/platform/host{portal}/session{portal}"
    session, connection = f"session{portal}", f"connection{portal}:0"
    for cls, name, place in (
        ("iscsi_session", session, home),
        ("iscsi_connection", connection, f"{home}/{connection}"),
    ):
        tree.link(f"/sys/class/{cls}/{name}", f"{place}/{cls}/{name}")
    files = f"{home}/iscsi_session/{session}"
    tree.file(f"{files}/state", partial(_logged_in, dom0, portal))
    tree.file(f"{files}/targetname", render_word("iqn.1992-08.com.example:sn.4242"))
    files = f"{home}/{connection}/iscsi_connection/{connection}"
    tree.file(f"{files}/persistent_address", render_word(f"192.0.2.{30 + portal}"))
    tree.file(f"{files}/persistent_port", render_number(_PORT))


def _device(lun: int, portal: int) -> str:
    """The name of a path, in the order in which disks are found: portal by portal."""
    return f"sd{chr(ord('a') + len(MAPS) * (portal - 1) + lun)}"


def _disk(lun: int, portal: int) -> str:
    host = f"/sys/devices/platform/host{portal}/session{portal}"
    return f"{host}/target{portal}:0:0/{portal}:0:0:{lun}"


def _state(dom0: Dom0, portal: int) -> bytes:
    """That of a disk, whose session has given up the portal."""
    return render_word("transport-offline" if portal in dom0.cut_portals else "running")


def _logged_in(dom0: Dom0, portal: int) -> bytes:
    return render_word("FREE" if portal in dom0.cut_portals else "LOGGED_IN")


def answer(dom0: Dom0) -> CommandOutput:
    """What multipathd says of the paths."""
    paths: dict[str, bool | None] = {
        _device(lun, portal): portal not in dom0.cut_portals
        for portal in range(1, dom0.platform.portals + 1)
        for lun in range(len(MAPS))
    }
    return CommandOutput(0, render_paths(paths), b"")
