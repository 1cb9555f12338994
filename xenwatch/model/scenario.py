"""Scenarios: events on a synthetic host, as data and in TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final

from xenwatch.model import san
from xenwatch.model.guest_storage import Stall, Write
from xenwatch.model.ha import HaWarning, has_xhad
from xenwatch.model.platform import FIFO
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.qemu import AFTER_PULSAR, ARGUMENTS, BEFORE_PULSAR, USUAL, Habits
from xenwatch.model.san import Cut
from xenwatch.model.standing import Schedule
from xenwatch.model.state import TABLES
from xenwatch.model.steps import (
    LEAKS,
    LOGS,
    STEPS,
    TARGETS,
    Fill,
    Hang,
    Leak,
    Log,
    Pressure,
    Print,
    Restart,
    Start,
    Step,
)
from xenwatch.model.switch import FAULTS, Disconnect
from xenwatch.model.toml import ScenarioError, build, tables
from xenwatch.model.upkeep import COMPONENTS, Install
from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Vm:
    """A VM as a scenario writes it.

    `qemu` is a name in `QEMUS`, `peripherals` whether QEMU emulates any for an HVM guest. With a
    `max_mib` above its memory an HVM or PVH guest is populated on demand. `backend` is the shape
    whose first VM serves the network interfaces; without it dom0 does.
    """

    type: str = "hvm"
    vcpus: int = 1
    disks: int = 1
    vifs: int = 1
    queues: int = 0
    uefi: bool = False
    memory_mib: int = 1024
    max_mib: int | None = None
    qemu: str = "usual"
    peripherals: bool = True
    backend: str = ""


QEMUS: Final[Mapping[str, Habits]] = {
    "usual": USUAL,
    "before-pulsar": BEFORE_PULSAR,
    "after-pulsar": AFTER_PULSAR,
}
"""What wakes a QEMU, by name."""


@dataclass(frozen=True, slots=True)
class Host:
    """Differences from the platform: dom0's vCPUs and memory, bridges, bond, files of one line.

    `portals` are those of an iSCSI SAN, each of which has a path to its LUNs.

    `host_memory_gib` is the memory of the host, dom0's included.

    `qemus_in_root` has the QEMUs of guests in no control group of their own, `blktap_ids` disks
    served by blktap 4, which gives out ids where the kernel gave out minors. Without `fifo_events`
    dom0 was booted with `xen.fifo_events=0`, and has the 2-level event channels of 64 bits. With
    `c_xenstored` the C xenstored runs instead of oxenstored, with `ha` xhad too.
    `certificate_days` is after how many days the certificates end.
    """

    vcpus: int | None = None
    memory_gib: int | None = None
    host_memory_gib: int | None = None
    bridges: int | None = None
    bond: bool = False
    portals: int = 0
    control_slice: bool = True
    qemus_in_root: bool = False
    blktap_ids: bool = False
    fifo_events: bool = True
    c_xenstored: bool = False
    certificate_days: float | None = None
    ha: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A host and the steps on it. `speed` is its seconds per second of the clock."""

    name: str
    title: str
    platform: str
    steps: tuple[Step, ...]
    shapes: Mapping[str, Vm] = field(default_factory=dict)
    host: Host = field(default_factory=Host)
    speed: float = 1.0
    seed: int = 0


def parse(name: str, text: str) -> Scenario:
    """The scenario of that name in TOML. Raises `ScenarioError`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"scenario {name}: {error}") from None
    document["name"] = name
    document["host"] = build(Host, document.get("host", {}), name, "host")
    shapes = tables(document.get("shapes", {}), name, "shapes")
    document["shapes"] = {
        key: build(Vm, table, name, f"shapes.{key}") for key, table in shapes.items()
    }
    steps = document.get("steps", [])
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise ScenarioError(f"scenario {name}: steps must be an array of tables")
    document["steps"] = tuple(
        _step(table, name, f"steps, number {number}") for number, table in enumerate(steps, 1)
    )
    scenario = build(Scenario, document, name, "top", checked=("host", "shapes", "steps"))
    _check(scenario)
    return scenario


def _step(table: dict[str, Any], name: str, place: str) -> Step:
    kind = STEPS.get(table.pop("do", ""))
    if kind is None:
        raise ScenarioError(f"scenario {name}: {place}: do must be one of: {', '.join(STEPS)}")
    return build(kind, table, name, place)


def _check(scenario: Scenario) -> None:
    """Raise `ScenarioError` for an unknown name or a value out of range."""
    problems = [
        (
            scenario.platform not in PLATFORMS,
            f"no such platform: {scenario.platform}; must be one of: {', '.join(PLATFORMS)}",
        ),
        (scenario.speed <= 0, "speed must be greater than 0"),
        *san.problems(scenario.host.portals),
    ]
    platform = PLATFORMS.get(scenario.platform)
    if platform is not None:
        no_fifo = platform.channels != FIFO and not scenario.host.fifo_events
        no_xhad = not has_xhad(platform) and scenario.host.ha
        no_blktap = not platform.blktap and scenario.host.blktap_ids
        problems += [
            (no_fifo, f"fifo_events: {platform.name} does not use FIFO event channels"),
            (no_blktap, f"blktap_ids: {platform.name} has no blktap"),
            (
                scenario.host.certificate_days is not None and not platform.certificates,
                f"certificate_days: {platform.name} has no certificates",
            ),
            (no_xhad, f"ha: {platform.name} has no xhad"),
        ]
    for vm in scenario.shapes.values():
        problems += [
            (
                vm.type not in ("pv", "pvh", "hvm"),
                f"no such VM type: {vm.type}; must be one of: pv, pvh, hvm",
            ),
            (vm.qemu not in QEMUS, f"no such qemu: {vm.qemu}; must be one of: {', '.join(QEMUS)}"),
            (not vm.vcpus, "vcpus must be greater than 0"),
            (
                vm.max_mib is not None and (vm.type == "pv" or vm.max_mib < vm.memory_mib),
                "max_mib: must be of an HVM or PVH guest, and no less than memory_mib",
            ),
            (
                bool(vm.backend) and vm.backend not in scenario.shapes,
                f"backend: no such shape: {vm.backend}",
            ),
        ]
    for step in scenario.steps:
        if isinstance(step, Write | Stall | HaWarning):
            problems += step.problems(platform)
        elif isinstance(step, Cut):
            problems += step.problems(scenario.host.portals)
        elif isinstance(step, Schedule):
            problems += step.problems()
        else:
            problems += _problems(step, scenario)
    for wrong, problem in problems:
        if wrong:
            raise ScenarioError(f"scenario {scenario.name}: {problem}")


def _problems(step: Step, scenario: Scenario) -> list[tuple[bool, str]]:
    if isinstance(step, Start):
        return [
            (step.shape not in scenario.shapes, f"no such shape: {step.shape}"),
            (not step.together, "together must be greater than 0"),
        ]
    if isinstance(step, Leak):
        return _of_leak(step, scenario)
    if isinstance(step, Fill):
        return _of_fill(step, scenario)
    return _of_host(step)


def _of_leak(step: Leak, scenario: Scenario) -> list[tuple[bool, str]]:
    platform = PLATFORMS.get(scenario.platform)
    comms = {daemon.comm for daemon in platform.daemons} if platform else set()
    nothing = not step.every or not step.amount
    no_xenopsd = step.what == "xenopsd_fds" and "xenopsd-xc" not in comms
    return [
        (no_xenopsd, f"what: {scenario.platform} has no xenopsd"),
        (step.what not in LEAKS, f"what must be one of: {', '.join(LEAKS)}"),
        (nothing, "every and amount of a leak must be greater than 0"),
    ]


def _of_host(step: Step) -> list[tuple[bool, str]]:
    """Those of a step that is about neither VMs nor tables."""
    found: list[tuple[bool, str]] = []
    match step:
        case Hang():
            found = [(step.target not in TARGETS, f"target must be one of: {', '.join(TARGETS)}")]
        case Install():
            problem = f"component must be one of: {', '.join(COMPONENTS)}"
            found = [(step.component not in COMPONENTS, problem)]
        case Disconnect():
            found = [(step.fault not in FAULTS, f"fault must be one of: {', '.join(FAULTS)}")]
        case Pressure():
            found = [(step.stalled > 1, "stalled must be at most 1")]
        case Print():
            found = [
                (step.log not in LOGS, f"log must be one of: {', '.join(LOGS)}"),
                (not step.every, "every of a print must be greater than 0"),
            ]
        case Restart():
            found = [(not step.every, "every of a restart must be greater than 0")]
        case Log():
            nothing = not step.every or not (step.mib or step.files)
            found = [(nothing, "every, and mib or files, of a log must be greater than 0")]
    return found


def _of_fill(step: Fill, scenario: Scenario) -> list[tuple[bool, str]]:
    platform = PLATFORMS.get(scenario.platform)
    settings = {**(platform.settings if platform else {}), **scenario.host.settings}
    return [
        (step.table not in TABLES, f"table must be one of: {', '.join(TABLES)}"),
        (
            step.table in TABLES and TABLES[step.table] not in settings,
            f"table {step.table} needs {TABLES.get(step.table)} in host.settings",
        ),
        (not step.every or not step.entries, "every and entries must be greater than 0"),
    ]


def arguments(peripherals: bool) -> tuple[str, ...]:
    """What QEMU emulates for a VM with peripherals, or without."""
    return tuple(ARGUMENTS) if peripherals else ()
