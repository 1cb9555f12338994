"""Readings: backend devices: their states and errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.values import dataclass

DISK_CLASSES: Final = frozenset({"vbd", "vbd2", "vbd3", "qdisk", "tap"})
"""Backend classes that are disks: of blkback, of blktap, of QEMU."""
NETWORK_CLASSES: Final = frozenset({"vif"})
"""Backend classes that are network interfaces."""
CONNECTED: Final = "Connected"
UNKNOWN: Final = "Unknown"
"""The state of a device whose key is missing or invalid in xenstore, as Linux takes it."""
OUT_OF_SERVICE: Final = ("Closing", "Closed", UNKNOWN)
"""States of a backend that is out of service; all of a domain that has ended are Unknown."""
INITIALISING: Final = "Initialising"
"""The state sysfs shows of every device that has no driver in dom0's kernel."""


@dataclass(frozen=True, slots=True, order=True)
class DeviceKey:
    """A backend device: class (vbd, vif, ...), the frontend's domid, device id.

    `backend_domid` is the domain that serves it: 0 is dom0, another one is a driver domain.
    """

    cls: str
    domid: int
    devid: int
    backend_domid: int = 0


@dataclass(frozen=True, slots=True)
class Backends:
    """State by backend device as sysfs has it: an XenbusState name such as Connected.

    Devices whose backend is a process (`vbd3`, `qdisk`, `vkbd`, consoles) always read Initialising
    here; their state is in `XenstoreDevices`.
    """

    states: Mapping[DeviceKey, str]


@dataclass(frozen=True, slots=True)
class DeviceError:
    """An error node in xenstore about a living domain's device.

    `side` is backend or frontend, `errno` the leading number of the text (positive; 0: none).
    """

    device: DeviceKey
    side: str
    errno: int
    text: str


@dataclass(frozen=True, slots=True)
class XenstoreDevices:
    """States and error nodes of the devices that sysfs does not call connected.

    `elsewhere` are those that another domain serves, which sysfs does not have at all; `unlisted`
    the domids of which it is unknown whether they have any. Of a capture by an xenwatch that did
    not ask for them both are empty.
    """

    states: Mapping[DeviceKey, str]
    errors: tuple[DeviceError, ...]
    elsewhere: frozenset[DeviceKey] = frozenset()
    unlisted: frozenset[int] = frozenset()
