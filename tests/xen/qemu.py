"""QEMU's machines: of each architecture, and how Xen and its dom0 get into their memory."""

from __future__ import annotations

import os
from typing import Final

import psutil

from tests.xen.image import Image
from tests.xen.suite import AMD64, SUITE

MEMORY: Final = "6G"
DOM0_MEMORY: Final = "2G"
CPUS: Final = 2
"""dom0's vCPUs."""
PC_CPU: Final = "qemu64,+svm,+npt"
"""Xen boots on this model; `max` and the EPYC ones crash it under software emulation."""
VIRT_CPU: Final = "cortex-a57"
KERNEL_AT: Final = 0x4C000000
INITRAMFS_AT: Final = 0x58000000
"""Addresses on Arm above those of Xen and of the device tree, which QEMU puts at 0x48000000."""
XEN: Final = f"dom0_max_vcpus={CPUS} loglvl=all guest_loglvl=all noreboot"
DOM0: Final = "root=/dev/vda rw console=hvc0 net.ifnames=0 mitigations=off systemd.show_status=0"


def emulated_cpus() -> int:
    """How many CPUs to emulate: two are twice as fast as one where this machine has two to spare.

    Where it has not, each waits for the other to be run again, and one is several times as fast.
    """
    spent = psutil.cpu_times_percent(interval=1.0)
    # What runs at a lower priority makes way.
    to_spare = (os.cpu_count() or 1) * (spent.idle + spent.iowait + spent.nice) / 100
    return 2 if to_spare >= 1.5 else 1


def machine(image: Image, xen_args: str, dom0_args: str) -> list[str]:
    """The program and the machine with what it boots; its disk is `root`, its network `net`."""
    build = _pc if SUITE.architecture == AMD64 else _virt
    return [
        f"qemu-system-{SUITE.architecture.machine}",
        *build(image, xen_args, f"{DOM0} {dom0_args}"),
        *("-accel", "tcg,tb-size=1024", "-m", MEMORY, "-smp", str(emulated_cpus())),
        *("-no-reboot", "-display", "none", "-monitor", "none"),
    ]


def _pc(image: Image, xen_args: str, dom0: str) -> list[str]:
    """A PC: QEMU loads an ELF file with its modules as a multiboot loader does."""
    memory = f"dom0_mem={DOM0_MEMORY},max:{DOM0_MEMORY}"
    xen = f"console=com1 com1=115200,8n1 {memory} {XEN} spec-ctrl=no xpti=no {xen_args}"
    return [
        *("-cpu", PC_CPU, "-vga", "none", "-kernel", str(image.xen), "-append", xen),
        *("-initrd", f"{image.kernel} {dom0},{image.initramfs}"),
        *("-device", "virtio-blk-pci,drive=root"),
        *("-device", "virtio-net-pci,netdev=net,romfile="),
    ]


def _virt(image: Image, xen_args: str, dom0: str) -> list[str]:
    """QEMU's machine of Arm: a loader names the modules in the device tree, as Xen wants it."""
    xen = f"console=dtuart dom0_mem={DOM0_MEMORY} {XEN} {xen_args}"
    return [
        *("-machine", "virt,virtualization=on,gic-version=3", "-cpu", VIRT_CPU),
        *("-kernel", str(image.xen), "-append", xen),
        *("-device", f"guest-loader,addr={KERNEL_AT:#x},kernel={image.kernel},bootargs={dom0}"),
        *("-device", f"guest-loader,addr={INITRAMFS_AT:#x},initrd={image.initramfs}"),
        # dom0's driver wants the version of today.
        *("-global", "virtio-mmio.force-legacy=false"),
        *("-device", "virtio-blk-device,drive=root", "-device", "virtio-net-device,netdev=net"),
    ]
