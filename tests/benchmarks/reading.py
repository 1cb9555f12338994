"""What readings cost: processes, event channels, bridges, and the queues of interfaces."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import struct
import tempfile
import time
from array import array
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any, Final

from pyroute2.netlink.rtnl.marshal import MarshalRtnl  # type: ignore[import-untyped]

from tests.benchmarks import table
from tests.benchmarks.results import Row
from tests.benchmarks.test_process_cost import PROCESSES, Dom0, ours, processes_of, theirs
from tests.benchmarks.threaded import threaded
from xenwatch.model.host import Machine
from xenwatch.model.platforms.debian import DEBIAN_12
from xenwatch.model.render.cpustat import render_net_dev
from xenwatch.model.render.rtnl import render_links
from xenwatch.model.source import ModelSource
from xenwatch.parse import evtchn
from xenwatch.parse.rtnl import BRIDGE_KIND, Link, parse_links
from xenwatch.probes import qemu, vifs
from xenwatch.probes.base import Pass, run
from xenwatch.probes.event_channels import EVENT_CHANNELS
from xenwatch.probes.kernel import BRIDGES
from xenwatch.probes.vifs import Known
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.sources.base import READ_LIMIT
from xenwatch.sources.kept_links import KeptLinks
from xenwatch.sources.privcmd import MULTICALL, Privcmd

QEMUS: Final = 1000
THREADS: Final = 4
CHANNELS: Final = 9000
PORTS: Final = 1000
QUEUES: Final = 2
TIMES: Final = 3
"""Runs of a round, of which the cheapest counts."""
PERIOD: Final = 10.0
"""Seconds for which the row of a probe is that runs seldom while nothing happens."""
MILLI: Final = 1e3
MICRO: Final = 1e6
_CALL: Final = struct.Struct("=QQQ")
_ENTRY: Final = 64
"""Bytes of a multicall_entry."""


def of_processes(rounds: int, _: float) -> Iterator[Row]:
    """A pass over QEMUs that sleep, and that have run, against a scrape of process-exporter."""
    vars(qemu)["SETTLE_MAX"] = PROCESSES  # all in one pass; a daemon gets there in several
    with processes_of(PROCESSES) as found:
        states: dict[str, Callable[[], None]] = {
            table.IDLE: found.asleep,
            table.BUSY: found.awake,
        }
        for state, before in states.items():
            pairs = [
                (ours(3, before)[0] * MILLI, theirs(2, before)[0] * MILLI) for _ in range(rounds)
            ]
            mine, others = zip(*pairs, strict=True)
            yield Row(table.PROCESSES[state], mine, others)
    with threaded(QEMUS, THREADS) as found_qemus:
        costs = [ours(TIMES, found_qemus.awake, QEMUS)[0] * MILLI for _ in range(rounds)]
    yield Row(table.QEMUS, tuple(costs))


def cheapest(work: Callable[[], object]) -> float:
    """CPU seconds of this thread for work, the least of a few times."""
    costs = []
    for _ in range(TIMES):
        before = time.thread_time()
        work()
        costs.append(time.thread_time() - before)
    return min(costs)


def of_channels(rounds: int, _: float) -> Iterator[Row]:
    """The probe over a table of channels, with a Xen that answers each batch with a copy."""
    with tempfile.TemporaryDirectory() as name:
        device = Path(name, "dev/xen/privcmd")
        device.parent.mkdir(parents=True)
        device.touch()
        source = Dom0(name)
        privcmd = Privcmd(name)
        vars(source)["_privcmd"] = privcmd
        kernel = fcntl.ioctl
        vars(fcntl)["ioctl"] = _xen(privcmd)
        try:
            costs = [
                cheapest(lambda: _all_channels(source)) / CHANNELS * MICRO for _ in range(rounds)
            ]
        finally:
            vars(fcntl)["ioctl"] = kernel
            source.close()
    yield Row(table.CHANNELS, tuple(costs))


def _all_channels(source: Dom0) -> None:
    result = run(EVENT_CHANNELS, source, Pass(Snapshot()))
    assert result.outcome.status is Status.OK, result.outcome
    assert result.reading.by_kind == {evtchn.INTERDOMAIN: CHANNELS}


def _xen(privcmd: Privcmd) -> Callable[..., int]:
    """An ioctl that answers multicalls: every port is connected to some domain, up to the last."""
    size, count = evtchn.STATUS_SIZE, evtchn.BATCH
    buffer = vars(privcmd)["_buffer"]
    answers = {}
    for first in range(0, CHANNELS + count, count):
        entries, block = bytearray(buffer[: _ENTRY * count]), array("I", bytes(size * count))
        results = [0 if first + number < CHANNELS else -errno.EINVAL for number in range(count)]
        words = array("q", bytes(_ENTRY * count))
        words[1 :: _ENTRY // 8] = array("q", results)
        entries = bytearray(words.tobytes())
        step = size // 4
        block[1::step] = array("I", range(first, first + count))
        block[2::step] = array("I", [2] * count)
        block[4::step] = array("I", [1 + (first + number) % 1000 for number in range(count)])
        answers[first] = bytes(entries) + block.tobytes()

    def ioctl(_fd: int, _number: int, request: bytearray, _mutate: bool) -> int:
        number, _address, calls = _CALL.unpack_from(request)
        assert (number, calls) == (MULTICALL, count)
        place = _ENTRY * count
        first = int.from_bytes(buffer[place + 4 : place + 8], "little")
        answer = answers[first]
        buffer[: len(answer)] = answer
        return 0

    return ioctl


class Linked(ModelSource):
    """A host with so many ports of a bridge, whose dump is kept as on a real one."""

    def __init__(self) -> None:
        super().__init__(Machine(DEBIAN_12))
        bridge = Link(1, "xenbr0", None, BRIDGE_KIND)
        ports = [Link(2 + number, f"vif{number + 1}.0", 1, "") for number in range(PORTS)]
        self.dumped = render_links([bridge, *ports])
        self.kept = KeptLinks(lambda: bytes(bytearray(self.dumped)))

    def links(self) -> bytes:
        """Those of the last dump, until something happens."""
        return self.kept.read()


async def _events() -> AsyncGenerator[bytes, None]:
    while True:
        yield b""


def of_bridges(rounds: int, _: float) -> Iterator[Row]:
    """The probe of bridges once something has happened to a link, and `PERIOD` without that."""
    source = Linked()
    marshal = MarshalRtnl()
    events, quiet, others = [], [], []

    known = Pass(Snapshot())

    def read() -> None:
        nonlocal known
        result = run(BRIDGES, source, known)
        assert result.outcome.status is Status.OK
        known = Pass(Snapshot(), {BRIDGES.name: result.memory})

    async def measure() -> None:
        stream = source.kept.followed(_events())
        await anext(stream)
        for _ in range(rounds):
            costs = []
            for _ in range(TIMES):
                await anext(stream)
                parse_links.cache_clear()  # what happened has changed the dump
                before = time.thread_time()
                read()
                costs.append(time.thread_time() - before)
            events.append(min(costs) * MILLI)
            quiet.append(cheapest(read) * MILLI * PERIOD / BRIDGES.quiet)
            others.append(cheapest(lambda: list(marshal.parse(source.dumped))) * MILLI)
        await stream.aclose()

    asyncio.run(measure())
    yield Row(table.BRIDGES, tuple(events), tuple(others))
    yield Row(table.QUIET_BRIDGES, tuple(quiet))


class Interfaces(Dom0):
    """A host whose interfaces have directories of queues, as sysfs has them."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        links = [Link(number, f"vif{number}.0", 1, "") for number in range(1, PORTS + 1)]
        self.dumped = render_links(links)
        self.counters = render_net_dev({link.name: (0,) * 16 for link in links})
        for link in links:
            for queue in range(QUEUES):
                for way in ("rx", "tx"):
                    Path(root, f"sys/class/net/{link.name}/queues/{way}-{queue}").mkdir(
                        parents=True
                    )

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """The counters, of all files."""
        return self.counters if path == "/proc/net/dev" else super().read(path, limit)

    def links(self) -> bytes:
        """The same dump, until `happen`."""
        return self.dumped

    def happen(self) -> None:
        """Have the kernel dump anew."""
        self.dumped = bytes(bytearray(self.dumped))
        parse_links.cache_clear()


def of_queues(rounds: int, _: float) -> Iterator[Row]:
    """The time in which queues are listed, of a pass after an event and of one after none."""
    listing = vars(vifs)["_queues"]
    spent = 0.0

    def timed(*arguments: Any) -> Any:
        nonlocal spent
        before = time.thread_time()
        try:
            return listing(*arguments)
        finally:
            spent += time.thread_time() - before

    events: list[float] = []
    quiet: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        source, known = Interfaces(name), Known()
        vars(vifs)["_queues"] = timed
        try:
            for _ in range(rounds):
                for costs in (events, quiet):
                    if costs is events:
                        source.happen()
                    spent = 0.0
                    found, known = vifs.read_vifs(source, Snapshot(), known)
                    assert {vif.queues for vif in found.values()} == {QUEUES}
                    costs.append(spent * MILLI)
        finally:
            vars(vifs)["_queues"] = listing
            source.close()
    yield Row(table.QUEUES, tuple(events))
    yield Row(table.QUIET_QUEUES, tuple(quiet))
