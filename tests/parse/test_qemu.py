"""Command lines of QEMU, as they are in the wild."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.parse.qemu import DEVICES, arguments, device_model_of, emulated_devices

XL = (
    "/usr/libexec/xen-qemu-system-i386 -xen-domid 5 -no-shutdown -chardev"
    " socket,id=libxl-cmd,path=/var/run/xen/qmp-libxl-5,server=on,wait=off -mon"
    " chardev=libxl-cmd,mode=control -chardev"
    " socket,id=libxenstat-cmd,path=/var/run/xen/qmp-libxenstat-5,server=on,wait=off -mon"
    " chardev=libxenstat-cmd,mode=control -nodefaults -no-user-config -name hvm001 -vnc none"
    " -display none -kernel /srv/guests/vmlinuz -initrd /srv/guests/initrd.gz -append"
    " 'console=ttyS0 console=hvc0' -serial file:/var/log/xen/console/hvm-hvm001-serial.log"
    " -boot order=cda -net none -machine xenfv,suppress-vmdesc=on -m 256 -drive"
    " file=/dev/loop4,if=ide,index=0,media=disk,format=raw,cache=writeback"
)
"""A captured QEMU of xl on Debian 12."""
DOM0 = (
    "/usr/libexec/xen-qemu-system-i386 -xen-domid 0 -xen-attach -name dom0 -nographic -M xenpv"
    " -daemonize -monitor none -serial none -parallel none -pidfile /run/qemu-dom0.pid"
)
"""The captured QEMU of the same host's dom0."""
XCP_NG = (
    "qemu-dm-7 -machine pc-0.10,accel=xen,max-ram-below-4g=4026531840 -vnc"
    " unix:/var/run/xen/vnc-7,lock-key-sync=off -monitor null -xen-domid 7 -m size=2048 -boot"
    " order=cdn -usb -device usb-tablet,port=2 -smp 2,maxcpus=2 -serial pty -display none"
    " -nodefaults -trace enable=xen_platform_log -sandbox on -S -parallel null -qmp"
    " unix:/var/run/xen/qmp-libxl-7,server,nowait -drive"
    " file=,if=none,id=ide1-cd1,read-only=on -device ide-cd,drive=ide1-cd1,bus=ide.1,unit=1"
    " -device xen-platform,addr=3 -xen-domid-restrict"
)
"""What xenopsd starts."""
CLASSIC = (
    "/usr/lib/xen/bin/qemu-dm -d 39 -m 512 -boot dc -serial pty -vcpus 1 -videoram 4 -vnc"
    " 127.0.0.1:1 -usb -usbdevice tablet -M xenfv -monitor pty -net none"
)
"""The qemu-dm of XenServer 6."""


@pytest.mark.parametrize(
    ("line", "domid"),
    [
        (XL, 5),
        (DOM0, None),
        (XCP_NG, 7),
        (CLASSIC, 39),
        ("/usr/bin/qemu-system-i386 --xen-domid 12", 12),
        ("/usr/bin/qemu-system-x86_64 -xen-domid 4 -xen-attach -M xenpv", None),
        ("/usr/bin/qemu-system-x86_64 -name -xen-attach -xen-domid 4", 4),
        ("/usr/bin/qemu-system-x86_64 -enable-kvm -d guest_errors", None),
        ("/usr/bin/qemu-system-x86_64 -xen-domid -vnc none", None),
        ("qemu-dm-0", None),
        ("logger -t qemu-dm-7[1234]", None),
        ("/usr/bin/python3 -xen-domid 5", None),
        ("", None),
    ],
)
def test_whose_device_model_a_process_is(line: str, domid: int | None) -> None:
    """Every toolstack's QEMU is its guest's, and nothing else is anybody's."""
    assert device_model_of(shlex.split(line)) == domid


@pytest.mark.parametrize(
    ("line", "devices"),
    [
        (XL, ("serial",)),
        (DOM0, ()),
        (XCP_NG, ("usb", "usb-tablet", "serial", "parallel", "cdrom")),
        (CLASSIC, ("usb", "usb-tablet", "serial", "monitor")),
        ("qemu -device piix3-usb-uhci,id=usb -device usb-tablet", ("usb", "usb-tablet")),
        ("qemu -device nec-usb-xhci -device usb-host,hostbus=1", ("usb", "usb-other")),
        ("qemu -device ich9-usb-ehci1 -usbdevice mouse", ("usb", "usb-other")),
        ("qemu -M pc,usb=on", ("usb",)),
        ("qemu -device isa-serial,chardev=s -device pci-serial,chardev=t", ("serial",)),
        ("qemu -device isa-parallel,chardev=p", ("parallel",)),
        ("qemu -drive file=,if=ide,index=3,media=cdrom", ("cdrom",)),
        ("qemu -cdrom /iso/a.iso", ("cdrom",)),
        ("qemu -drive file=/a,media=disk", ()),
        ("qemu -mon chardev=m,mode=readline", ("monitor",)),
        ("qemu -mon chardev=m", ("monitor",)),
        ("qemu -monitor none -serial none -parallel none", ()),
        ("qemu -name -usb -vnc none", ()),
        ("qemu -S -usb -daemonize -serial pty", ("usb", "serial")),
        ("qemu -device", ()),
    ],
)
def test_what_a_qemu_emulates(line: str, devices: tuple[str, ...]) -> None:
    """Each spelling of a device counts, and a device that is switched off does not."""
    assert emulated_devices(shlex.split(line)) == devices


@settings(deadline=None)
@given(st.binary())
def test_any_command_line_is_an_answer(data: bytes) -> None:
    """Whatever a process calls itself, there is an answer and no error."""
    argv = arguments(data)

    domid = device_model_of(argv)

    assert domid is None or 0 < domid < 100_000
    assert set(emulated_devices(argv)) <= set(DEVICES)


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_the_name_of_a_vm_changes_nothing(name: str) -> None:
    """A VM named like an option has the same QEMU as any other."""
    argv = shlex.split(XL)
    argv[argv.index("hvm001")] = name

    assert device_model_of(argv) == 5
    assert emulated_devices(argv) == ("serial",)
