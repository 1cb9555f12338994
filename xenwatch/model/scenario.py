"""Scenarios: events on a synthetic host, as data and in TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from xenwatch.model.guest_storage import Stall, Write
from xenwatch.model.platform import FIFO
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.qemu import AFTER_PULSAR, ARGUMENTS, BEFORE_PULSAR, USUAL, Habits
from xenwatch.model.state import TABLES, UNLOADED_ROUND_TRIPS
from xenwatch.model.switch import FAULTS, Disconnect, Unplug
from xenwatch.model.toml import ScenarioError, build, tables


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
class Start:
    """Start VMs of a shape, `together` at a time and every so many seconds.

    Until one is refused where there is no `count`. `jitter` is the part of `every` by which a
    start may come later, `boot` the seconds until a VM's devices connect.
    """

    shape: str
    at: float = 0.0
    count: int | None = None
    every: float = 0.0
    together: int = 1
    jitter: float = 0.0
    boot: float = 0.0


@dataclass(frozen=True, slots=True)
class Stop:
    """Shut down so many VMs, the oldest first, each of which is gone half a minute later.

    With `dying` each stays as a dying domain.
    """

    count: int
    at: float = 0.0
    every: float = 0.0
    dying: bool = False


@dataclass(frozen=True, slots=True)
class Leak:
    """Leak a resource every so many seconds until it is exhausted.

    `what` is one of `LEAKS`, `amount` how much at a time: event channels, descriptors, grant
    entries of the oldest VM, ids or minors of tapdisks that died, VMs that are stopped, stay as
    dying and are started anew, or nodes or watches of the oldest VM in xenstore.
    """

    what: str
    at: float = 0.0
    every: float = 1.0
    amount: int = 1
    count: int | None = None


LEAKS: Final = (
    "event_channels",
    "xenstored_fds",
    "xenopsd_fds",
    "grant_frames",
    "blktap_minors",
    "dying_domains",
    "xenstore_nodes",
    "xenstore_watches",
)


@dataclass(frozen=True, slots=True)
class Log:
    """Write so many MiB, into so many new files, to the logs' file system every so many seconds."""

    mib: int = 0
    files: int = 0
    at: float = 0.0
    every: float = 1.0
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """CPU demand of the datapath and the control path from `at` on, in CPUs per process.

    `datapath` is each tapdisk and each receiving thread of netback, `control` each daemon of the
    toolstack.
    """

    datapath: float
    control: float = 0.1
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Requests:
    """Reads of disks a second from `at` on: `each` by each of the `hungry` oldest VMs.

    Each disk of the other VMs has `others` a second, and every read takes `wait_ms`.
    """

    hungry: int
    each: int
    others: int = 10
    wait_ms: float = 1.0
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Pressure:
    """How dom0's memory runs out from `at` on.

    So many MiB of swap are in use and so many pages a second are read back from it; tasks wait for
    memory for a part `stalled` of the time, and `blocked` of them for I/O. `fragmented` is whether
    free memory is in pieces of two pages at most.
    """

    swap_mib: int = 0
    swap_ins: int = 0
    stalled: float = 0.0
    blocked: int = 0
    fragmented: bool = False
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Kill:
    """The OOM killer kills processes of this name, every so many seconds."""

    comm: str
    at: float = 0.0
    every: float = 1.0
    count: int | None = 1


@dataclass(frozen=True, slots=True)
class Fill:
    """Make so many entries of one of the kernel's tables every so many seconds until it is full."""

    table: str
    entries: int
    at: float = 0.0
    every: float = 1.0
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Hang:
    """A daemon of the control path takes so many seconds longer to answer from `at` on.

    `target` is one of `TARGETS`. With 2 seconds or more its clients time out, with 0 it answers as
    before.
    """

    target: str
    seconds: float
    at: float = 0.0


TARGETS: Final = tuple(UNLOADED_ROUND_TRIPS)

Step = (
    Start
    | Stop
    | Leak
    | Log
    | Load
    | Requests
    | Pressure
    | Kill
    | Fill
    | Hang
    | Disconnect
    | Unplug
    | Write
    | Stall
)
STEPS: Final[Mapping[str, type[Step]]] = {
    "start": Start,
    "stop": Stop,
    "leak": Leak,
    "log": Log,
    "load": Load,
    "requests": Requests,
    "pressure": Pressure,
    "kill": Kill,
    "fill": Fill,
    "hang": Hang,
    "disconnect": Disconnect,
    "unplug": Unplug,
    "write": Write,
    "stall": Stall,
}
"""Kinds of steps by what `do` says."""


@dataclass(frozen=True, slots=True)
class Host:
    """Differences from the platform: dom0's vCPUs and memory, bridges, bond, files of one line.

    `host_memory_gib` is the memory of the host, dom0's included.

    `qemus_in_root` has the QEMUs of guests in no control group of their own, `blktap_ids` disks
    served by blktap 4, which gives out ids where the kernel gave out minors. Without `fifo_events`
    dom0 was booted with `xen.fifo_events=0`, and has the 2-level event channels of 64 bits. With
    `c_xenstored` the C xenstored runs instead of oxenstored.
    """

    vcpus: int | None = None
    memory_gib: int | None = None
    host_memory_gib: int | None = None
    bridges: int | None = None
    bond: bool = False
    control_slice: bool = True
    qemus_in_root: bool = False
    blktap_ids: bool = False
    fifo_events: bool = True
    c_xenstored: bool = False
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
            (
                bool(vm.backend) and vm.backend not in scenario.shapes,
                f"backend: no such shape: {vm.backend}",
            ),
        ]
    for step in scenario.steps:
        if isinstance(step, Write | Stall):
            problems += step.problems(platform)
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
        platform = PLATFORMS.get(scenario.platform)
        comms = {daemon.comm for daemon in platform.daemons} if platform else set()
        return [
            (
                step.what == "xenopsd_fds" and "xenopsd-xc" not in comms,
                f"what: {scenario.platform} has no xenopsd",
            ),
            (step.what not in LEAKS, f"what must be one of: {', '.join(LEAKS)}"),
            (
                not step.every or not step.amount,
                "every and amount of a leak must be greater than 0",
            ),
        ]
    if isinstance(step, Fill):
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
    return _problems_of_host(step)


def _problems_of_host(step: Step) -> list[tuple[bool, str]]:
    """Those of a step that is about neither VMs nor tables."""
    found = []
    if isinstance(step, Hang):
        found = [(step.target not in TARGETS, f"target must be one of: {', '.join(TARGETS)}")]
    elif isinstance(step, Disconnect):
        found = [(step.fault not in FAULTS, f"fault must be one of: {', '.join(FAULTS)}")]
    elif isinstance(step, Pressure):
        found = [(step.stalled > 1, "stalled must be at most 1")]
    elif isinstance(step, Log):
        nothing = not step.every or not (step.mib or step.files)
        found = [(nothing, "every, and mib or files, of a log must be greater than 0")]
    return found


def arguments(peripherals: bool) -> tuple[str, ...]:
    """What QEMU emulates for a VM with peripherals, or without."""
    return tuple(ARGUMENTS) if peripherals else ()
