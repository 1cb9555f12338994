"""What is measured, row by row: the goal of each, and what 0.1 needed.

Those figures are of another machine with two CPUs, which other work kept busy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PROCESS_EXPORTER: Final = "process-exporter"
NODE_EXPORTER: Final = "node_exporter"
BARE: Final = "the same bytes from aiohttp"
CLIENT: Final = "prometheus_client"
PYROUTE2: Final = "pyroute2"
PYTHON: Final = "python -c pass"
MS: Final = "ms CPU"
US: Final = "µs CPU"
CORE: Final = "% of a core"
NOTHING: Final = 0.005
"""What is called none, in the unit of its row."""


@dataclass(frozen=True, slots=True)
class Goal:
    """At most `most` in the unit of the row, or that part of what the peer needs.

    Less than `NOTHING` is none.
    """

    most: float = 0.0
    of_peer: float = 0.0

    @property
    def text(self) -> str:
        """As the table shows it."""
        if self.of_peer >= 1:
            return f"<= {self.of_peer:g} x peer"
        if self.of_peer:
            return f"<= peer / {1 / self.of_peer:.0f}"
        return f"<= {self.most:g}" if self.most else f"< {NOTHING:g}"

    def is_met(self, ours: float, theirs: float | None) -> bool:
        """Whether these medians meet it."""
        if self.of_peer:
            return theirs is not None and ours <= self.of_peer * theirs
        return ours <= self.most if self.most else ours < NOTHING


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of one row: its unit, what 0.1 needed, its goal and its peer, as far as there are any.

    `note` is shown in place of a peer.
    """

    unit: str
    before: str = ""
    goal: Goal | None = None
    peer: str = ""
    note: str = ""


def scrape(clients: int) -> str:
    """Name of the row of so many clients."""
    some = "1 client" if clients == 1 else f"{clients} clients"
    return f"scrape of 1,000 HVM VMs, {some}, 99th percentile"


def daemon(vms: int, state: str) -> str:
    """Name of the row of a daemon's CPU time."""
    return f"daemon, {_vms(vms, state)}, scraped every 10 s"


def memory(vms: int, state: str) -> str:
    """Name of the row of a daemon's memory."""
    return f"memory of the daemon, {_vms(vms, state)}"


def record_day(vms: int) -> str:
    """Name of the row of a day's record."""
    return f"record of a day, {_vms(vms, BUSY)}"


def _vms(number: int, state: str) -> str:
    return f"{number:,} {state} HVM VMs" if number else "no VMs"


IDLE: Final = "idle"
BUSY: Final = "busy"
DAEMONS: Final = ((0, IDLE), (24, IDLE), (500, IDLE), (1000, IDLE), (1000, BUSY))
"""Daemons that are measured: their VMs, and whether those sleep."""
PROCESSES: Final = {state: f"reading 4,000 {state} processes" for state in (IDLE, BUSY)}
QEMUS: Final = "reading 1,000 busy QEMUs of 4 threads"
CHANNELS: Final = "9,000 event channels by hypercall, Python's part, per channel"
BRIDGES: Final = "1,000 ports of bridges, after an event"
QUIET_BRIDGES: Final = "1,000 ports of bridges, 10 s without an event"
QUEUES: Final = "queues of 1,000 interfaces, after an event"
QUIET_QUEUES: Final = "queues of 1,000 interfaces, no event since"
RENDERING: Final = "rendering 50,000 series, per series"
LARGE_RENDERING: Final = "rendering 500,000 series, per series"
GROWTH: Final = "rendering, time per domain with 10,000 against 1,000"
LAG: Final = "delay of the event loop, 1,000 HVM VMs, 99.9th percentile"
READY: Final = "xenwatch run, until READY"
VERSION: Final = "xenwatch --version"
CHECK: Final = "xenwatch check"
RECORD_CPU: Final = "extra CPU time for recording, 24 busy HVM VMs"
RECORD_MEMORY: Final = "extra memory for recording, 24 busy HVM VMs"
CHURN: Final = "memory growth after 1,700 starts and stops, beside 65 VMs"

TABLE: Final[Mapping[str, Wanted]] = {
    PROCESSES[IDLE]: Wanted(MS, "36", Goal(36), PROCESS_EXPORTER),
    PROCESSES[BUSY]: Wanted(MS, "476", Goal(of_peer=1 / 60), PROCESS_EXPORTER),
    QEMUS: Wanted(MS, "300", Goal(10)),
    CHANNELS: Wanted(US, "8 to 11", Goal(0.5), note="lsevtchn runs in Xen only"),
    BRIDGES: Wanted(MS, "50 to 65, twice a period", Goal(15), PYROUTE2),
    QUIET_BRIDGES: Wanted(MS, "50 to 65, twice a period", Goal(0)),
    QUEUES: Wanted(MS, "57 to 92"),
    QUIET_QUEUES: Wanted(MS, "57 to 92", Goal(0)),
    RENDERING: Wanted(US, "0.8", Goal(0.8), CLIENT),
    LARGE_RENDERING: Wanted(US, "4.15", Goal(0.8), CLIENT),
    GROWTH: Wanted("times", "2.0", Goal(1.1)),
    scrape(1): Wanted("ms", "437", Goal(of_peer=1.3), BARE),
    scrape(10): Wanted("ms", "1,241", Goal(of_peer=1.3), BARE),
    daemon(0, IDLE): Wanted(CORE, "0.25 to 0.33", Goal(0.1), NODE_EXPORTER),
    daemon(24, IDLE): Wanted(CORE, "0.9", Goal(0.3)),
    daemon(500, IDLE): Wanted(CORE, "", Goal(0.75)),
    daemon(1000, IDLE): Wanted(CORE, "7 to 13", Goal(1.5)),
    daemon(1000, BUSY): Wanted(CORE, "7 to 13", Goal(3)),
    memory(0, IDLE): Wanted("MiB", "48"),
    memory(24, IDLE): Wanted("MiB"),
    memory(500, IDLE): Wanted("MiB"),
    memory(1000, IDLE): Wanted("MiB", "145", Goal(100)),
    memory(1000, BUSY): Wanted("MiB", "145", Goal(100)),
    LAG: Wanted("ms", "243, with 500", Goal(20)),
    f"{VERSION}, {MS}": Wanted(MS, "460", Goal(120), PYTHON),
    f"{VERSION}, MiB": Wanted("MiB", "31", Goal(18), PYTHON),
    f"{CHECK}, {MS}": Wanted(MS, "460", Goal(120), PYTHON),
    f"{CHECK}, MiB": Wanted("MiB", "31", Goal(18), PYTHON),
    READY: Wanted(MS, "790 to 1,000", Goal(500), PYTHON),
    RECORD_CPU: Wanted(CORE, "", Goal(0.1)),
    RECORD_MEMORY: Wanted("MiB", "", Goal(10)),
    record_day(24): Wanted("MB", "", Goal(40)),
    record_day(1000): Wanted("MB", "", Goal(500)),
    CHURN: Wanted("MiB", "28", Goal(2.8)),
}
"""By the name of the row, in the order of the document."""
