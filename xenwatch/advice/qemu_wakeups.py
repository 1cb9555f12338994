"""Which emulated devices to disable in each VM, to reduce its QEMU's wakeups.

The causes and their remedies are those of xenserver.org, "VM Density and Project Pulsar"; the keys
are xenopsd's and xl's own (xl.cfg(5)). A `usbdevice` makes libxl add the controller, `usb` or not
(tools/libs/light/libxl_dm.c).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from xenwatch.fence import OPEN, Fence, Part
from xenwatch.parse.qemu import CDROM, MONITOR, PARALLEL, SERIAL, TABLET, USB, USB_OTHER
from xenwatch.readings.domains import Domain
from xenwatch.readings.qemus import Qemu
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.release import release
from xenwatch.release.table import XL
from xenwatch.values import dataclass

PROBES: Final = ("host", "domains", "xenstore", "daemons", "qemus")
"""The probes whose readings the advice is based on."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """How one emulated device is disabled, and what the VM's user loses.

    `setting` is xapi's platform key and value, `None` where xapi has none; `xl` is the change
    in the VM's xl.cfg.
    """

    device: str
    cost: str
    setting: tuple[str, str] | None
    xl: str


_ARGUMENTS: Final = "device_model_args= and device_model_args_hvm="
"""Keys of xl.cfg that pass arbitrary arguments to QEMU."""

REMEDIES: Final = {
    remedy.device: remedy
    for remedy in (
        Remedy(
            USB,
            "No USB in the VM. Without the USB tablet the VNC pointer is misaligned; RDP and SSH "
            "are not affected.",
            ("usb", "false"),
            "usb=0; remove usbdevice= and usbversion=, and from "
            f"{_ARGUMENTS} remove -usb, -usbdevice and each USB -device",
        ),
        Remedy(
            TABLET,
            "The VNC pointer is misaligned; RDP and SSH are not affected.",
            ("usb_tablet", "false"),
            "remove tablet from usbdevice=, and from "
            f"{_ARGUMENTS} remove -device usb-tablet and -usbdevice tablet",
        ),
        Remedy(
            SERIAL,
            "No serial console as a fallback when the VM is unreachable.",
            ("hvm_serial", "none"),
            f"remove serial=, and from {_ARGUMENTS} remove -serial",
        ),
        Remedy(
            PARALLEL,
            "No parallel port.",
            ("parallel", "none"),
            f"from {_ARGUMENTS} remove -parallel",
        ),
        Remedy(
            CDROM,
            "No DVD drive: no ISO can be inserted until a drive is added again.",
            None,
            "remove devtype=cdrom from disk=",
        ),
        Remedy(
            MONITOR,
            "No interactive QEMU monitor; the toolstack's own socket is kept.",
            None,
            f"from {_ARGUMENTS} remove -monitor",
        ),
    )
}
"""The remedies by device."""
KEPT_FOR: Final = {USB: USB_OTHER}
"""Devices kept where the VM also has the other one, which needs them."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One VM: how often its QEMU wakes up, and what to disable.

    `rate` is wakeups per second, `None` after a single reading; `wakeups` counts since the QEMU
    started, without threads that ended before. `kept` is why a device must stay.
    """

    domid: int
    uuid: str
    name: bytes | None
    rate: float | None
    wakeups: int
    remedies: tuple[Remedy, ...]
    kept: str


def toolstack(snapshot: Snapshot) -> str:
    """`xapi` where it manages the VMs, else `xl`, for which the advice is edits of xl.cfg."""
    return release(snapshot).facts.toolstack or XL


def advise(
    snapshot: Snapshot, earlier: Snapshot | None = None, fence: Fence = OPEN
) -> tuple[Advice, ...]:
    """Advice for every VM with a QEMU, most wakeups first; a VM that raises in `fence` has none."""
    if snapshot.qemus is None:
        return ()
    domains = snapshot.domains.domains if snapshot.domains is not None else ()
    by_domid = {domain.domid: domain for domain in domains}
    made = (
        fence(
            Part.FINDING,
            "qemu_wakeups",
            partial(_about, snapshot, earlier, domid, qemu, by_domid.get(domid)),
            None,
        )
        for domid, qemu in snapshot.qemus.by_domid.items()
    )
    found = [each for each in made if each is not None]
    return tuple(sorted(found, key=lambda vm: (-(vm.rate or 0.0), -vm.wakeups, vm.domid)))


def _about(
    snapshot: Snapshot, earlier: Snapshot | None, domid: int, qemu: Qemu, domain: Domain | None
) -> Advice:
    needed = KEPT_FOR[USB] in qemu.devices
    return Advice(
        domid=domid,
        uuid=qemu.uuid,
        name=snapshot.name(domain) if domain is not None else None,
        rate=_rate(snapshot, earlier, domid, qemu),
        wakeups=qemu.wakeups,
        remedies=remedies(qemu.devices),
        kept="USB is kept: the VM has a USB device other than the tablet" if needed else "",
    )


def remedies(devices: Sequence[str]) -> tuple[Remedy, ...]:
    """The remedies for the devices of one VM."""
    removable = [device for device in devices if KEPT_FOR.get(device) not in devices]
    return tuple(REMEDIES[device] for device in removable if device in REMEDIES)


def _rate(snapshot: Snapshot, earlier: Snapshot | None, domid: int, qemu: Qemu) -> float | None:
    then = earlier.qemus.by_domid.get(domid) if earlier is not None and earlier.qemus else None
    if earlier is None or then is None:
        return None
    if (then.pid, then.start_ticks) != (qemu.pid, qemu.start_ticks):
        return None
    seconds = snapshot.outcomes["qemus"].instant - earlier.outcomes["qemus"].instant
    return (qemu.wakeups - then.wakeups) / seconds if seconds > 0 else None
