"""Playing a scenario: its host at any moment of the scenario's time."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import random
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

from xenwatch.model import cpu, guest_storage, requests, standing
from xenwatch.model.changed_host import on_host
from xenwatch.model.devices import Shape, vm
from xenwatch.model.guest_storage import STORAGES, Stall, Write
from xenwatch.model.ha import HaWarning
from xenwatch.model.host import Machine
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.qemu import PERIOD
from xenwatch.model.refusal import Refused
from xenwatch.model.san import Cut
from xenwatch.model.scenario import QEMUS, Scenario, arguments
from xenwatch.model.standing import Drift, Schedule
from xenwatch.model.state import BEGAN
from xenwatch.model.steps import (
    Fill,
    Hang,
    Kill,
    Leak,
    Load,
    Log,
    Once,
    Pressure,
    Print,
    Requests,
    Restart,
    Start,
    Step,
    Stop,
    Timed,
)
from xenwatch.model.switch import Disconnect, Unplug
from xenwatch.model.upkeep import Install

TICK: Final = 10.0
"""Step in seconds in which load is applied."""
SHUTDOWN: Final = PERIOD + 1.0
"""Seconds a shutdown takes, one of them the toolstack's."""
_KIB: Final = 1024
_MICROSECONDS: Final = 1_000_000

Act = Callable[[], bool]
"""One action of a step; false when it failed, which ends the step."""


class Player:
    """The host of a scenario, advanced in time by `advance`.

    `began` is when that was made (Unix time). `errors` are the errors an operator would see, each
    with its time in seconds. Two players of one scenario reach the same host at the same time, in
    any number of steps.
    """

    def __init__(self, scenario: Scenario, began: float = BEGAN) -> None:
        platform = on_host(PLATFORMS[scenario.platform], scenario.host, began)
        self.machine = Machine(platform, began=began)
        self.errors: list[tuple[float, str]] = []
        self._scenario = scenario
        self._random = random.Random(scenario.seed)  # noqa: S311 - reproducible, not secret
        self._living: list[int] = []
        self._shapes = {
            name: dataclasses.replace(
                vm(
                    platform,
                    shape.type,
                    vcpus=shape.vcpus,
                    disks=shape.disks,
                    vifs=shape.vifs,
                    queues=shape.queues,
                    uefi=shape.uefi,
                    memory_kib=shape.memory_mib * _KIB,
                ),
                habits=QEMUS[shape.qemu],
                peripherals=arguments(shape.peripherals),
                max_kib=(shape.max_mib or 0) * _KIB,
            )
            for name, shape in scenario.shapes.items()
        }
        self._started: dict[int, Shape] = {}
        self._servers: dict[str, int] = {}
        self._load: Load | None = None
        self._pressure: Pressure | None = None
        self._disconnected = 0
        self._waiting: list[tuple[float, int, Iterator[float]]] = []
        self._numbers = itertools.count()
        for step in scenario.steps:
            self._wait(next(self._numbers), self._play(step))

    @property
    def seconds(self) -> float:
        """The scenario's time."""
        return self.machine.dom0.seconds

    def advance(self, seconds: float) -> None:
        """Play all steps up to this time of the scenario; it never goes back."""
        while self._waiting and self._waiting[0][0] <= seconds:
            due, number, step = heapq.heappop(self._waiting)
            self.machine.advance(due)
            self._wait(number, step)
        self.machine.advance(seconds)

    def _wait(self, number: int, step: Iterator[float]) -> None:
        """Run a step once, and schedule it for the time it yields."""
        due = next(step, None)
        if due is not None:
            heapq.heappush(self._waiting, (due, number, step))

    def _play(self, step: Step) -> Iterator[float]:
        """Yield the times of a step's actions; asking for the next one performs the action."""
        if isinstance(step, Load):
            yield from self._loads(step)
        elif isinstance(step, Requests):
            yield from self._requests(step)
        elif isinstance(step, Pressure):
            yield from self._pressures(step)
        elif isinstance(step, Once):
            yield step.at
            self._once(step)
        elif isinstance(step, Start):
            yield from self._starts(step)
        elif isinstance(step, Stall):
            yield from self._stalls(step)
        elif isinstance(step, Cut):
            yield from self._cuts(step)
        else:
            act = self._act(step)
            done, due = 0, step.at
            while step.count is None or done < step.count:
                yield due
                if not act():
                    return
                done += 1
                due += step.every

    def _once(self, step: Once) -> None:
        dom0 = self.machine.dom0
        match step:
            case Hang(target=target, seconds=seconds):
                dom0.hung[target] = seconds
            case Drift():
                dom0.standing.drifts_from = self.seconds
            case HaWarning(warning=warning):
                dom0.standing.warned[warning] = self.seconds
            case Schedule():
                standing.schedule(dom0.standing, step, self.seconds)

    def _loads(self, step: Load) -> Iterator[float]:
        due = step.at
        yield due
        self._load = step
        while self._load is step:
            due += TICK
            yield due
            if self._load is step:
                cpu.run(self.machine.dom0, TICK, step.datapath, step.control)

    def _requests(self, step: Requests) -> Iterator[float]:
        due = step.at
        yield due
        while True:
            due += TICK
            yield due
            hungry = frozenset(self._living[: step.hungry])
            requests.run(self.machine.dom0, TICK, hungry, step)

    def _pressures(self, step: Pressure) -> Iterator[float]:
        due = step.at
        yield due
        dom0 = self.machine.dom0
        self._pressure = step
        dom0.swap_kib, dom0.fragmented = step.swap_mib * _KIB, step.fragmented
        dom0.stalled_part, dom0.blocked = step.stalled, step.blocked
        while self._pressure is step:
            due += TICK
            yield due
            if self._pressure is step:
                dom0.swap_ins += round(TICK * step.swap_ins)
                dom0.stalled_us += round(TICK * step.stalled * _MICROSECONDS)

    def _stalls(self, step: Stall) -> Iterator[float]:
        yield step.at
        guest_storage.stall(self.machine.dom0, step.requests)
        if step.until is not None:
            yield step.until
            guest_storage.resume(self.machine.dom0)

    def _cuts(self, step: Cut) -> Iterator[float]:
        yield step.at
        self.machine.dom0.cut_portals.add(step.portal)
        if step.until is not None:
            yield step.until
            self.machine.dom0.cut_portals.discard(step.portal)

    def _act(self, step: Timed) -> Act:
        act: Act
        match step:
            case Stop(dying=dying):
                act = partial(self._stop, dying=dying)
            case Restart():
                act = self._restart
            case Fill(table=table, entries=entries):
                act = partial(self._fill, table, entries)
            case Disconnect(fault=fault):
                act = partial(self._disconnect, fault)
            case Log() | Write():
                act = partial(self._write, step)
            case Leak(what=what, amount=amount):
                act = partial(self._leak, self._leaks()[what], amount)
            case _:
                act = self._on_host(step)
        return act

    def _on_host(self, step: Kill | Print | Unplug | Install) -> Act:
        """One action of a step that no VM has a part in."""
        match step:
            case Kill(comm=comm):
                return partial(self.machine.oom_kill, comm)
            case Print(log=log, text=text):
                return partial(self.machine.print_line, log, text)
            case Unplug(device=device):
                return partial(self.machine.unplug, device)
            case Install():
                return partial(self.machine.install, step)

    def _leaks(self) -> Mapping[str, Callable[[int], None]]:
        return {
            "event_channels": self._leak_channels,
            "xenstored_fds": self._leak_fds,
            "xenopsd_fds": self._leak_sockets,
            "grant_frames": self._leak_grants,
            "blktap_minors": self._leak_minors,
            "dying_domains": self._leak_domains,
            "xenstore_nodes": partial(self._use_xenstore, "nodes"),
            "xenstore_watches": partial(self._use_xenstore, "watches"),
        }

    def _starts(self, step: Start) -> Iterator[float]:
        started, batch = 0, 0
        while step.count is None or started < step.count:
            late = self._random.random() * step.jitter * step.every
            yield step.at + batch * step.every + late
            batch += 1
            for _ in range(step.together):
                if step.count is not None and started >= step.count:
                    return
                if not self._start(step.shape):
                    return
                started += 1
                if step.boot:
                    domid = self._living[-1]
                    self.machine.hold(domid)
                    self._wait(next(self._numbers), self._booted(domid, step.boot))

    def _booted(self, domid: int, seconds: float) -> Iterator[float]:
        yield self.seconds + seconds
        self.machine.connect(domid)

    def _start(self, shape: str) -> bool:
        """Start a VM; false when it fails or lacks a device."""
        number = len(self._started) + 1
        name = f"{shape}-{number:04}".encode()
        its = self._served(shape)
        try:
            domid = self.machine.start(name, its)
        except Refused as refusal:
            self._report(f"{name.decode()}: {refusal.text}")
            return False
        self._living.append(domid)
        self._started[domid] = its
        self._servers.setdefault(shape, domid)
        broken = self.machine.broken.get(domid, [])
        for text in broken:
            self._report(f"{name.decode()}: {text}")
        return not broken

    def _served(self, shape: str) -> Shape:
        """The shape, its interfaces served by the domain it names; by dom0 where that is none."""
        its = self._shapes[shape]
        server = self._servers.get(self._scenario.shapes[shape].backend, 0)
        nics = tuple(dataclasses.replace(nic, backend=server) for nic in its.nics)
        return dataclasses.replace(its, nics=nics)

    def _stop(self, *, dying: bool) -> bool:
        if not self._living:
            return False
        domid = self._living.pop(0)
        if dying:
            self.machine.leave_zombie(domid)
        else:
            self.machine.shut_down(domid)
            self._wait(next(self._numbers), self._gone(domid))
        return True

    def _restart(self) -> bool:
        if not self._living:
            return False
        domid = self._living[0]
        shape = self._started[domid]
        self._living[0] = self.machine.restart(domid, shape)
        self._started[self._living[0]] = shape
        return True

    def _gone(self, domid: int) -> Iterator[float]:
        yield self.seconds + SHUTDOWN
        self.machine.destroy(domid)

    def _leak(self, leak: Callable[[int], None], amount: int) -> bool:
        try:
            leak(amount)
        except Refused as refusal:
            self._report(f"exhausted: {refusal.text}")
            return False
        return True

    def _leak_channels(self, amount: int) -> None:
        for _ in range(amount):
            self.machine.leak_channel()

    def _leak_fds(self, amount: int) -> None:
        for _ in range(amount):
            self.machine.leak_client()

    def _leak_sockets(self, amount: int) -> None:
        for _ in range(amount):
            self.machine.leak_xenopsd_socket()

    def _leak_grants(self, amount: int) -> None:
        if self._living:
            self.machine.leak_grants(self._living[0], amount)

    def _leak_minors(self, amount: int) -> None:
        for _ in range(amount):
            self.machine.leak_minor()

    def _leak_domains(self, amount: int) -> None:
        for _ in range(min(amount, len(self._living))):
            domid = self._living.pop(0)
            name = self.machine.dom0.domains[domid].name
            self.machine.leave_zombie(domid)
            again = self.machine.start(name, self._started[domid])
            self._living.append(again)
            self._started[again] = self._started[domid]

    def _use_xenstore(self, kind: str, amount: int) -> None:
        if self._living and not self.machine.use_xenstore(self._living[0], kind, amount):
            raise Refused(f"xenstore_{kind}")

    def _fill(self, table: str, entries: int) -> bool:
        if self.machine.fill_table(table, entries):
            return True
        self._report(f"table full: {table}")
        return False

    def _disconnect(self, fault: str) -> bool:
        """The number of VMs disconnected is that of the oldest one still connected."""
        if self._disconnected >= len(self._living):
            return False
        self.machine.disconnect(self._living[self._disconnected], fault)
        self._disconnected += 1
        return True

    def _write(self, step: Log | Write) -> bool:
        if isinstance(step, Write):
            done = guest_storage.write(self.machine.dom0, step.storage, step.gib)
            error = STORAGES[step.storage]
        else:
            done = self.machine.write_log(step.mib * _KIB, step.files)
            error = "No space left on device"
        if not done:
            self._report(error)
        return done

    def _report(self, text: str) -> None:
        self.errors.append((self.seconds, text))
