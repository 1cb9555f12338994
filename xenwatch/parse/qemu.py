"""Command lines of QEMU: the domain it serves, and the devices it emulates.

The variants: `qemu-dm-7` as argv[0] (XCP-ng), `-xen-domid 7` (xl, upstream QEMU), `-d 7` (the
classic qemu-dm). Options may begin with one dash or two.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

USB: Final = "usb"
TABLET: Final = "usb-tablet"
USB_OTHER: Final = "usb-other"
SERIAL: Final = "serial"
PARALLEL: Final = "parallel"
CDROM: Final = "cdrom"
MONITOR: Final = "monitor"
DEVICES: Final = (USB, TABLET, USB_OTHER, SERIAL, PARALLEL, CDROM, MONITOR)
"""What QEMU may emulate, or serve, beyond what a guest's paravirtual drivers need.

`usb` is a USB controller, `usb-other` any USB device that is no tablet, `monitor` one for people:
the control socket of the toolstack is none.
"""

_NUMBER = re.compile(r"[0-9]{1,5}\Z")
_NAMED = re.compile(r"qemu-dm-([0-9]{1,5})\Z")
_CLASSIC: Final = "qemu-dm"
_CONTROLLERS = re.compile(r"(?:[a-z0-9]+-)*(?:[uoex]hci|usb-uhci|usb-ehci|usb-ohci)[0-9]*\Z")
_SERIAL: Final = frozenset({"isa-serial", "pci-serial"})
_CD_DRIVERS: Final = frozenset({"ide-cd", "scsi-cd"})
_TEXT: Final = frozenset({"-name", "-append", "-kernel", "-initrd", "-k"})
"""Options whose value may look like an option, such as the name of a VM."""


def arguments(data: bytes) -> tuple[str, ...]:
    """`/proc/PID/cmdline` as its arguments; undecodable bytes as surrogates."""
    return tuple(os.fsdecode(data.removesuffix(b"\0")).split("\0"))


def device_model_of(argv: Sequence[str]) -> int | None:
    """The domain whose device model this is, `None` for another process.

    A QEMU with `-xen-attach` emulates nothing; see `backend_of`.
    """
    if not argv:
        return None
    named = _NAMED.match(argv[0])
    if named:
        return _domid(named[1]) or None
    attached, found = _attachment(argv)
    return None if attached else found or None


def backend_of(argv: Sequence[str]) -> int | None:
    """The domain for which this QEMU only serves qdisks, consoles and framebuffers.

    xl starts one for a PV or PVH guest that has such devices, and one for dom0's own. `None` for
    any other process. Source: Xen, tools/libs/light/libxl_dm.c.
    """
    attached, found = _attachment(argv) if argv else (False, None)
    return found if attached else None


def _attachment(argv: Sequence[str]) -> tuple[bool, int | None]:
    """Whether a QEMU has `-xen-attach`, and the domain it names."""
    program = argv[0].rpartition("/")[2]
    attached, found = False, None
    for option, value in _options(argv) if "qemu" in program else ():
        attached = attached or option == "-xen-attach"
        if option == "-xen-domid" or (option == "-d" and program == _CLASSIC):
            found = _domid(value)
    return attached, found


def emulated_devices(argv: Sequence[str]) -> tuple[str, ...]:
    """The `DEVICES` on the command line, in that order."""
    found = {name for option, value in _options(argv) for name in _devices_of(option, value)}
    return tuple(name for name in DEVICES if name in found)


def _domid(text: str) -> int | None:
    return int(text) if _NUMBER.match(text) else None


def _options(argv: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Options, with one dash, and the value behind each; empty where there is none."""
    place = 1
    while place < len(argv):
        word = argv[place]
        place += 1
        if not word.startswith("-"):
            continue
        option = "-" + word.lstrip("-")
        value = ""
        if place < len(argv) and (option in _TEXT or not argv[place].startswith("-")):
            value = argv[place]
            place += 1
        yield option, value


def _devices_of(option: str, value: str) -> Iterable[str]:
    """The devices one option makes QEMU emulate."""
    first, *rest = value.split(",")
    driver = first.removeprefix("driver=") if option == "-device" else ""
    other = first if option == "-usbdevice" else ""
    controller = _CONTROLLERS.match(driver) is not None
    machine = option in ("-machine", "-M") and "usb=on" in rest
    switched_off = first in ("none", "null") if option == "-monitor" else first == "none"
    present = {
        USB: option in ("-usb", "-usbdevice") or controller or machine,
        TABLET: driver == "usb-tablet" or other == "tablet",
        USB_OTHER: (driver.startswith("usb-") and driver != "usb-tablet" and not controller)
        or other not in ("", "tablet"),
        SERIAL: (option == "-serial" and not switched_off) or driver in _SERIAL,
        PARALLEL: (option == "-parallel" and not switched_off) or driver == "isa-parallel",
        CDROM: option == "-cdrom" or "media=cdrom" in rest or driver in _CD_DRIVERS,
        MONITOR: (option == "-monitor" and not switched_off)
        or (option == "-mon" and "mode=control" not in rest),
    }
    return (name for name, found in present.items() if found)
