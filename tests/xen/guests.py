"""Small guests: their shapes, their xl configurations, their start and end."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.xen.suite import SUITE
from tests.xen.vm import LOG, Output, Vm

DIRECTORY: Final = "/srv/guests"
MEMORY_MIB: Final = {"pv": 96, "pvh": 160, "hvm": 192}
UP_DEADLINE: Final = {"pv": 120.0, "pvh": 180.0, "hvm": 420.0}
"""Under software emulation an HVM guest takes one to three minutes to its own user land."""
ATTEMPTS: Final = {"pv": 2, "pvh": 8, "hvm": 4}
"""QEMU's emulation of AMD's virtualisation loses a guest now and then, above all under load."""
IS_UP: Final = """domid=$(xl domid {name}) || {{ echo gone; exit; }}
while xenstore-exists /local/domain/$domid; do
    states=$(cat /sys/bus/xen-backend/devices/v[bi][df]-$domid-*/state 2>/dev/null)
    if grep -q GUEST-UP /var/log/xen/console/guest-{name}.log &&
        [ "$(echo "$states" | grep -c '^Connected$')" = {devices} ]; then echo up; exit; fi
    [ $SECONDS -lt {deadline:.0f} ] || {{ echo hangs; exit; }}
    sleep 1
done
echo gone
"""
"""Waits for the guest's own word on its console, and for its backends to be connected."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a guest has, by default of the type that starts soonest.

    `extra` are more lines of its configuration.
    """

    type: str = SUITE.architecture.guest
    vcpus: int = 1
    disks: int = 1
    vifs: int = 1
    extra: tuple[str, ...] = ()


POPULATION: Final[Mapping[str, Shape]] = {
    "pv1": Shape("pv"),
    "pv2": Shape("pv", vifs=0),
    "pv3": Shape("pv", vifs=2),
    "pv4": Shape("pv", disks=3),
    "pv5": Shape("pv", disks=3, vifs=2),
    "pv6": Shape("pv", disks=3, vifs=0),
    "pv7": Shape("pv", vcpus=2),
    "pvh1": Shape("pvh"),
    "pvh2": Shape("pvh", disks=3, vifs=2),
    "hvm1": Shape("hvm", vcpus=2, disks=3, vifs=2, extra=('serial="pty"',)),
}
"""Every kind of guest the tests know: ten, of which an HVM one takes the longest."""
ONE: Final = f"{SUITE.architecture.guest}1"
"""The one that tests have which need any."""


def configuration(name: str, shape: Shape) -> str:
    """The guest's xl.cfg, in which @N@ stands for the block device of disk N."""
    kernel = "vmlinuz" if shape.type == "hvm" else "vmlinux"
    console = "ttyS0 console=hvc0" if shape.type == "hvm" else "hvc0"
    drives = [
        f'"format=raw,vdev=xvd{letter},access=rw,script=block-tests,target=@{number}@"'
        for number, letter in enumerate("abcdefgh"[: shape.disks])
    ]
    vif = '"bridge=xenbr0"'
    lines = [
        f'name="{name}"',
        f'type="{shape.type}"',
        f"memory={MEMORY_MIB[shape.type]}",
        f"vcpus={shape.vcpus}",
        f'kernel="{DIRECTORY}/{kernel}"',
        f'ramdisk="{DIRECTORY}/initrd.gz"',
        f'extra="console={console} mitigations=off {SUITE.architecture.extra}"',
        'on_crash="destroy"',
        'on_reboot="destroy"',
        f"disk=[{','.join(drives)}]",
        f"vif=[{','.join([vif] * shape.vifs)}]",
        *shape.extra,
    ]
    if shape.type == "hvm":
        lines += ["vnc=0", "sdl=0", 'vga="none"']
    return "\n".join(lines) + "\n"


def prepare(vm: Vm, name: str, shape: Shape) -> str:
    """Make the guest's disks and configuration; the command that creates it."""
    path = f"{DIRECTORY}/{name}.cfg"
    steps = ["set -e", f"cat > {path}", cleaning(name)]
    for number in range(shape.disks):
        file = f"{DIRECTORY}/{name}-{number}.img"
        steps.append(f"truncate -s 16M {file}; device=$(losetup -f --show {file})")
        steps.append(f'sed -i "s|@{number}@|$device|" {path}')
    vm.run("\n".join(steps), stdin=configuration(name, shape).encode())
    return f"xl create {path}"


def create(vm: Vm, name: str, shape: Shape, deadline: float = 240.0) -> Output:
    """`xl create` of a guest, whatever comes of it."""
    return vm.attempt(prepare(vm, name, shape), deadline)


def running(vm: Vm) -> set[str]:
    """Names of the guests there are."""
    return set(vm.run("xl list | awk 'NR > 2 {print $1}'").split())


def start(vm: Vm, *names: str, shapes: Mapping[str, Shape] = POPULATION) -> None:
    """Create those guests that do not run and wait until all are up with every device connected."""
    there = running(vm)
    for name in names:
        if name not in there:
            create_well(vm, name, shapes[name])
    for name in names:
        attempts = ATTEMPTS[shapes[name].type]
        while (state := state_of(vm, name, shapes[name])) != "up":
            attempts -= 1
            if not attempts:
                raise vm.error(f"{name} is {state} on its way up, again and again")
            LOG.info("%s is %s on its way up; once more", name, state)
            vm.attempt(f"xl destroy {name}")
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


def state_of(vm: Vm, name: str, shape: Shape) -> str:
    """Wait until a guest is "up", or "gone", or "hangs" because it is neither in time."""
    deadline = UP_DEADLINE[shape.type]
    look = IS_UP.format(name=name, devices=shape.disks + shape.vifs, deadline=deadline)
    return vm.run(look, deadline + 60).strip()


def destroy(vm: Vm, *names: str) -> None:
    """Destroy guests and give their disks back."""
    for name in names:
        vm.run(f"set -e; xl destroy {shlex.quote(name)}; {cleaning(name)}")


def clean(vm: Vm, name: str) -> None:
    """Give the disks of a guest that is gone back."""
    vm.run(cleaning(name))


def cleaning(name: str) -> str:
    """The command that removes the disks of a guest that is gone, and its console's log."""
    return (
        f"rm -f /var/log/xen/console/guest-{name}.log;"
        f" for file in {DIRECTORY}/{name}-*.img; do"
        ' losetup -j "$file" -n -O NAME | xargs -r losetup -d; rm -f "$file"; done'
    )
