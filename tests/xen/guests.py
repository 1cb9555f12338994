"""Small guests: their shapes, their xl configurations, their start and end."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.xen.vm import LOG, Output, Vm

DIRECTORY: Final = "/srv/guests"
MEMORY_MIB: Final = {"pv": 96, "pvh": 160, "hvm": 192}
UP_DEADLINE: Final = {"pv": 120.0, "pvh": 180.0, "hvm": 420.0}
"""Under software emulation an HVM guest takes one to three minutes to its own user land."""
ATTEMPTS: Final = {"pv": 1, "pvh": 12, "hvm": 5}
"""QEMU's emulation of AMD's virtualisation loses a guest now and then, above all under load."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a guest has. `extra` are more lines of its configuration."""

    type: str = "pv"
    vcpus: int = 1
    disks: int = 1
    vifs: int = 1
    extra: tuple[str, ...] = ()


POPULATION: Final[Mapping[str, Shape]] = {
    "pv1": Shape(),
    "pv2": Shape(vifs=0),
    "pv3": Shape(vifs=2),
    "pv4": Shape(disks=3),
    "pv5": Shape(disks=3, vifs=2),
    "pv6": Shape(disks=3, vifs=0),
    "pv7": Shape(vcpus=2),
    "pvh1": Shape("pvh"),
    "pvh2": Shape("pvh", disks=3, vifs=2),
    "hvm1": Shape("hvm", vcpus=2, disks=3, vifs=2, extra=('serial="null"',)),
}
"""Every kind of guest the tests know: ten, of which an HVM one takes the longest."""


def configuration(name: str, shape: Shape, disks: list[str]) -> str:
    """The guest's xl.cfg. `disks` are block devices of dom0."""
    kernel = "vmlinuz" if shape.type == "hvm" else "vmlinux"
    console = "ttyS0 console=hvc0" if shape.type == "hvm" else "hvc0"
    drives = [
        f'"format=raw,vdev=xvd{letter},access=rw,script=block-tests,target={device}"'
        for letter, device in zip("abcdefgh", disks, strict=False)
    ]
    vif = '"bridge=xenbr0"'
    lines = [
        f'name="{name}"',
        f'type="{shape.type}"',
        f"memory={MEMORY_MIB[shape.type]}",
        f"vcpus={shape.vcpus}",
        f'kernel="{DIRECTORY}/{kernel}"',
        f'ramdisk="{DIRECTORY}/initrd.gz"',
        f'extra="console={console} mitigations=off"',
        'on_crash="destroy"',
        'on_reboot="destroy"',
        f"disk=[{','.join(drives)}]",
        f"vif=[{','.join([vif] * shape.vifs)}]",
        *shape.extra,
    ]
    if shape.type == "hvm":
        lines += ["vnc=0", "sdl=0", 'vga="none"', "usb=0"]
    return "\n".join(lines) + "\n"


def prepare(vm: Vm, name: str, shape: Shape) -> str:
    """Make the guest's disks and configuration; the command that creates it."""
    clean(vm, name)
    files = [f"{DIRECTORY}/{name}-{number}.img" for number in range(shape.disks)]
    devices = vm.run(
        "; ".join(f"truncate -s 16M {file} && losetup -f --show {file}" for file in files) or "true"
    ).split()
    path = f"{DIRECTORY}/{name}.cfg"
    vm.run(f"cat > {path}", stdin=configuration(name, shape, devices).encode())
    return f"xl create {path}"


def create(vm: Vm, name: str, shape: Shape, deadline: float = 240.0) -> Output:
    """`xl create` of a guest, whatever comes of it."""
    return vm.attempt(prepare(vm, name, shape), deadline)


def running(vm: Vm) -> set[str]:
    """Names of the guests there are."""
    return set(vm.run("xl list | awk 'NR > 2 {print $1}'").split())


def start(vm: Vm, *names: str, shapes: Mapping[str, Shape] = POPULATION) -> None:
    """Create those guests that do not run and wait until all are up with every device connected."""
    new = [name for name in names if name not in running(vm)]
    for name in new:
        create_well(vm, name, shapes[name])
    for name in new:
        attempts = ATTEMPTS[shapes[name].type]
        while not is_up(vm, name, shapes[name]):
            attempts -= 1
            if not attempts:
                raise vm.error(f"{name} has died on its way up, again and again")
            LOG.info("%s has died on its way up; once more", name)
            create_well(vm, name, shapes[name])


def create_well(vm: Vm, name: str, shape: Shape) -> None:
    """Create a guest. Raises `VmError` when xl says no twice.

    Where this machine is busy, hotplug scripts may not end within the forty seconds of libxl.
    """
    done = create(vm, name, shape)
    if done.status:
        LOG.info("once more: %s", done.stderr.strip())
        done = create(vm, name, shape)
    if done.status:
        raise vm.error(f"xl create of {name}: {done.stdout}{done.stderr}")


def domid(vm: Vm, name: str) -> int:
    """A guest's domain id."""
    return int(vm.run(f"xl domid {shlex.quote(name)}"))


def is_up(vm: Vm, name: str, shape: Shape) -> bool:
    """Wait for the guest's own word on its console, and for its backends to be connected.

    Returns `False` when it has died instead.
    """
    wanted = shape.disks + shape.vifs
    look = (
        f"domid=$(xl domid {name}) || echo gone;"
        f" grep -c GUEST-UP /var/log/xen/console/guest-{name}.log;"
        ' grep -l "^Connected$" /sys/bus/xen-backend/devices/v[bi][df]-$domid-*/state | wc -l'
    )
    seen: list[str] = []

    def settled() -> bool:
        seen[:] = vm.attempt(look).stdout.split()
        return seen[0] == "gone" or seen == ["1", str(wanted)]

    vm.wait(settled, f"{name} to be up with {wanted} devices", UP_DEADLINE[shape.type])
    return seen[0] != "gone"


def destroy(vm: Vm, *names: str) -> None:
    """Destroy guests and give their disks back."""
    for name in names:
        vm.run(f"xl destroy {shlex.quote(name)}")
        clean(vm, name)


def clean(vm: Vm, name: str) -> None:
    """Give the disks of a guest that is gone back."""
    vm.run(
        f"rm -f /var/log/xen/console/guest-{name}.log;"
        f" for file in {DIRECTORY}/{name}-*.img; do"
        ' losetup -j "$file" -n -O NAME | xargs -r losetup -d; rm -f "$file"; done'
    )
