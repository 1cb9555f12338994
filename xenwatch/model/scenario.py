"""Scenarios: events on a synthetic host, as data and in TOML."""

from __future__ import annotations

import dataclasses
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from xenwatch.model.platform import FIFO
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.qemu import AFTER_PULSAR, ARGUMENTS, BEFORE_PULSAR, USUAL, Habits
from xenwatch.model.state import TABLES
from xenwatch.model.steps import (
    LEAKS,
    LOGS,
    STEPS,
    Fill,
    Leak,
    Log,
    Pressure,
    Print,
    Restart,
    Start,
    Step,
)

_T = TypeVar("_T")


class ScenarioError(Exception):
    """The scenario is invalid; the text names it, the place and the reason."""


@dataclass(frozen=True, slots=True)
class Vm:
    """A VM as a scenario writes it.

    `qemu` is a name in `QEMUS`, `peripherals` whether QEMU emulates any for an HVM guest. With a
    `max_mib` above its memory an HVM or PVH guest is populated on demand.
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


QEMUS: Final[Mapping[str, Habits]] = {
    "usual": USUAL,
    "before-pulsar": BEFORE_PULSAR,
    "after-pulsar": AFTER_PULSAR,
}
"""What wakes a QEMU, by name."""


@dataclass(frozen=True, slots=True)
class Host:
    """Differences from the platform: dom0's vCPUs and memory, bridges, files of one line.

    `host_memory_gib` is the memory of the host, dom0's included.

    `qemus_in_root` has the QEMUs of guests in no control group of their own, `blktap_ids` disks
    served by blktap 4, which gives out ids where the kernel gave out minors. Without `fifo_events`
    dom0 was booted with `xen.fifo_events=0`, and has the 2-level event channels of 64 bits.
    """

    vcpus: int | None = None
    memory_gib: int | None = None
    host_memory_gib: int | None = None
    bridges: int | None = None
    control_slice: bool = True
    qemus_in_root: bool = False
    blktap_ids: bool = False
    fifo_events: bool = True
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
    document["host"] = _build(Host, document.get("host", {}), name, "host")
    shapes = _tables(document.get("shapes", {}), name, "shapes")
    document["shapes"] = {
        key: _build(Vm, table, name, f"shapes.{key}") for key, table in shapes.items()
    }
    steps = document.get("steps", [])
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise ScenarioError(f"scenario {name}: steps must be an array of tables")
    document["steps"] = tuple(
        _step(table, name, f"steps, number {number}") for number, table in enumerate(steps, 1)
    )
    scenario = _build(Scenario, document, name, "top", checked=("host", "shapes", "steps"))
    _check(scenario)
    return scenario


def _step(table: dict[str, Any], name: str, place: str) -> Step:
    kind = STEPS.get(table.pop("do", ""))
    if kind is None:
        raise ScenarioError(f"scenario {name}: {place}: do must be one of: {', '.join(STEPS)}")
    return _build(kind, table, name, place)


def _tables(value: object, name: str, place: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(table, dict) for table in value.values()):
        raise ScenarioError(f"scenario {name}: {place} must be a table of tables")
    return value


def _build(
    cls: type[_T], table: object, name: str, place: str, checked: tuple[str, ...] = ()
) -> _T:
    """The dataclass whose fields are the keys of the table, each of its type."""
    problem = f"scenario {name}: {place}: "
    if not isinstance(table, dict):
        raise ScenarioError(f"{problem}must be a table")
    hints = typing.get_type_hints(cls)
    for key, value in table.items():
        if key not in hints:
            raise ScenarioError(f"{problem}unknown key {key}; must be one of: {', '.join(hints)}")
        if key not in checked and not _is(value, hints[key]):
            raise ScenarioError(f"{problem}{key}: must be {_type_name(hints[key])}, not {value!r}")
    missing = [
        entry.name
        for entry in dataclasses.fields(cls)  # type: ignore[arg-type]
        if entry.name not in table
        if entry.default is entry.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ScenarioError(f"{problem}{missing[0]} is missing")
    return cls(**table)


def _is(value: object, hint: Any) -> bool:
    """Whether a TOML value has a field's type; integers are numbers too."""
    if isinstance(hint, types.UnionType):
        return any(_is(value, part) for part in typing.get_args(hint))
    if typing.get_origin(hint) is not None:
        return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
    if isinstance(value, bool) or hint is bool:
        return isinstance(value, bool) and hint is bool
    if hint is float:
        return isinstance(value, int | float) and value >= 0
    if hint is int:
        return isinstance(value, int) and value >= 0
    return isinstance(value, hint)


def _type_name(hint: Any) -> str:
    names = {int: "an integer >= 0", float: "a number >= 0", bool: "true or false", str: "a string"}
    return next(
        (text for kind, text in names.items() if _matches(hint, kind)), "a table of strings"
    )


def _matches(hint: Any, kind: type) -> bool:
    return hint is kind or (isinstance(hint, types.UnionType) and kind in typing.get_args(hint))


def _check(scenario: Scenario) -> None:
    """Raise `ScenarioError` for an unknown name or a value out of range."""
    problems = [
        (
            scenario.platform not in PLATFORMS,
            f"no such platform: {scenario.platform}; must be one of: {', '.join(PLATFORMS)}",
        ),
        (scenario.speed <= 0, "speed must be greater than 0"),
    ]
    platform = PLATFORMS.get(scenario.platform)
    if platform is not None:
        no_fifo = platform.channels != FIFO and not scenario.host.fifo_events
        no_blktap = not platform.blktap and scenario.host.blktap_ids
        problems += [
            (no_fifo, f"fifo_events: {platform.name} does not use FIFO event channels"),
            (no_blktap, f"blktap_ids: {platform.name} has no blktap"),
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
        ]
    for step in scenario.steps:
        problems += _problems(step, scenario)
    for wrong, problem in problems:
        if wrong:
            raise ScenarioError(f"scenario {scenario.name}: {problem}")


def _problems(step: Step, scenario: Scenario) -> list[tuple[bool, str]]:
    found: list[tuple[bool, str]] = []
    match step:
        case Start():
            found = [
                (step.shape not in scenario.shapes, f"no such shape: {step.shape}"),
                (not step.together, "together must be greater than 0"),
            ]
        case Leak():
            nothing = not step.every or not step.amount
            found = [
                (step.what not in LEAKS, f"what must be one of: {', '.join(LEAKS)}"),
                (nothing, "every and amount of a leak must be greater than 0"),
            ]
        case Fill():
            found = _of_fill(step, scenario)
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
